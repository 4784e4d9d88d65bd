"""What docs/exports.md says is so: its table of targets, and its callback for W&B, which is tried without a network."""

import re
import struct
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rnnlab.export.targets import targets
from rnnlab.records.run import read_record

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "exports.md").read_text(encoding="utf-8")


def block(language):
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, flags=re.DOTALL)
    return found


def test_every_target_is_documented_and_has_its_extra():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    for name, target in targets().items():
        assert f"| `{name}` |" in PAGE
        assert not target.extra or target.extra in extras
        assert target.open_with.replace("{folder}", f"outputs/mine/export/{name}") in PAGE


def test_the_callback_hands_every_run_of_a_sweep_to_wandb(tmp_path):
    pytest.importorskip("wandb", reason="wandb is not installed: pip install -r requirements-exports.txt")
    (tmp_path / "wandb_runs.py").write_text(block("python"))
    (tmp_path / "mystudies/hydra/callbacks").mkdir(parents=True)
    (tmp_path / "mystudies/hydra/callbacks/wandb.yaml").write_text(block("yaml"))
    (given,) = [line for line in block("text").splitlines() if "hydra/callbacks=wandb" in line]
    assert given == "PYTHONPATH=. rnnlab -m --config-dir mystudies hydra/callbacks=wandb experiment=activations"
    small = ["task=sines", "task.n_points=60", "task.forecast_steps=2", "training.steps=4", "training.eval_every=2"]
    small += ["training.batch_size=8"]
    sweep = ["seed=0,1", "study=small", "hydra.launcher.n_workers=1", "hydra.launcher.report=false"]
    code = f"import sys; sys.path[:0] = ['.', {str(ROOT)!r}]; from rnnlab.__main__ import main; main()"
    words = ["-m", "--config-dir", "mystudies", "hydra/callbacks=wandb", *small, *sweep]
    done = subprocess.run(
        [sys.executable, "-c", code, *words], cwd=tmp_path, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert "Callback" not in done.stderr  # Hydra's warning of a callback that has raised
    handed = {}
    for path in tmp_path.glob("wandb/offline-run-*/run-*.wandb"):
        entries = list(records(path.read_bytes()))
        (run,) = [entry.run for entry in entries if entry.WhichOneof("record_type") == "run"]
        handed[run.display_name] = run, entries
    folders = {path.parent.name: path.parent for path in (tmp_path / "outputs/small").glob("*/run.json")}
    assert handed.keys() == folders.keys() and len(folders) == 2
    for name, (run, entries) in handed.items():
        assert run.project == "small"
        assert {item.key: item.value_json for item in run.config.update}["seed"] == name.split("-s")[1][0]
        result = read_record(folders[name]).result
        history = [values(entry.history.item) for entry in entries if entry.WhichOneof("record_type") == "history"]
        assert [float(row["curves/eval_loss"]) for row in history] == result.curves["eval_loss"].tolist()
        assert [int(row["_step"]) for row in history] == [0, 2, 4]
        summary = {}
        for entry in entries:
            summary |= values(entry.summary.update)
        assert float(summary["final/test_loss"]) == result.metrics["test_loss"]


def values(items):
    return {item.key or "/".join(item.nested_key): item.value_json for item in items}


def records(content):
    """The records of a .wandb file, a log of LevelDB: blocks of 32 kB, in them parts of records, each after a header of
    a checksum, a length and a kind (1: whole, 2: first, 3: middle, 4: last)."""
    from wandb.proto.wandb_internal_pb2 import Record

    place, parts = 7, b""  # after the header of the file
    while place + 7 <= len(content):
        if (left := 32768 - place % 32768) < 7:
            place += left
            continue
        _, length, kind = struct.unpack("<IHB", content[place : place + 7])
        parts += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):
            yield Record.FromString(parts)
            parts = b""
