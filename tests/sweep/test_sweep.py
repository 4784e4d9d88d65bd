"""A sweep as a library call: what it writes, what it returns, and how it ends."""

import json
import math
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from rnnlab.options import ConfigError
from rnnlab.records import claims
from rnnlab.records.study import StudyFile, read_study_file
from rnnlab.sweep import sweep as module
from rnnlab.sweep import worker
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.folder import CHECKPOINTS
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import Ending, sweep, write_record
from rnnlab.training import pack
from rnnlab.training.checkpoints import runs_with_checkpoints

QUIET = SweepOptions(report=False)


@pytest.fixture
def runs(run_config):
    return [run_config(seed=seed) for seed in range(3)]


def records(folder):
    """The bytes of each run's record that follow from its config, by the name of its folder."""
    names = ("run.json", "curves.csv", "predictions.csv", "gradients.csv", "weights.safetensors", "sha256sums")
    return {
        path.parent.name: [(path.parent / name).read_bytes() for name in names] for path in folder.glob("*/run.json")
    }


WITHOUT_HYDRA = """
import sys
from pathlib import Path

from rnnlab.config.parse import from_node
from rnnlab.records.study import StudyFile
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import sweep

if __name__ == "__main__":
    runs = [
        from_node(
            {
                "task": {"name": "sines", "n_points": 40, "window": 4, "forecast_steps": 3},
                "cell": {"name": "rnn", "hidden_size": 5, "activation": activation},
                "optimizer": {"name": "adam"},
                "training": {"steps": 3, "batch_size": 8},
                "seed": seed,
            }
        )
        for activation in ("tanh", "relu")
        for seed in (0, 1)
    ]
    options = SweepOptions(n_workers=2, report=False)
    endings = sweep(runs, Path("outputs/library"), StudyFile("library"), options=options)
    print(*(ending.status for ending in endings.values()))
    print("hydra" in sys.modules, "hydra_plugins" in sys.modules)
"""
THE_SAME = [
    *("-m", "task.n_points=40", "task.window=4", "task.forecast_steps=3", "cell.hidden_size=5", "training.steps=3"),
    *("training.batch_size=8", "cell.activation=tanh,relu", "seed=0,1", "hydra.launcher.report=false", "study=command"),
]


def test_without_hydra_it_leaves_the_bytes_that_the_command_leaves(rnnlab, tmp_path):
    command = [sys.executable, "-c", WITHOUT_HYDRA]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert ended.stdout.splitlines()[-2:] == ["completed completed completed completed", "False False"]
    assert ended.stderr == ""
    assert rnnlab(*THE_SAME) == 0
    found = records(tmp_path / "outputs" / "library")
    assert len(found) == 4
    assert found == records(tmp_path / "outputs" / "command")


def test_it_returns_how_each_run_ended(inline, runs, run_config, tmp_path):
    inline(deadly=[1])
    broken = run_config(optimizer="sgd", optimizer__learning_rate=1e30, training__steps=20)
    endings = sweep([*runs, broken], tmp_path, StudyFile("s"), options=QUIET)
    assert set(endings) == {run.run_id for run in (*runs, broken)}
    loss = json.loads((tmp_path / runs[0].folder / "run.json").read_text())["metrics"]["eval_loss"]
    assert endings[runs[0].run_id] == Ending(tmp_path / runs[0].folder, "completed", loss)
    assert endings[runs[1].run_id] == Ending(tmp_path / runs[1].folder, "failed", math.inf)
    assert endings[broken.run_id] == Ending(tmp_path / broken.folder, "completed", math.inf)  # it has diverged


def test_a_second_call_returns_the_same_and_computes_only_what_failed(inline, runs, tmp_path):
    inline(deadly=[1])
    first = sweep(runs, tmp_path, StudyFile("s"), options=QUIET)
    computed = []
    engine = inline()
    second = sweep(
        runs,
        tmp_path,
        StudyFile("s"),
        options=QUIET,
        on_finished=lambda d, folder: computed.append((d.run.seed, folder)),
    )
    assert computed == [(1, tmp_path / runs[1].folder)]
    assert {run_id: ending for run_id, ending in second.items() if run_id != runs[1].run_id} == {
        run_id: ending for run_id, ending in first.items() if run_id != runs[1].run_id
    }
    assert engine.forgotten == set(first)
    kept = sweep(runs, tmp_path, StudyFile("s"), options=replace(QUIET, redo="missing"))
    assert kept == first, "its record is there, and says that it failed"


def test_cancelled_runs_are_neither_completed_nor_failed(inline, runs, run_config, tmp_path):
    other = run_config(cell__hidden_size=7)  # in a pack of its own
    inline(cancelled=[1])
    endings = sweep([*runs, other], tmp_path, StudyFile("s"), options=QUIET)
    assert [endings[run.run_id].status for run in runs] == ["cancelled"] * 3
    assert endings[other.run_id].status == "completed"
    assert set(records(tmp_path)) == {other.folder}


def test_a_run_that_is_given_twice_is_computed_once(inline, runs, tmp_path):
    inline()
    computed = []
    sweep([*runs, *runs], tmp_path, StudyFile("s"), options=QUIET, on_finished=lambda d, _: computed.append(d.run.seed))
    assert sorted(computed) == [0, 1, 2]
    assert read_study_file(tmp_path)[0].expected == tuple(run.folder for run in runs)


def test_the_record_names_the_command_that_asked_for_it(inline, runs, tmp_path):
    inline()
    sweep(runs[:1], tmp_path, StudyFile("s", command="make my sweep"), options=QUIET)
    noted = json.loads((tmp_path / runs[0].folder / "provenance.json").read_text())
    assert noted["command"] == "make my sweep"
    assert noted["pack_width"] == 1
    assert read_study_file(tmp_path)[0].command == "make my sweep"


def test_a_part_of_a_larger_sweep_leaves_the_description_of_the_whole(inline, runs, tmp_path):
    inline()
    whole = StudyFile("s", command="c").expecting({run.folder: {} for run in runs})
    endings = sweep(runs[:1], tmp_path, whole, options=QUIET)
    assert len(endings) == 1
    assert read_study_file(tmp_path)[0] == whole


def test_claims_about_runs_that_are_not_there_are_refused_before_anything_is_written(inline, runs, tmp_path):
    inline()
    claim = {"says": "x", "quantity": "score", "of": {"cell.activation": "relu"}, "than": 0.5, "is": "higher"}
    with pytest.raises(ConfigError, match=r"claims\[0\].of.cell.activation: no run of the sweep has 'relu'"):
        sweep(runs, tmp_path / "study", StudyFile("s", claims=claims.parse([claim])), options=QUIET)
    assert not (tmp_path / "study").exists()


@pytest.mark.parametrize(
    "options, complaint",
    [
        ({"n_workers": 0}, "hydra.launcher.n_workers: 0; must be a finite number at least 1"),
        ({"engine": "clod"}, r"hydra.launcher.engine: unknown 'clod'; one of local, ray, slurm"),
        ({"redo": "some"}, "hydra.launcher.redo: unknown 'some'; one of missing, failed, all"),
    ],
)
def test_options_are_checked_before_anything_is_written(runs, tmp_path, options, complaint):
    with pytest.raises(ConfigError, match=complaint):
        sweep(runs, tmp_path / "study", StudyFile("s"), options=SweepOptions(**options))
    assert not (tmp_path / "study").exists()


def test_a_dry_run_says_what_would_be_computed_and_returns_nothing(inline, runs, tmp_path, capsys):
    inline()
    assert sweep(runs, tmp_path / "study", StudyFile("s"), options=replace(QUIET, dry_run=True)) == {}
    assert "0 runs are done, 3 to compute in 1 pack" in capsys.readouterr().out
    assert not (tmp_path / "study").exists()


def test_a_run_that_fails_keeps_its_checkpoint_and_redo_failed_goes_on_from_it(inline, runs, tmp_path, monkeypatch):
    inline().shares_folder = True
    monkeypatch.setattr(pack, "MOST_COMPUTED", 0)  # a checkpoint after each update
    every_update = replace(QUIET, checkpoint_s=0)
    begun = []
    train = worker.train

    def failing_at_the_end(part, *arguments, states, **options):
        begun.append({run.seed: states[n].step if states else 0 for n, run in enumerate(part)})
        results = train(part, *arguments, states=states, **options)
        if any(run.seed == 1 for run in part):
            raise ArithmeticError("boom")
        return results

    with monkeypatch.context() as patch:
        patch.setattr(worker, "train", failing_at_the_end)
        endings = sweep(runs, tmp_path, StudyFile("s"), options=every_update)
        assert [endings[run.run_id].status for run in runs] == ["completed", "failed", "completed"]
        assert runs_with_checkpoints(tmp_path / CHECKPOINTS) == {run.run_id for run in runs}, "they were one pack"
    assert begun[0] == {0: 0, 1: 0, 2: 0}
    begun.clear()
    monkeypatch.setattr(worker, "train", lambda *a, **o: begun.append(o["states"][0].step) or train(*a, **o))
    endings = sweep(runs, tmp_path, StudyFile("s"), options=every_update)
    assert endings[runs[1].run_id].status == "completed"
    assert begun == [runs[1].training.steps]
    assert not (tmp_path / CHECKPOINTS).exists()


def test_a_record_that_cannot_be_written_stops_the_sweep_and_keeps_what_was_written(inline, runs, tmp_path):
    inline()

    def on_finished(delivery, folder):
        if delivery.run.seed == 1:
            raise OSError(28, "No space left on device", str(folder / "run.json"))
        write_record(delivery, folder)

    with pytest.raises(RunFailed, match=rf"{runs[1].folder}/run.json: cannot be written \(No space left on device\)"):
        sweep(runs, tmp_path, StudyFile("s"), options=QUIET, on_finished=on_finished)
    assert set(records(tmp_path)) == {runs[0].folder}


def test_control_c_writes_what_has_been_computed_and_is_raised_at_the_end(inline, runs, run_config, tmp_path):
    inline()
    later = run_config(cell__hidden_size=7, training__steps=1)  # the shorter pack, so the second one

    def on_finished(delivery, folder):
        if delivery.run.seed == 0:
            os.kill(os.getpid(), signal.SIGINT)
        write_record(delivery, folder)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            sweep([*runs, later], tmp_path, StudyFile("s"), options=QUIET, on_finished=on_finished)
    finally:
        signal.signal(signal.SIGINT, before)
    assert set(records(tmp_path)) == {run.folder for run in runs}


def test_the_report_is_written_however_the_sweep_ends(inline, runs, tmp_path, monkeypatch, capsys):
    inline()
    reported = []
    monkeypatch.setattr(module, "write_report", lambda folder: reported.append(folder) or folder / "page")

    def on_finished(delivery, folder):
        write_record(delivery, folder)
        raise OSError(5, "Input/output error")

    with pytest.raises(RunFailed):
        sweep(runs, tmp_path, StudyFile("s"), on_finished=on_finished)
    assert reported == [tmp_path]
    assert f"report: {tmp_path / 'page'}" in capsys.readouterr().out


def test_a_report_that_cannot_be_written_does_not_fail_the_sweep(inline, runs, tmp_path, monkeypatch, capsys):
    def refuse(folder):
        raise ValueError("no fonts")

    inline()
    monkeypatch.setattr(module, "write_report", refuse)
    assert len(sweep(runs, tmp_path, StudyFile("s"))) == 3
    assert f"rnnlab: no report (no fonts); try: rnnlab-report {tmp_path}" in capsys.readouterr().err


def test_nothing_to_report_on_is_no_report(inline, tmp_path, monkeypatch):
    inline()
    monkeypatch.setattr(module, "write_report", lambda folder: pytest.fail("there are no runs"))
    assert sweep([], tmp_path, StudyFile("s")) == {}
    assert Path(tmp_path, "study.json").is_file()
