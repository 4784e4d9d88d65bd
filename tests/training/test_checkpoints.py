"""Checkpoints: a run that continues from one ends with the same bits."""

import hashlib
import json
import struct

import numpy as np
import pytest

from rnnlab.sweep import worker
from rnnlab.sweep.finished import finish
from rnnlab.sweep.worker import compute
from rnnlab.training import loop as training
from rnnlab.training import pack
from rnnlab.training.checkpoints import LaneState, forget, read_checkpoints, runs_with_checkpoints, write_checkpoint
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
    train_until(runs, tmp_path / "a.checkpoint", n_steps, monkeypatch)
    states = read_checkpoints(tmp_path, [run.run_id for run in runs])
    assert {state.step for state in states.values()} == {n_steps}
    for part in (runs[:3], runs[3:]):  # another pack than before
        results = train(part, states=[states[run.run_id] for run in part])
        for run, result in zip(part, results, strict=True):
            assert finish(run, result) == wanted[runs.index(run)]


def test_runs_at_different_steps_continue_in_different_packs(run_config, tmp_path, monkeypatch):
    runs = [run_config(seed=seed, training__steps=9, training__batch_size=5) for seed in range(4)]
    wanted = [finish(run, result) for run, result in zip(runs, train(runs), strict=True)]
    train_until(runs[:2], tmp_path / "a.checkpoint", 3, monkeypatch)
    train_until(runs[2:3], tmp_path / "b.checkpoint", 5, monkeypatch)
    steps = []
    original = training.train
    monkeypatch.setattr(
        worker,
        "train",
        lambda pack, device, backend, states, checkpoints, reporter: (
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
    write_checkpoint(tmp_path / "x.checkpoint", [state(step=5)])
    write_checkpoint(tmp_path / "y.checkpoint", [state(step=4), state("b", 4)])
    assert {i: s.step for i, s in read_checkpoints(tmp_path, ["a", "b", "c"]).items()} == {"a": 5, "b": 4}


def is_named_left_out_and_removed(path, capsys):
    """Whether a file that cannot be used is dealt with as it should be, by whoever comes to it first."""
    content = path.read_bytes()
    for use in (
        lambda: read_checkpoints(path.parent, ["a"]),
        lambda: runs_with_checkpoints(path.parent),
        lambda: forget(path.parent, {"a"}, also_in_part=True),
    ):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        assert not use()
        assert not path.exists()
        (line,) = capsys.readouterr().err.splitlines()
        assert line.startswith(f"rnnlab: {path}: is ") and line.endswith("; it is removed, and its runs start again")
    return True


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 and then nothing", b"no archive", b"\xff" * 99, bytes(32)])
@pytest.mark.parametrize("suffix", [".checkpoint", ".npz"])  # .npz: of earlier versions
def test_a_file_that_is_no_checkpoint_is_named_left_out_and_removed(tmp_path, content, suffix, capsys):
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / f"broken{suffix}").write_bytes(content)
    assert is_named_left_out_and_removed(tmp_path / "x" / f"broken{suffix}", capsys)


def test_a_broken_file_does_not_keep_others_from_being_read(tmp_path):
    (tmp_path / "broken.checkpoint").write_bytes(b"no archive")
    write_checkpoint(tmp_path / "x.checkpoint", [state()])
    assert list(read_checkpoints(tmp_path, ["a"])) == ["a"]


def test_a_truncated_file_is_left_out(tmp_path):
    write_checkpoint(tmp_path / "x.checkpoint", [state()])
    whole = (tmp_path / "x.checkpoint").read_bytes()
    for size in range(0, len(whole), 7):
        (tmp_path / "x.checkpoint").write_bytes(whole[:size])
        assert read_checkpoints(tmp_path, ["a"]) == {}


def test_a_flipped_bit_anywhere_is_noticed_and_raises_nothing(tmp_path):
    path = tmp_path / "x" / "x.checkpoint"
    write_checkpoint(path, [state()])
    whole = path.read_bytes()
    n_arrays = 2 * 4 * 4  # bytes, at the end: the weights and the slots
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << 3 * place % 8
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(damaged)
        assert read_checkpoints(path.parent, ["a"]) == {}
        assert not path.exists()
        path.write_bytes(damaged)
        forget(path.parent, {"b"}, also_in_part=True)
        assert path.exists() == (place >= len(whole) - n_arrays), "it need not read the arrays"


def test_a_file_that_cannot_be_read_is_named_and_left_out(tmp_path, capsys):
    (tmp_path / "folder.checkpoint").mkdir()
    write_checkpoint(tmp_path / "x.checkpoint", [state()])
    assert list(read_checkpoints(tmp_path, ["a"])) == ["a"]
    assert "folder.checkpoint: cannot be read (Is a directory); its runs start again" in capsys.readouterr().err
    forget(tmp_path, {"a"}, also_in_part=True)


def test_the_runs_of_all_states_are_listed(tmp_path):
    assert runs_with_checkpoints(tmp_path / "not there") == set()
    write_checkpoint(tmp_path / "x.checkpoint", [state("a"), state("b")])
    write_checkpoint(tmp_path / "y.checkpoint", [state("c")])
    assert runs_with_checkpoints(tmp_path) == {"a", "b", "c"}


def test_checkpoints_of_another_version_are_named_left_out_and_removed(tmp_path, monkeypatch, capsys):
    (tmp_path / "x").mkdir()
    write_checkpoint(tmp_path / "x" / "x.checkpoint", [state()])
    monkeypatch.setattr("rnnlab.training.checkpoints.MADE_BY", "another version")
    assert is_named_left_out_and_removed(tmp_path / "x" / "x.checkpoint", capsys)


@pytest.mark.parametrize("also_in_part, left", [(False, ["ab", "bc"]), (True, ["bc"])])
def test_only_the_files_of_finished_runs_are_forgotten(tmp_path, also_in_part, left):
    for name in ("a", "ab", "bc"):
        write_checkpoint(tmp_path / f"{name}.checkpoint", [state(run_id) for run_id in name])
    forget(tmp_path, {"a"}, also_in_part=also_in_part)
    assert sorted(path.stem for path in tmp_path.glob("*.checkpoint")) == left


def test_a_checkpoint_that_cannot_be_written_fails_no_run(run_config, tmp_path):
    (tmp_path / "file").write_text("in the way of a folder")
    (result,) = train([run_config()], checkpoints=Checkpoints(tmp_path / "file" / "x.checkpoint", 0.0))
    assert result.status == "completed"


def test_a_file_is_plain_data_that_stands_where_its_head_says(tmp_path):
    """Read without rnnlab: two digests, JSON, and arrays as they lie in memory."""
    write_checkpoint(tmp_path / "x.checkpoint", [state("a"), state("b")])
    content = (tmp_path / "x.checkpoint").read_bytes()
    size = int.from_bytes(content[32:40], "little")
    head, arrays = content[40 : 40 + size], content[40 + size :]
    assert hashlib.sha256(head).digest() == content[:32]
    assert hashlib.sha256(arrays).hexdigest() == json.loads(head)["sha256"]
    assert json.loads(head)["arrays"] == {"weights": ["<f4", [2, 4]], "slot.mean": ["<f4", [2, 4]]}
    assert struct.unpack("<16f", arrays) == (*(0.0, 1.0, 2.0, 3.0) * 2, *(1.0,) * 8)


def test_states_of_other_runs_are_refused(run_config):
    with pytest.raises(ValueError, match="not those of the runs"):
        train([run_config()], states=[state()])
