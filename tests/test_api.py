"""rnnlab.run and rnnlab.sweep: what the command does, called from Python, and nothing else of the caller's changed."""

import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
from hydra.core.global_hydra import GlobalHydra

import rnnlab as package
from rnnlab import ConfigError
from rnnlab.sweep import worker
from rnnlab.sweep.finished import RunFailed

SMALL = {
    "task.n_points": 60,
    "task.forecast_steps": 7,
    "cell.hidden_size": 5,
    "training": {"steps": 6, "eval_every": 3, "batch_size": 16},
}
AXES = SMALL | {"cell.activation": ["tanh", "relu"], "study": "mine"}
TYPED = ["task.n_points=60", "task.forecast_steps=7", "cell.hidden_size=5"]
TYPED += ["training.steps=6", "training.eval_every=3", "training.batch_size=16"]
STUDY = """\
# @package _global_
question: why?
study: mine
claims: [{says: relu learns, quantity: score, of: {cell.activation: relu}, than: 0.5, is: higher}]
task: {n_points: 60, forecast_steps: 7}
cell: {hidden_size: 5}
training: {steps: 6, batch_size: 16}
hydra: {sweeper: {params: {cell.activation: "tanh,relu", seed: "range(2)"}}}
"""


@pytest.fixture(autouse=True)
def _an_empty_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    monkeypatch.setattr(sys, "argv", ["notebook", "--not", "rnnlab's"])
    GlobalHydra.instance().clear()


def records(study):
    """The bytes of every file of a study's records that follow from configs and overrides alone, by path."""
    names = ("run.json", "curves.csv", "predictions.csv", ".hydra/config.yaml", ".hydra/overrides.yaml")
    return {
        f"{folder.parent.name}/{name}": (folder.parent / name).read_bytes()
        for folder in Path("outputs", study).glob("*/run.json")
        for name in names
    }


# One run


def test_a_run_comes_back_as_its_record(capsys):
    result = package.run(SMALL, seed=2)
    assert result.folder == Path("outputs/scratch", f"sines-rnn-tanh-s2-{result.run_id}").absolute()
    record = json.loads((result.folder / "run.json").read_text())
    assert (result.run_id, result.outcome) == (record["run_id"], record["outcome"])
    assert {**result.config, "code": result.code} == record["config"]
    assert result.metrics == {name: float(value) for name, value in record["metrics"].items()}
    assert result.curves["step"].tolist() == [0, 3, 6]
    assert len(result.predictions) == 9  # the last 15 % of 60 points
    assert repr(result) == f"<{result.folder.name}: {result.outcome}; eval_loss {result.metrics['eval_loss']:.4g}>"
    assert capsys.readouterr() == ("", "")


def test_a_run_leaves_the_same_bytes_as_the_command(rnnlab):
    assert rnnlab(*TYPED, "cell.activation=relu", "study=typed") == 0
    package.run([*TYPED, "cell.activation=relu"], study="called")
    typed, called = records("typed"), records("called")
    assert len(typed) == 5
    assert {name: text.replace(b"called", b"typed") for name, text in called.items()} == typed


def test_the_record_names_the_command_that_does_the_same(rnnlab):
    result = package.run(SMALL, study="a b")
    command = json.loads((result.folder / "provenance.json").read_text())["command"]
    assert command == f"rnnlab {' '.join(TYPED)} 'study='\"'\"'a b'\"'\"''"
    package.sweep(seeds=2, n_workers=1, report=False, **AXES)
    command = json.loads(Path("outputs/mine/study.json").read_text())["command"]
    assert command.startswith("rnnlab -m task.n_points=60 ") and command.endswith("hydra.launcher.report=false")


def test_the_config_of_a_record_gives_the_same_run():
    result = package.run(SMALL, cell="lstm", task={"name": "sinc"})
    assert package.run(result.config, study="again").run_id == result.run_id


def test_a_value_by_name_takes_the_place_of_one_in_the_config():
    config = package.run(SMALL, cell={"name": "gru", "hidden_size": 3}, **{"training.steps": 2}).config
    assert (config["cell"]["name"], config["cell"]["hidden_size"], config["training"]["steps"]) == ("gru", 3, 2)
    assert config["training"]["batch_size"] == 16


def test_the_folder_of_a_run_may_be_elsewhere():
    result = package.run(SMALL, folder=Path("my runs"))
    assert result.folder.parent == Path("my runs").absolute()
    assert not Path("outputs").exists()


def test_a_run_that_diverges_is_a_result_and_one_that_raises_an_exception(monkeypatch):
    result = package.run(SMALL, optimizer="sgd", **{"optimizer.learning_rate": 1e30, "training.steps": 20})
    assert result.diverged and result.outcome == "diverged" and result.diverged_at_step > 0

    def failing(*_, **__):
        raise ArithmeticError("boom")

    monkeypatch.setattr(worker, "train", failing)
    with pytest.raises(RunFailed, match="ArithmeticError: boom"):
        package.run(SMALL)


# A sweep


def test_a_sweep_leaves_the_same_bytes_as_the_command_and_a_report(rnnlab, capsys):
    quick = ["hydra.launcher.n_workers=1", "hydra.launcher.report=false"]
    assert rnnlab("-m", *TYPED, "cell.activation=tanh,relu", "seed=range(2)", "study=typed", *quick) == 0
    results = package.sweep(seeds=2, n_workers=1, **AXES)
    typed = {name: text.replace(b"typed", b"mine") for name, text in records("typed").items()}
    same = {name for name in typed if not name.endswith("overrides.yaml")}  # the order of the keys is another one
    assert len(typed) == 20
    assert {name: records("mine")[name] for name in same} == {name: typed[name] for name in same}
    assert results.folder == Path("outputs/mine")
    assert set(zip(results.runs["cell.activation"], results.runs["seed"], strict=True)) == {
        (activation, seed) for activation in ("tanh", "relu") for seed in (0, 1)
    }
    assert "report: outputs/mine/report/index.html" in capsys.readouterr().out


def test_a_second_sweep_computes_what_is_missing_and_returns_all(capsys):
    package.sweep(seeds=[0], n_workers=1, report=False, **AXES)
    results = package.sweep(seeds=np.array([1, 2]), n_workers=1, report=False, **AXES)
    assert sorted(results.runs["seed"]) == [0, 0, 1, 1, 2, 2]
    capsys.readouterr()
    package.sweep(seeds=np.int64(3), n_workers=1, report=False, **AXES)
    assert "0 runs to train in 0 packs, 6 done before" in capsys.readouterr().out


def test_axes_are_lists_ranges_arrays_and_the_commands_own(capsys):
    rates = {"optimizer.learning_rate": np.array([0.001, 0.01])}
    assert package.sweep(seeds=3, dry_run=True, overrides=["cell=rnn,gru"], **SMALL, **rates) is None
    assert "12 to compute" in capsys.readouterr().out
    assert not Path("outputs").exists()


def test_a_study_of_ones_own_is_swept_look_after_look(capsys):
    Path("mystudies/experiment").mkdir(parents=True)
    Path("mystudies/experiment/mine.yaml").write_text(STUDY)
    once = package.sweep("mine", config_dir="mystudies", n_workers=1, report=False)
    assert len(once.runs) == 4
    options = {"until": "decided", "first_seeds": 5, "max_seeds": 10}
    results = package.sweep("mine", config_dir="mystudies", n_workers=1, report=False, **options)
    assert "look 1 of 2: 5 seeds" in capsys.readouterr().out
    assert len(results.verdicts) == 1
    assert set(results.runs["seed"]) >= set(range(5))


def test_runs_that_fail_are_named_and_the_others_come_back(capsys):
    # Weights of 36 terabytes; the check beforehand is told that there are.
    sizes = {"cell.hidden_size": [5, 3_000_000], "hydra.launcher.memory_gb": 1e9}
    results = package.sweep(n_workers=1, report=False, **SMALL | sizes)
    assert "rnnlab: 1 run failed; tracebacks are in outputs/scratch/" in capsys.readouterr().err
    assert [problem.kind for problem in results.problems] == ["failed"]


# What cannot be used


@pytest.mark.parametrize(
    ("config", "parts"),
    [
        ({"cel": {"activation": "relu"}}, ["cel.activation", "no such key", "did you mean 'cell'?"]),
        ({"cell": {"activaton": "relu"}}, ["cell.activaton", "no such key", "did you mean 'activation'?"]),
        ({"cell": {"name": "ltsm"}}, ["cell", "'ltsm'", "did you mean 'lstm'?"]),
        ({"task": "sine"}, ["task", "'sine'", "did you mean 'sines'?"]),
        ({"task": 3}, ["task", "'3'", "sines"]),
        ({"cell.activation": "rleu"}, ["cell.activation", "'rleu'", "did you mean 'relu'?"]),
        ({"cell.activation": ["tanh", "relu"]}, ["cell.activation", "['tanh', 'relu']", "str"]),
        ({"cell.hidden_size": 0}, ["cell.hidden_size", "0", "at least 1"]),
        ({"experiment": "activation"}, ["experiment", "'activation'", "did you mean 'activations'?"]),
        ("task=sines", ["'task=sines'", "a mapping, or a list"]),
        ([{"task": "sines"}], ["must be a mapping, or a list"]),
        (["seed=1", "seed=2"], ["seed", "given twice"]),
    ],
)
def test_what_a_run_cannot_use_is_one_line_and_nothing_is_written(config, parts):
    with pytest.raises(ConfigError) as refusal:
        package.run(config)
    assert all(part in str(refusal.value) for part in parts), refusal.value
    assert "\n" not in str(refusal.value)
    assert not Path("outputs").exists()


@pytest.mark.parametrize(
    ("call", "parts"),
    [
        (lambda: package.sweep("activation"), ["experiment", "'activation'", "did you mean 'activations'?"]),
        (lambda: package.sweep("activations", config_dir="nowhere"), ["config_dir", "'nowhere'", "folder"]),
        (lambda: package.sweep(seeds=2, seed=3), ["seed", "given twice"]),
        (lambda: package.sweep(seeds=0), ["nothing to sweep"]),
        (lambda: package.sweep(seeds={1, 2}), ["seed: {1, 2}; must be"]),
        (lambda: package.sweep(seeds=2.5), ["seed: 2.5", "whole number"]),
        (
            lambda: package.sweep(**{"cell.activation": ["tanh", "rleu"]}),
            ["'rleu'", "1 of 2 runs", "nothing was trained"],
        ),
        (lambda: package.sweep(**{"cell.activation": []}), ["cell.activation", "at least one value"]),
        (lambda: package.sweep("activations", n_workers=0), ["hydra.launcher.n_workers", "at least 1"]),
        (lambda: package.sweep("activations", engine="loca"), ["hydra.launcher.engine", "did you mean 'local'?"]),
        (lambda: package.sweep(until="decided"), ["until", "needs claims"]),
        (lambda: package.sweep("activations", until="decided", seeds=3), ["seed", "cannot be given with until"]),
        (lambda: package.sweep(overrides="seed=1,2"), ["'seed=1,2'", "list"]),
    ],
)
def test_what_a_sweep_cannot_use_is_one_line_and_nothing_is_written(call, parts):
    with pytest.raises(ConfigError) as refusal:
        call()
    assert all(part in str(refusal.value) for part in parts), refusal.value
    assert "\n" not in str(refusal.value)
    assert not Path("outputs").exists()


def test_a_single_run_is_not_taken_look_after_look():
    with pytest.raises(ConfigError, match=r"^until: 'decided'; must be null for a single run, .* rnnlab.sweep$"):
        package.run(until="decided")


# What is the caller's


CALLER = """
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase
import rnnlab

small = {small!r}
with initialize_config_dir({folder!r}, job_name="theirs", version_base="1.2"):
    HydraConfig.instance().set_config(before := compose("config", return_hydra_config=True))
    hydra = GlobalHydra.instance().hydra
    rnnlab.run(small)
    rnnlab.sweep(n_workers=1, report=False, study="mine", **small)
    assert GlobalHydra.instance().hydra is hydra
    assert HydraConfig.get() == before.hydra
    assert str(VersionBase.instance().getbase()) == "1.2"
    assert JobRuntime.instance().get("name") == "theirs"
    assert compose("config", ["x=3"]) == {{"x": 3}}
    assert hydra.config_loader.get_group_options("task") == ["theirs"], "rnnlab's tasks are not in their search path"
"""


def test_a_caller_who_uses_hydra_finds_it_as_it_was(tmp_path):
    """In a process of its own: the command, which other tests run, makes its groups known to the whole process."""
    (tmp_path / "theirs/task").mkdir(parents=True)
    (tmp_path / "theirs/config.yaml").write_text("defaults: [_self_, {task: null}]\nx: 1\n")
    (tmp_path / "theirs/task/theirs.yaml").write_text("y: 2\n")
    code = CALLER.format(small=SMALL, folder=str(tmp_path / "theirs"))
    ended = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert (ended.returncode, ended.stderr) == (0, "")


def test_the_logging_the_folder_and_the_command_line_of_the_caller_stay(tmp_path):
    root = logging.getLogger()
    before = (root.level, list(root.handlers), logging.getLogger("theirs").disabled, os.getcwd(), list(sys.argv))
    package.run(SMALL)
    package.sweep(n_workers=1, report=False, **AXES)
    after = (root.level, list(root.handlers), logging.getLogger("theirs").disabled, os.getcwd(), list(sys.argv))
    assert after == before


def test_signals_of_the_caller_stay():
    before = signal.getsignal(signal.SIGINT)
    package.sweep(n_workers=1, report=False, **AXES)
    assert signal.getsignal(signal.SIGINT) is before


def test_threads_may_call_at_the_same_time():
    found = {}

    def call(seed):
        found[seed] = package.run(SMALL, seed=seed)

    def sweep():
        found["sweep"] = package.sweep(seeds=2, n_workers=1, report=False, **AXES)

    threads = [threading.Thread(target=call, args=[seed]) for seed in range(3)] + [threading.Thread(target=sweep)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found[seed].config["seed"] for seed in range(3)] == [0, 1, 2]
    assert len(found["sweep"].runs) == 4


def test_the_functions_stay_functions_when_the_room_of_the_same_name_is_imported():
    assert callable(package.sweep)
    from rnnlab.sweep import server

    assert callable(package.sweep) and server.start


INTERRUPTED = """
import signal
import rnnlab
signal.signal(signal.SIGINT, signal.default_int_handler)  # a suite that a shell runs in the background ignores it
try:
    rnnlab.sweep(seeds=4, n_workers=1, report=False, study="long", **{"training.steps": 10**6})
except KeyboardInterrupt as interrupt:
    print("interrupted:", interrupt)
"""


def test_control_c_ends_a_sweep_with_a_keyboard_interrupt(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", INTERRUPTED], stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not Path("outputs/long/rnnlab.log").exists():
        assert time.monotonic() < deadline and process.poll() is None
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=60)
    assert out.splitlines()[-1] == "interrupted: what was finished is kept, and the same call goes on from there"
