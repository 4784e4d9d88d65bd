"""engine=slurm on a real Slurm: .ci/slurm start brings one up on this machine."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

if shutil.which("sinfo") is None or subprocess.run(["sinfo"], capture_output=True).returncode != 0:
    pytest.skip("no Slurm answers on this machine: .ci/slurm start", allow_module_level=True)

from rnnlab.sweep.engines.slurm import SlurmSettings

SWEEP = [  # four packs of two runs, seconds each
    *("-m", "study=small", "task.n_points=40", "task.window=4", "task.forecast_steps=3", "training.batch_size=8"),
    *("cell.hidden_size=5,6,7,8", "seed=0,1", "training.steps=150000", "training.eval_every=1000"),
    *("hydra.launcher.report=false", "hydra.launcher.checkpoint_s=0.3"),
    *("hydra.launcher.slurm.poll_s=0.3", "hydra.launcher.engine=slurm"),
]
LOCAL = [argument for argument in SWEEP if "slurm" not in argument]
PATIENCE_S = 120.0


@pytest.fixture(scope="module")
def wanted(tmp_path_factory):
    """The same sweep's records, computed by this machine's workers."""
    folder = tmp_path_factory.mktemp("local")
    subprocess.run([sys.executable, "-m", "rnnlab", *LOCAL], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return records(folder)


@pytest.fixture
def place(tmp_path, monkeypatch):
    """An empty folder, with an sbatch that notes each call in calls."""
    wrapper = tmp_path / "bin" / "sbatch"
    wrapper.parent.mkdir()
    real = shutil.which("sbatch")
    wrapper.write_text(f'#!/bin/sh\necho x >>{tmp_path}/calls\n{real} "$@" || exit\n. {tmp_path}/after\n')
    wrapper.chmod(0o755)
    (tmp_path / "after").write_text("")
    monkeypatch.setenv("PATH", f"{wrapper.parent}:{os.environ['PATH']}")
    yield tmp_path
    subprocess.run(["scancel", "--me"], check=False)
    wait_for("the end of all jobs", lambda: not jobs())


@pytest.fixture
def start(place):
    """start(*changes): the command, in a process of its own, where Ctrl-C acts: a suite that a shell runs in the
    background ignores it, and so would its children."""
    processes = []
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def started(*changes):
        command = [sys.executable, "-m", "rnnlab", *SWEEP, *changes]
        process = subprocess.Popen(command, cwd=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        processes.append(process)
        return process

    yield started
    signal.signal(signal.SIGINT, before)
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        process.communicate()


def records(folder):
    files = ("run.json", "curves.csv", "predictions.csv", "weights.safetensors")
    runs = (path.parent for path in Path(folder, "outputs", "small").glob("*/run.json"))
    return {run.name: [(run / name).read_bytes() for name in files] for run in runs}


def jobs():
    """Job -> state, of those that are not over."""
    listing = subprocess.run(
        ["squeue", "--me", "--array", "--noheader", "--format=%i|%T"], capture_output=True, text=True
    )
    return dict(line.split("|") for line in listing.stdout.split())


def wait_for(what, holds):
    deadline = time.monotonic() + PATIENCE_S
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited for {what}; {jobs()}"
        time.sleep(0.1)
    return found


def in_state(state):
    return sorted((job for job, found in jobs().items() if found == state), key=lambda job: int(job.split("_")[1]))


def a_checkpoint(place):
    return any(place.glob("outputs/small/.checkpoints/*.checkpoint"))


def test_cancelled_requeued_and_with_the_front_end_killed_it_ends_in_the_local_records(place, start, wanted):
    first = start()
    running = wait_for("a running pack", lambda: in_state("RUNNING"))
    *_, pending = wait_for("a waiting pack", lambda: in_state("PENDING"))
    wait_for("a checkpoint", lambda: a_checkpoint(place))
    subprocess.run(["scancel", pending], check=True)
    subprocess.run(["scontrol", "requeue", running[0]], check=True)
    first.send_signal(signal.SIGKILL)
    first.wait()
    assert jobs(), "the jobs go on without a front end"
    again = start()
    _, error = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, error
    assert records(place) == wanted
    assert (place / "calls").read_text().split() == ["x", "x"]  # all packs, and the one that was cancelled
    assert not (place / "outputs" / "small" / ".slurm").exists()


def test_a_cancelled_pack_is_no_failure_and_is_computed_by_the_next_command(place, start, wanted):
    first = start("hydra.launcher.slurm.array_parallelism=1")
    wait_for("a running pack", lambda: in_state("RUNNING"))
    waiting = wait_for("packs that wait", lambda: in_state("PENDING"))  # a running one may end before it is cancelled
    subprocess.run(["scancel", waiting[-1]], check=True)
    _, error = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 1
    assert "2 runs cancelled; the same command computes the rest" in error
    kept = records(place)
    assert kept == {run: wanted[run] for run in kept}
    assert len(kept) == len(wanted) - 2
    again = start()
    again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0
    assert records(place) == wanted


def test_control_c_leaves_the_jobs_to_slurm_and_the_next_command_takes_them_up(place, start, wanted):
    first = start("hydra.launcher.slurm.array_parallelism=1")  # other packs wait, so it cannot end before the signal
    wait_for("a running pack", lambda: in_state("RUNNING"))
    first.send_signal(signal.SIGINT)
    _, error = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 130, error
    wait_for("the end of all jobs", lambda: not jobs())
    again = start()
    again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0
    assert records(place) == wanted
    assert (place / "calls").read_text() == "x\n"


def test_pre_empted_as_before_its_time_is_over_a_pack_goes_on_from_its_checkpoint(place, start, wanted):
    first = start("hydra.launcher.slurm.array_parallelism=1")
    wait_for("a checkpoint", lambda: a_checkpoint(place))
    (running,) = in_state("RUNNING")
    # scancel asks again and again while the job is requeued, and its last signal would meet the job's next start.
    with subprocess.Popen(["scancel", "--signal=USR2", running], stderr=subprocess.DEVNULL) as scancel:
        wait_for("its place in the queue", lambda: running in in_state("PENDING"))
        scancel.kill()
    first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 0
    assert records(place) == wanted
    assert (place / "calls").read_text() == "x\n"


def test_the_jobs_of_a_command_killed_while_it_submits_are_found_and_none_is_submitted_twice(place, start, wanted):
    (place / "after").write_text("sleep 60\n")
    first = start()
    wait_for("the jobs", jobs)
    first.send_signal(signal.SIGKILL)
    first.wait()
    again = start()
    again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0
    assert records(place) == wanted
    assert (place / "calls").read_text() == "x\n"


def test_a_damaged_note_is_one_line_and_its_array_is_cancelled_and_kept_aside(place, start, wanted):
    first = start("hydra.launcher.slurm.array_parallelism=1")
    wait_for("a running pack", lambda: in_state("RUNNING"))
    first.send_signal(signal.SIGKILL)
    first.wait()
    before = {job.split("_")[0] for job in jobs()}
    (note,) = place.glob("outputs/small/.slurm/rnnlab-*/note.json")
    note.write_text(note.read_text()[:-9])
    again = start()
    wait_for("the end of the first array", lambda: not before & {job.split("_")[0] for job in jobs()})
    _, error = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0
    (line,) = error.splitlines()
    assert line.startswith(f"rnnlab: {note.parent}: its note cannot be read (") and line.endswith(".damaged")
    assert records(place) == wanted
    assert [path.name for path in note.parents[1].iterdir()] == [f"{note.parent.name}.damaged"]


def test_no_pickle_passes_through_the_folder(place, start):
    first = start("hydra.launcher.slurm.array_parallelism=1")
    wait_for("a result", lambda: [*place.glob("outputs/small/.slurm/rnnlab-*/*.result.json")])
    first.send_signal(signal.SIGKILL)
    first.wait()
    files = [path for path in place.glob("outputs/small/.slurm/rnnlab-*/*") if path.suffix != ".log"]
    assert {path.name.partition(".")[2] for path in files} == {"json", "pack.json", "result.json"}
    for path in files:
        assert json.loads(path.read_text())["format"] == 1


def test_a_job_that_cannot_import_rnnlab_is_an_error_of_the_engine_and_no_run_fails(place, start, wanted):
    first = start("hydra.launcher.slurm.setup=['export PYTHONHOME=/nowhere']")
    _, error = first.communicate(timeout=PATIENCE_S)
    assert first.returncode == 1
    (line,) = error.splitlines()
    assert line.startswith("rnnlab: Slurm job rnnlab-") and "cannot compute packs: " in line
    assert records(place) == {}
    subprocess.run(["scancel", "--me"], check=True)
    again = start()
    _, error = again.communicate(timeout=PATIENCE_S)
    assert again.returncode == 0, error
    assert records(place) == wanted


def test_looks_are_taken_as_on_this_machine(take_looks, place):
    settings = {"slurm": SlurmSettings(poll_s=0.3)}
    assert take_looks(place / "slurm", engine="slurm", settings=settings) == take_looks(place / "here")


def test_what_sbatch_refuses_is_one_line(start):
    refused = start("hydra.launcher.slurm.partition=nowhere")
    _, error = refused.communicate(timeout=PATIENCE_S)
    assert refused.returncode == 1
    (line,) = error.splitlines()
    assert "nowhere" in line or "partition" in line
