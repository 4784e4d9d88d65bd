"""A single run: its bar, and how it goes on after Ctrl-C."""

import os
import signal

import pytest

from rnnlab.records.progress import FOLDER, commands, read_packs
from rnnlab.records.study import StudyFile
from rnnlab.sweep.alone import run_alone
from rnnlab.sweep.folder import CHECKPOINTS
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.sweep import sweep
from rnnlab.training import loop, pack, reporter
from rnnlab.training.checkpoints import read_checkpoints
from rnnlab.training.reporter import Reporter

RECORD = ("run.json", "curves.csv", "predictions.csv", "sha256sums", "weights.safetensors")


class Shown:
    """What a display was told."""

    def __init__(self):
        self.lines = []

    def show(self, line, share, last=False):
        self.lines.append((line, share, last))


@pytest.fixture
def run(run_config):
    return run_config(training__steps=40, training__eval_every=10, training__batch_size=5)


@pytest.fixture
def ctrl_c(monkeypatch):
    """ctrl_c(12): this process gets a SIGINT when 12 updates are done, one update a call."""

    handler = signal.signal(
        signal.SIGINT, signal.default_int_handler
    )  # it is ignored where a shell runs the suite aside

    def at(step):
        update = Reporter.update

        def interrupting(self, lanes):
            update(self, lanes)
            if lanes[0].steps_done == step:
                os.kill(os.getpid(), signal.SIGINT)

        monkeypatch.setattr(pack, "MOST_COMPUTED", 0)
        monkeypatch.setattr(Reporter, "update", interrupting)

    yield at
    signal.signal(signal.SIGINT, handler)


@pytest.fixture
def steps_begun(monkeypatch):
    """steps_begun(): no more interruptions; a list that gets the step at which each training begins from now on."""

    def watch():
        monkeypatch.undo()
        begun, begin = [], Reporter.begin
        monkeypatch.setattr(
            Reporter, "begin", lambda self, lanes: begun.append(lanes[0].steps_done) or begin(self, lanes)
        )
        return begun

    return watch


def record(folder):
    return [(folder / name).read_bytes() for name in RECORD]


def test_a_run_that_was_interrupted_goes_on_from_the_step_it_had_reached_and_ends_with_the_same_bytes(
    run, tmp_path, ctrl_c, steps_begun
):
    study = tmp_path / "study"
    run_alone(run, tmp_path / "undisturbed" / run.folder, "cpu", "auto")
    ctrl_c(12)
    with pytest.raises(KeyboardInterrupt):
        run_alone(run, study / run.folder, "cpu", "auto")
    assert not (study / run.folder).exists()
    assert read_checkpoints(study / CHECKPOINTS, [run.run_id])[run.run_id].step == 12
    begun = steps_begun()
    run_alone(run, study / run.folder, "cpu", "auto")
    assert begun == [12]
    assert record(study / run.folder) == record(tmp_path / "undisturbed" / run.folder)
    assert sorted(path.name for path in study.iterdir()) == [".lock", run.folder], "no checkpoint, no progress"


def test_a_sweep_takes_up_what_a_single_run_has_left(run, tmp_path, ctrl_c, steps_begun, inline):
    ctrl_c(25)
    with pytest.raises(KeyboardInterrupt):
        run_alone(run, tmp_path / run.folder, "cpu", "auto")
    begun = steps_begun()
    inline().shares_folder = True
    endings = sweep([run], tmp_path, StudyFile("taken up"), options=SweepOptions(report=False))
    assert endings[run.run_id].status == "completed"
    assert begun == [25]


def test_checkpoints_are_written_while_it_is_trained(run, tmp_path, monkeypatch):
    steps = []
    write = loop.write_checkpoint
    monkeypatch.setattr(pack, "MOST_COMPUTED", 0)
    monkeypatch.setattr(
        loop, "write_checkpoint", lambda path, states: steps.append(states[0].step) or write(path, states)
    )
    run_alone(run, tmp_path / run.folder, "cpu", "auto", checkpoint_s=0.0)
    assert steps == list(range(1, 41))
    assert not (tmp_path / CHECKPOINTS).exists()


def test_while_it_is_trained_a_reader_sees_its_step_and_its_curve(run, tmp_path, monkeypatch):
    seen = []
    update = Reporter.update

    def looking(self, lanes):
        update(self, lanes)
        seen.append((read_packs(tmp_path, curves=True), commands(tmp_path)))

    monkeypatch.setattr(pack, "MOST_COMPUTED", 0)
    monkeypatch.setattr(Reporter, "update", looking)
    for name in ("EVERY_S", "COMPUTED", "WAITED"):
        monkeypatch.setattr(reporter, name, 0)
    run_alone(run, tmp_path / run.folder, "cpu", "auto")
    assert [packs[0].runs[0].step for packs, _ in seen] == list(range(1, 41))
    assert all(len(at_work) == 1 for _, at_work in seen)
    assert [packs[0].curves[run.run_id]["step"] for packs, _ in seen][25] == [0, 10, 20]
    assert not (tmp_path / FOLDER).exists()


def test_its_record_is_the_same_whether_anybody_watches_or_not(run, tmp_path):
    run_alone(run, tmp_path / "a" / run.folder, "cpu", "auto")
    run_alone(run, tmp_path / "b" / run.folder, "cpu", "auto", display=Shown(), checkpoint_s=0.0)
    assert record(tmp_path / "a" / run.folder) == record(tmp_path / "b" / run.folder)


def test_a_display_is_told_the_end(run, tmp_path):
    display = Shown()
    run_alone(run, tmp_path / run.folder, "cpu", "auto", display=display)
    assert [last for *_, last in display.lines][-1] is True
