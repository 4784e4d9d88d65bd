"""The folder of a study: one command at a time, and what is there already."""

import json

import pytest

from rnnlab.options import ConfigError
from rnnlab.sweep.finished import finish, killed
from rnnlab.sweep.folder import already_done, locked
from rnnlab.training.loop import train


@pytest.fixture
def runs(run_config):
    return [run_config(seed=seed) for seed in range(4)]


@pytest.fixture
def folder(tmp_path, runs):
    """Records of runs 0 (completed) and 1 (failed); 2 half-written; 3 not there."""
    (done,) = train(runs[:1])
    finish(runs[0], done).write(tmp_path / runs[0].folder, {})
    killed(runs[1]).write(tmp_path / runs[1].folder, {})
    half = tmp_path / runs[2].folder
    half.mkdir()
    (half / "run.json").write_text('{"schema": 1, "run_id":')
    return tmp_path


@pytest.mark.parametrize("redo, kept", [("missing", [0, 1]), ("failed", [0]), ("all", [])])
def test_only_what_redo_names_is_computed_again(folder, runs, redo, kept):
    assert set(already_done(folder, runs, redo)) == {runs[n].run_id for n in kept}


@pytest.mark.parametrize("left", [b"", None, b"step,train_loss\n0,1.5\n"], ids=["empty", "gone", "short"])
@pytest.mark.parametrize("table", ["curves.csv", "predictions.csv"])
def test_a_record_whose_tables_are_not_whole_is_named_and_computed_again(folder, runs, table, left, capsys):
    path = folder / runs[0].folder / table
    path.unlink() if left is None else path.write_bytes(left)
    assert runs[0].run_id not in already_done(folder, runs, "failed")
    first, second = sorted(capsys.readouterr().err.splitlines(), key=lambda line: runs[0].folder not in line)
    assert str(path) in first
    assert runs[2].folder in second  # the half-written one
    assert "computed again" in first


def test_a_record_whose_weights_are_cut_off_is_computed_again_and_one_without_weights_is_not(folder, runs, capsys):
    path = folder / runs[0].folder / "weights.safetensors"
    path.write_bytes(path.read_bytes()[:-4])
    assert runs[0].run_id not in already_done(folder, runs, "failed")
    assert f"{path}: cannot be read" in capsys.readouterr().err
    path.unlink()
    assert runs[0].run_id in already_done(folder, runs, "failed")


@pytest.mark.parametrize(
    "damage",
    [
        lambda run: run["config"]["cell"].update(hidden_size=77),
        lambda run: run.update(run_id="0123456789ab"),
        lambda run: run["config"].update(seed=5),
    ],
)
def test_a_record_that_does_not_fit_its_folder_is_refused_by_name(folder, runs, damage):
    path = folder / runs[0].folder / "run.json"
    run = json.loads(path.read_text())
    damage(run)
    path.write_text(json.dumps(run))
    with pytest.raises(ConfigError, match=f"{runs[0].folder}.*redo=all"):
        already_done(folder, runs, "failed")
    assert already_done(folder, runs, "all") == {}


def test_a_second_command_on_the_same_folder_says_so_and_stops(tmp_path):
    first = locked(tmp_path)
    with first, pytest.raises(ConfigError, match="in use by another rnnlab command"), locked(tmp_path):
        raise AssertionError("both have it")
    with locked(tmp_path):
        pass
