"""The page on networks: its command and its Python run, one after the other, and it names what there is."""

import re
import shlex
from pathlib import Path

from rnnlab.tasks import TASKS

PAGE = (Path(__file__).parents[2] / "docs/network.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)


def test_the_examples_run_from_the_sweep_to_the_weights(rnnlab, capsys):
    (command,) = blocks("sh")
    _, *arguments = shlex.split(command, comments=True)
    assert rnnlab(*arguments, "training.steps=100", "hydra.launcher.report=false", "hydra.launcher.n_workers=1") == 0
    capsys.readouterr()
    names = {}
    for code in blocks("python"):
        exec(compile(code, "docs/network.md", "exec"), names)
    said = capsys.readouterr().out
    assert "(core): LSTM(1, 50, batch_first=True" in said
    forecast = float(said.splitlines()[said.splitlines().index(")") + 1])
    assert 250 < forecast < 550, "in thousands of passengers"
    assert (names["readout"].weight == names["weights"]["readout.weight"]).all()


def test_every_task_stands_in_the_table():
    table = re.search(r"\| task \|.*?\n\n", PAGE, flags=re.DOTALL)[0].strip()
    assert {name for row in table.splitlines() for name in re.findall(r"`(\w+)`", row.split("|")[1])} == set(TASKS)
