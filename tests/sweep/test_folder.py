"""The folder of a study: one command at a time."""

import errno
import os
import threading
import time

import numpy as np
import pytest

from rnnlab.options import ConfigError
from rnnlab.records.temporaries import temporary
from rnnlab.sweep import folder as module
from rnnlab.sweep.alone import run_alone
from rnnlab.sweep.folder import CHECKPOINTS, forget_finished, locked, locked_for_a_moment
from rnnlab.training.checkpoints import LaneState, runs_with_checkpoints, write_checkpoint


def test_a_second_command_on_the_same_folder_says_so_and_stops(tmp_path):
    first = locked(tmp_path)
    with first, pytest.raises(ConfigError, match="in use by another rnnlab command"), locked(tmp_path):
        raise AssertionError("both have it")
    with locked(tmp_path):
        pass


def left_over(path):
    """A temporary file for `path` whose writer has ended."""
    path.parent.mkdir(parents=True, exist_ok=True)
    name = temporary(path).name.replace(f"-{os.getpid()}-", f"-{os.getpid()}-1")  # this number, at another time
    path.with_name(name).write_text("half")


@pytest.mark.parametrize("lock", [locked, locked_for_a_moment])
def test_who_takes_the_lock_removes_what_killed_commands_have_left(folder, runs, lock):
    whole = sorted(folder.rglob("*"))
    places = [".", runs[1].folder, "report", "export/csv", CHECKPOINTS, ".slurm"]
    for place in (folder / name for name in places):
        left_over(place / "x")
    (folder / runs[1].folder / "run.json").unlink()  # its writer was killed while it replaced the record
    alive = temporary(folder / CHECKPOINTS / "x")
    alive.write_text("half")
    with lock(folder):
        assert [path for path in folder.rglob("*.tmp")] == [alive]
    alive.unlink()
    kept = [path for path in folder.rglob("*") if path.is_file() and path.name != ".lock"]
    assert sorted(kept) == [path for path in whole if path.is_file() and path != folder / runs[1].folder / "run.json"]


def test_who_writes_one_record_waits_for_the_sweep_in_the_folder_and_says_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(module, "PATIENCE_S", 0.01)
    order = []

    def write():
        with locked_for_a_moment(tmp_path):
            order.append("written")

    with locked(tmp_path):
        monkeypatch.setattr(module, "_OURS", set())  # as in another process
        thread = threading.Thread(target=write)
        thread.start()
        while "what is finished is written when that one ends" not in capsys.readouterr().err:
            time.sleep(0.01)
        order.append("the sweep ends")
    thread.join()
    assert order == ["the sweep ends", "written"]


def test_a_callback_of_a_sweep_that_writes_a_record_does_not_wait_for_its_own_sweep(tmp_path):
    with locked(tmp_path), locked_for_a_moment(tmp_path):
        pass
    with locked_for_a_moment(tmp_path):
        pass


def test_a_single_run_takes_the_lock_of_its_study_to_write_and_of_no_other_folder(tmp_path, run_config):
    run = run_config()
    left_over(tmp_path / "study" / run.folder)
    run_alone(run, tmp_path / "study" / run.folder, "cpu", "auto")
    assert sorted(path.name for path in (tmp_path / "study").iterdir()) == [".lock", run.folder]
    run_alone(run, tmp_path / "elsewhere" / "mine", "cpu", "auto")
    assert [path.name for path in (tmp_path / "elsewhere").iterdir()] == ["mine"]


def test_checkpoints_of_runs_that_were_finished_elsewhere_are_removed(folder, runs):
    """Of runs 0 (completed), 1 (failed), 2 (half-written) and 3 (not there)."""
    for n, run in enumerate(runs):
        state = LaneState(run.run_id, 3, np.ones(4), {}, {})
        write_checkpoint(folder / CHECKPOINTS / f"{n}.checkpoint", [state])
    both = [LaneState(runs[n].run_id, 3, np.ones(4), {}, {}) for n in (0, 3)]
    write_checkpoint(folder / CHECKPOINTS / "both.checkpoint", both)
    forget_finished(folder)
    assert {path.stem for path in (folder / CHECKPOINTS).iterdir()} == {"1", "2", "3", "both"}
    assert runs_with_checkpoints(folder / CHECKPOINTS) == {run.run_id for run in runs}


def test_no_folder_of_checkpoints_is_left_when_nothing_is_in_it(folder, runs):
    write_checkpoint(folder / CHECKPOINTS / "x.checkpoint", [LaneState(runs[0].run_id, 3, np.ones(4), {}, {})])
    forget_finished(folder)
    assert not (folder / CHECKPOINTS).exists()


@pytest.mark.parametrize("reason", [errno.ENOLCK, errno.ENOSYS, errno.EPERM, errno.EOPNOTSUPP])
def test_a_file_system_without_locks_is_said_and_used_without(tmp_path, monkeypatch, capsys, reason):
    def refuse(*_):
        raise OSError(reason, os.strerror(reason))

    monkeypatch.setattr("fcntl.flock", refuse)
    with locked(tmp_path / "study"):
        assert (tmp_path / "study").is_dir()
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"rnnlab: the file system of {tmp_path / 'study'} has no locks ({os.strerror(reason)}): ")


def test_an_older_library_that_knows_no_locks_here_is_answered_in_the_same_way(tmp_path, monkeypatch, capsys):
    def refuse(*_, **__):
        raise NotImplementedError("no flock here")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    with locked(tmp_path):
        pass
    assert "has no locks (no flock here)" in capsys.readouterr().err


def test_a_folder_in_which_no_lock_can_be_made_is_no_folder_for_a_study(tmp_path):
    (tmp_path / ".lock").mkdir()
    with pytest.raises(OSError, match="lock"), locked(tmp_path):
        raise AssertionError("there is no lock")
