"""Checkpoints: a run that continues from one ends with the same bits."""

import numpy as np
import pytest

from rnnlab.sweep import worker
from rnnlab.sweep.finished import finish
from rnnlab.sweep.worker import compute
from rnnlab.training import loop as training
from rnnlab.training import pack
from rnnlab.training.checkpoints import LaneState, forget, read_checkpoints, write_checkpoint
from rnnlab.training.loop import Checkpoints, train


class Interrupted(Exception):
    pass


def train_until(runs, path, n_steps, monkeypatch):
    """Train with one update a call and a checkpoint after each, and stop after the n-th."""
    steps = []

    def write(path, states):
        write_checkpoint(path, states)
        steps.append(states[0].step)
        if len(steps) == n_steps:
            raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(pack, "MOST_COMPUTED", 0)
        patch.setattr(training, "write_checkpoint", write)
        with pytest.raises(Interrupted):
            train(runs, checkpoints=Checkpoints(path, 0.0))


@pytest.mark.parametrize(("optimizer", "n_steps"), [("adam", 1), ("sgd", 7), ("rmsprop", 12)])
def test_a_pack_continued_from_a_checkpoint_ends_with_the_same_bits(
    run_config, tmp_path, monkeypatch, optimizer, n_steps
):
    options = {"training__steps": 13, "training__batch_size": 7, "training__eval_every": 4}
    rates = [0.01, 0.02, 1e30, 0.005]  # the third diverges, and stays in the pack
    runs = [
        run_config("digits", optimizer=optimizer, seed=n, optimizer__learning_rate=rate, **options)
        for n, rate in enumerate(rates)
    ]
    wanted = [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]
    train_until(runs, tmp_path / "a.npz", n_steps, monkeypatch)
    states = read_checkpoints(tmp_path, [run.run_id for run in runs])
    assert {state.step for state in states.values()} == {n_steps}
    for part in (runs[:3], runs[3:]):  # another pack than before
        results = train(part, states=[states[run.run_id] for run in part])
        for run, result in zip(part, results, strict=True):
            assert finish(run, result) == wanted[runs.index(run)]


def test_runs_at_different_steps_continue_in_different_packs(run_config, tmp_path, monkeypatch):
    runs = [run_config(seed=seed, training__steps=9, training__batch_size=5) for seed in range(4)]
    wanted = [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]
    train_until(runs[:2], tmp_path / "a.npz", 3, monkeypatch)
    train_until(runs[2:3], tmp_path / "b.npz", 5, monkeypatch)
    steps = []
    original = training.train
    monkeypatch.setattr(
        worker,
        "train",
        lambda pack, device, backend, states, checkpoints: (
            steps.append((len(pack), states and states[0].step))
            or original(pack, device, backend, states=states, checkpoints=checkpoints)
        ),
    )
    results = compute(runs, "cpu", "auto", tmp_path)
    assert sorted(steps, key=str) == [(1, 5), (1, None), (2, 3)]
    assert [finish(run, result) for run, result in zip(runs, results, strict=True)] == wanted


def state(run_id="a", step=3):
    return LaneState(run_id, step, np.arange(4.0, dtype=np.float32), {"mean": np.ones(4, np.float32)}, {"rows": []})


def test_the_latest_state_of_a_run_counts(tmp_path):
    write_checkpoint(tmp_path / "x.npz", [state(step=5)])
    write_checkpoint(tmp_path / "y.npz", [state(step=4), state("b", 4)])
    assert {i: s.step for i, s in read_checkpoints(tmp_path, ["a", "b", "c"]).items()} == {"a": 5, "b": 4}


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no archive"])
def test_a_broken_file_is_ignored(tmp_path, content):
    (tmp_path / "broken.npz").write_bytes(content)
    write_checkpoint(tmp_path / "x.npz", [state()])
    assert list(read_checkpoints(tmp_path, ["a"])) == ["a"]


def test_a_truncated_file_is_ignored(tmp_path):
    write_checkpoint(tmp_path / "x.npz", [state()])
    whole = (tmp_path / "x.npz").read_bytes()
    for size in range(0, len(whole), 97):
        (tmp_path / "x.npz").write_bytes(whole[:size])
        assert read_checkpoints(tmp_path, ["a"]) == {}


def test_checkpoints_of_another_version_are_ignored(tmp_path, monkeypatch):
    write_checkpoint(tmp_path / "x.npz", [state()])
    monkeypatch.setattr("rnnlab.training.checkpoints.MADE_BY", "another version")
    assert read_checkpoints(tmp_path, ["a"]) == {}


@pytest.mark.parametrize("also_in_part, left", [(False, ["ab", "bc"]), (True, ["bc"])])
def test_only_the_files_of_finished_runs_are_forgotten(tmp_path, also_in_part, left):
    for name in ("a", "ab", "bc"):
        write_checkpoint(tmp_path / f"{name}.npz", [state(run_id) for run_id in name])
    forget(tmp_path, {"a"}, also_in_part=also_in_part)
    assert sorted(path.stem for path in tmp_path.glob("*.npz")) == left


def test_a_checkpoint_that_cannot_be_written_fails_no_run(run_config, tmp_path):
    (tmp_path / "file").write_text("in the way of a folder")
    (result,) = train([run_config()], checkpoints=Checkpoints(tmp_path / "file" / "x.npz", 0.0))
    assert result.status == "completed"


def test_a_file_holds_no_pickle(tmp_path):
    write_checkpoint(tmp_path / "x.npz", [state()])
    with np.load(tmp_path / "x.npz", allow_pickle=False) as file:
        assert all(file[name].dtype != object for name in file.files)


def test_states_of_other_runs_are_refused(run_config):
    with pytest.raises(ValueError, match="not those of the runs"):
        train([run_config()], states=[state()])
