"""Sweeps from the command to the records: resumed, interrupted, failing, watched by callbacks, driven by sweepers."""

import contextlib
import errno
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.experimental.callback import Callback
from hydra.plugins.sweeper import Sweeper

from rnnlab.records.temporaries import temporary
from rnnlab.sweep import done
from rnnlab.sweep.folder import locked

SMALL = [
    "task.n_points=40",
    "task.window=4",
    "task.forecast_steps=3",
    "cell.hidden_size=5",
    "training.steps=3",
    "training.batch_size=8",
]
# cell.hidden_size=3000000 has weights of 36 terabytes; the check beforehand is told that there are.
UNCHECKED = "hydra.launcher.memory_gb=1e9"
SWEEP = [
    "-m",
    *SMALL,
    "cell.activation=tanh,relu",
    "seed=0,1",
    "study=small",
    "hydra.launcher.n_workers=1",
    "hydra.launcher.report=false",  # test_app has it
]


def written(folder="outputs/small"):
    """When each finished record was written, by the run's folder."""
    return {run.parent.name: run.stat().st_mtime_ns for run in Path(folder).glob("*/run.json")}


def content(folder="outputs/small"):
    files = ("run.json", "curves.csv", "predictions.csv", "weights.safetensors", "sha256sums")
    return {run: [Path(folder, run, name).read_bytes() for name in files] for run in written(folder)}


def test_the_same_command_again_computes_nothing_and_more_seeds_only_themselves(rnnlab, capsys):
    assert rnnlab(*SWEEP) == 0
    first = written()
    assert len(first) == 4
    assert rnnlab(*SWEEP) == 0
    assert written() == first
    assert rnnlab(*SWEEP, "seed=range(3)") == 0
    assert len(written()) == 6
    assert {run: written()[run] for run in first} == first
    assert "2 runs to train in 1 pack, 4 done before" in capsys.readouterr().out


def test_what_is_missing_or_broken_is_computed_again(rnnlab):
    rnnlab(*SWEEP)
    whole = content()
    gone, broken, kept, _ = sorted(whole)
    for file in Path("outputs/small", gone).glob("*.*"):
        if file.is_file():
            file.unlink()
    Path("outputs/small", broken, "run.json").write_text("{")
    name = temporary(Path("run.json")).name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-1")
    Path("outputs/small", broken, name).write_text("{")  # of a process killed while it wrote
    before = written()[kept]
    assert rnnlab(*SWEEP) == 0
    assert content() == whole
    assert written()[kept] == before
    assert not list(Path("outputs/small").glob("*/.*.tmp"))


def test_redo_all_computes_everything_again_to_the_same_bytes(rnnlab):
    rnnlab(*SWEEP)
    first, bytes_of = written(), content()
    assert rnnlab(*SWEEP, "hydra.launcher.redo=all", "hydra.launcher.n_workers=2") == 0
    assert content() == bytes_of
    assert all(written()[run] > first[run] for run in first)


def test_a_dry_run_lists_runs_and_packs_and_trains_nothing(rnnlab, capsys):
    assert rnnlab(*SWEEP, "hydra.launcher.dry_run=true", "study=nothing") == 0
    assert not Path("outputs").exists()
    assert rnnlab(*SWEEP, "seed=0") == 0
    assert rnnlab(*SWEEP, "hydra.launcher.dry_run=true") == 0
    out = capsys.readouterr().out
    assert "2 runs are done, 2 to compute in 1 pack" in out
    assert "nothing was trained" in out
    assert out.count("sines-rnn-tanh-s1-") == 2
    assert len(written()) == 2


def test_a_run_that_raises_fails_alone_and_is_counted_at_the_end(rnnlab, capsys):
    sweep = [*SWEEP, UNCHECKED, "cell.hidden_size=5,3000000", "hydra.launcher.report=true"]
    assert rnnlab(*sweep) == 1
    assert "4 runs failed" in capsys.readouterr().err
    runs = [json.loads(path.read_text()) for path in Path("outputs/small").glob("*/run.json")]
    assert sorted(run["status"] for run in runs) == ["completed"] * 4 + ["failed"] * 4
    assert all("Error" in run["error"] for run in runs if run["status"] == "failed")
    assert Path("outputs/small/report/index.html").is_file()
    assert rnnlab(*sweep, "hydra.launcher.redo=missing", "hydra.launcher.report=false") == 1  # they have failed still


def test_a_folder_that_is_in_use_is_left_alone(rnnlab, capsys):
    with locked(Path("outputs/small")):
        assert rnnlab(*SWEEP) == 2
    assert "in use by another rnnlab command" in capsys.readouterr().err
    assert not written()


def test_only_a_command_that_was_not_refused_writes_multirun_yaml(rnnlab, capsys):
    note = Path("outputs/small/multirun.yaml")
    with locked(note.parent):
        assert rnnlab(*SWEEP) == 2
    assert not note.exists()
    assert rnnlab(*SWEEP) == 0
    before = note.read_bytes()
    assert "seed: 0,1" not in note.read_text() and yaml.safe_load(before)["cell"]["hidden_size"] == 5
    with locked(note.parent):
        assert rnnlab(*SWEEP, "seed=range(3)", "cell.hidden_size=7") == 2
        capsys.readouterr()
        one_by_one = [*(word for word in SWEEP if not word.startswith("hydra.launcher")), "hydra/launcher=basic"]
        assert rnnlab(*one_by_one) == 2
        assert "in use by another rnnlab command" in capsys.readouterr().err
    assert rnnlab(*SWEEP, "cell.hidden_size=7", "hydra.launcher.dry_run=true") == 0
    (run, *_) = Path("outputs/small").glob("*/run.json")
    whole = run.read_text()
    (run.parent / "sha256sums").unlink()  # with it, the record would be damaged
    run.write_text(whole.replace('"hidden_size": 5', '"hidden_size": 6'))
    assert rnnlab(*SWEEP, "training.learning_rate=2") == 2 and rnnlab(*SWEEP) == 2
    assert note.read_bytes() == before
    run.write_text(whole)
    assert rnnlab(*SWEEP, "cell.hidden_size=7") == 0
    assert yaml.safe_load(note.read_text())["cell"]["hidden_size"] == 7
    assert not list(note.parent.glob("*.tmp"))


def test_a_foreign_record_in_a_runs_folder_is_refused_by_name(rnnlab, capsys):
    rnnlab(*SWEEP)
    run = Path("outputs/small", min(written()), "run.json")
    run.write_text(run.read_text().replace('"hidden_size": 5', '"hidden_size": 6'))
    (run.parent / "sha256sums").unlink()  # with it, the record would be damaged
    assert rnnlab(*SWEEP) == 2
    error = capsys.readouterr().err
    assert run.parent.name in error
    assert error.count("\n") == 1


def test_a_record_that_cannot_be_written_stops_the_sweep_with_one_error_and_no_half_record(rnnlab, monkeypatch, capsys):
    assert rnnlab(*SWEEP) == 0
    whole = content()
    blocked = Path("outputs/small", sorted(whole)[1])
    shutil.rmtree("outputs")
    blocked.parent.mkdir(parents=True)
    blocked.write_text("a file where a folder should be")
    monkeypatch.setattr(done, "set_aside", lambda paths: [])  # as where it cannot be renamed
    capsys.readouterr()
    assert rnnlab(*SWEEP) == 1
    error = capsys.readouterr().err
    assert blocked.name in error
    assert "cannot be written" in error
    assert "Traceback" not in error
    kept = content()
    assert len(kept) < 4
    assert all(whole[run] == files for run, files in kept.items())
    assert not list(Path("outputs").rglob("*.tmp"))
    blocked.unlink()
    assert rnnlab(*SWEEP) == 0
    assert content() == whole


LONG = [  # 200 packs of a fraction of a second each
    *("-m", "study=small", "hydra.launcher.n_workers=1", "hydra.launcher.memory_gb=0.01"),
    *("task.n_points=500", "task.window=20", "task.forecast_steps=3", "training.steps=300", "seed=range(200)"),
]


@pytest.fixture
def started(tmp_path):
    """started(*arguments): the command in a process group of its own, gone after the test however that ends."""
    processes = []

    def start(*arguments):
        processes.append(
            subprocess.Popen(
                [sys.executable, "-c", IN_A_TERMINAL, *arguments],
                cwd=tmp_path,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        )
        return processes[-1]

    yield start
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


# A shell starts what it puts in the background with SIGINT ignored, and so is whatever is started from there.
IN_A_TERMINAL = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
from rnnlab.__main__ import main
main()
"""


def test_control_c_keeps_what_is_finished_reports_on_it_and_exits_with_130(started, tmp_path):
    process = started(*LONG)
    folder = tmp_path / "outputs" / "small"
    deadline = time.monotonic() + 60
    while not written(folder) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "interrupted" in error
    assert "Traceback" not in error
    assert 0 < len(written(folder)) < 200
    assert (folder / "report" / "index.html").is_file()
    assert all(json.loads(run.read_text())["status"] == "completed" for run in folder.glob("*/run.json"))


def test_control_c_while_workers_start_is_one_line(started, tmp_path):
    """As a terminal sends it: to every process of the command."""
    process = started(*LONG)
    log = tmp_path / "outputs" / "small" / "rnnlab.log"  # opened just before the first worker is started
    deadline = time.monotonic() + 60
    while not log.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=60)
    assert process.returncode == 130
    assert error.splitlines() == [
        "rnnlab: interrupted; what was finished is kept, and the same command goes on from there"
    ]


class Watcher(Callback):
    """Writes down what Hydra tells callbacks."""

    seen: list = []  # noqa: RUF012

    def on_multirun_start(self, config, **kwargs):
        self.seen.append("start")

    def on_job_start(self, config, **kwargs):
        self.seen.append(config.seed)

    def on_job_end(self, config, job_return: JobReturn, **kwargs):
        self.seen.append((job_return.cfg.seed, job_return.hydra_cfg.hydra.job.num, job_return.return_value))

    def on_multirun_end(self, config, **kwargs):
        self.seen.append("end")


def test_callbacks_see_every_job_as_hydras_users_know_it(rnnlab, monkeypatch):
    monkeypatch.setattr(Watcher, "seen", seen := [])
    monkeypatch.setitem(sys.modules, "watching", sys.modules[__name__])
    assert rnnlab(*SWEEP, "+hydra.callbacks.watcher._target_=watching.Watcher", "cell.activation=tanh") == 0
    assert seen[0] == "start"
    assert seen[-1] == "end"
    losses = {run["config"]["seed"]: run["metrics"]["eval_loss"] for run in map(json.loads, _runs())}
    assert seen[1:-1] == [0, (0, 0, losses[0]), 1, (1, 1, losses[1])]


class Failures(Callback):
    """Counts the jobs that Hydra reports as failed."""

    statuses: list = []  # noqa: RUF012

    def on_job_end(self, config, job_return: JobReturn, **kwargs):
        self.statuses.append(job_return.status)


def test_callbacks_see_a_run_that_fails_as_a_job_that_has_raised(rnnlab, monkeypatch, capsys):
    monkeypatch.setattr(Failures, "statuses", statuses := [])
    monkeypatch.setitem(sys.modules, "watching", sys.modules[__name__])
    one_of_each = [UNCHECKED, "cell.hidden_size=5,3000000", "cell.activation=tanh", "seed=0"]
    assert rnnlab(*SWEEP, *one_of_each, "+hydra.callbacks.f._target_=watching.Failures") == 1
    assert sorted(status.name for status in statuses) == ["COMPLETED", "FAILED"]
    assert "1 run failed" in capsys.readouterr().err
    assert sorted(json.loads(run)["status"] for run in _runs()) == ["completed", "failed"]


def _runs():
    return [path.read_text() for path in Path("outputs/small").glob("*/run.json")]


class RandomSearch(Sweeper):
    """A sweeper as others write them: batches of random learning rates, the best of which it remembers."""

    best = None

    def __init__(self, n_batches=2, batch_size=3):
        self.n_batches, self.batch_size = n_batches, batch_size

    def setup(self, *, hydra_context, task_function, config):
        self.hydra_context, self.config = hydra_context, config
        plugins = Plugins.instance()
        self.launcher = plugins.instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments):
        generator, found = random.Random(0), []
        for n in range(self.n_batches):
            rates = [10 ** generator.uniform(-4, -1) for _ in range(self.batch_size - 1)] + [1e30]
            batch = [[*arguments, f"optimizer.learning_rate={rate}"] for rate in rates]
            self.validate_batch_is_legal(batch)
            returns = self.launcher.launch(batch, initial_job_idx=n * self.batch_size)
            found += [(job.return_value, rate) for job, rate in zip(returns, rates, strict=True)]
        type(self).best = min(found)
        type(self).found = found


@pytest.fixture
def random_search(monkeypatch):
    """hydra/sweeper=random is known."""
    monkeypatch.setitem(sys.modules, "hydra_plugins.searching", sys.modules[__name__])
    ConfigStore.instance().store("random", {"_target_": "hydra_plugins.searching.RandomSearch"}, group="hydra/sweeper")
    monkeypatch.setattr(RandomSearch, "__module__", "hydra_plugins.searching")
    Plugins.instance().register(RandomSearch)
    return ["-m", *SMALL, "optimizer=sgd", "study=small", "hydra/sweeper=random", "hydra.launcher.report=false"]


def test_another_sweepers_batches_are_packed_and_it_gets_the_evaluation_loss(rnnlab, random_search):
    assert rnnlab(*random_search, "training.steps=20") == 0
    runs = [json.loads(text) for text in _runs()]
    losses = {run["config"]["optimizer"]["learning_rate"]: run["metrics"]["eval_loss"] for run in runs}
    assert len(RandomSearch.found) == 6
    assert len(runs) == 5  # 1e30 was asked for twice, and computed once
    assert {rate: loss for loss, rate in RandomSearch.found} == losses | {1e30: float("inf")}
    assert RandomSearch.best[0] == min(loss for rate, loss in losses.items() if rate != 1e30)


def test_runs_that_fail_under_another_sweeper_are_counted_at_the_end(rnnlab, random_search, capsys):
    assert rnnlab(*random_search, UNCHECKED, "cell.hidden_size=3000000") == 1
    assert "rnnlab: 5 runs failed; tracebacks are in outputs/small/" in capsys.readouterr().err
    assert {loss for loss, _ in RandomSearch.found} == {float("inf")}


@pytest.mark.parametrize("batches", [[], ["hydra.sweeper.max_batch_size=1"]], ids=["at once", "one by one"])
def test_equal_runs_are_counted_once_a_sweep_and_trained_once(rnnlab, capsys, batches):
    assert rnnlab(*SWEEP, "cell.activation=tanh", "seed=0,1,0", *batches) == 0
    captured = capsys.readouterr()
    assert captured.err == "rnnlab: 2 different runs of 3; equal runs are trained once\n"
    assert len(written()) == 2


def test_batches_of_limited_size_come_to_the_same_records(rnnlab):
    assert rnnlab(*SWEEP) == 0
    whole = content()
    assert rnnlab(*SWEEP, "hydra.sweeper.max_batch_size=3", "study=batches") == 0
    assert content("outputs/batches") == whole
    assert set(json.loads(Path("outputs/batches/study.json").read_text())["expected"]) == set(whole)


def test_all_batches_are_checked_before_the_first_one_trains(rnnlab, capsys):
    assert rnnlab(*SWEEP, "seed=0,1,2,-1", "hydra.sweeper.max_batch_size=2") == 2
    assert "seed: -1" in capsys.readouterr().err
    assert not written()


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_all_runs_are_checked_before_the_first_one_trains_under_hydras_own_launchers_too(rnnlab, capsys, launcher):
    sweep = [argument for argument in SWEEP if "hydra.launcher" not in argument]
    assert rnnlab(*sweep, "seed=0,1,-1", f"hydra/launcher={launcher}") == 2
    assert "seed: -1; must be a whole number from 0 up (2 of 6 runs; nothing was trained)" in capsys.readouterr().err
    assert not Path("outputs").exists()


def test_a_study_of_ones_own_lies_in_a_folder_of_ones_own(rnnlab):
    Path("mine", "experiment").mkdir(parents=True)
    file = Path("mine", "experiment", "own.yaml")
    file.write_text("# @package _global_\nquestion: why?\nstudy: own\nhydra: {sweeper: {params: {seed: '0,1'}}}\n")
    assert rnnlab("-m", "--config-dir", str(file.parent.parent.absolute()), *SMALL, "experiment=own") == 0
    assert len(written("outputs/own")) == 2
    described = json.loads(Path("outputs/own/study.json").read_text())
    assert described["question"] == "why?"
    assert described["study_sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()


@pytest.mark.parametrize("swept", ["study=small,large", "device=cpu,cuda", "backend=auto,torch"])
def test_what_all_runs_of_a_sweep_share_cannot_be_swept(rnnlab, capsys, swept):
    assert rnnlab(*SWEEP, swept) == 2
    assert "must be one for all runs of a sweep" in capsys.readouterr().err
    assert not written()


def test_a_run_ruined_by_its_last_update_has_diverged(rnnlab):
    assert rnnlab(*SWEEP, "optimizer=sgd", "optimizer.learning_rate=1e30", "training.steps=1") == 0
    runs = [json.loads(text) for text in _runs()]
    assert [(run["diverged"], run["diverged_at_step"], run["outcome"]) for run in runs] == [(True, 1, "diverged")] * 4


def test_a_callbacks_sweep_stops_when_a_record_cannot_be_written(rnnlab, monkeypatch, capsys):
    from rnnlab.records import run as records

    def write_text(path, text):
        if path.name == "curves.csv":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        path.write_text(text)

    monkeypatch.setattr(records, "write_text", write_text)
    assert rnnlab(*SWEEP, "+hydra.callbacks.idle._target_=hydra.experimental.callback.Callback") == 1
    assert "No space left on device" in capsys.readouterr().err
    assert not written()


@pytest.mark.parametrize(
    "option, complaint",
    [
        ("redo=some", "hydra.launcher.redo: unknown 'some'; one of missing, failed, all"),
        ("n_workers=0", "hydra.launcher.n_workers: 0; must be a finite number at least 1"),
        ("memory_gb=-1", "hydra.launcher.memory_gb: -1.0; must be a finite number at least 0.01"),
        ("checkpoint_s=-3", "hydra.launcher.checkpoint_s: -3.0; must be a finite number at least 0"),
    ],
)
def test_options_of_the_launcher_are_checked(rnnlab, capsys, option, complaint):
    assert rnnlab(*SWEEP, f"hydra.launcher.{option}") == 2
    assert complaint in capsys.readouterr().err
    assert not written()


def test_the_folder_of_a_run_cannot_be_renamed_away_from_its_hash(rnnlab, capsys):
    assert rnnlab(*SWEEP, "hydra.sweep.subdir=${hydra.job.num}") == 2
    assert "hydra.sweep.subdir" in capsys.readouterr().err
