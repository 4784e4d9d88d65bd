"""old_study/ holds six runs of the time when configs held every key, and the conditions.csv of that time."""

import json
import shutil
from pathlib import Path

import pytest

from rnnlab.report import write_report
from rnnlab.report.judging.conditions import design_of
from rnnlab.report.judging.view import view_of
from rnnlab.report.page.tables import conditions_csv
from rnnlab.report.reading.read import read_study

OLD = Path(__file__).parent / "old_study"
# What acts on no run of it: no embedding, one layer, a constant schedule, and no elu.
IDLE = {"cell.alpha", "cell.dropout", "init.embedding", "init.embedding_scale", "optimizer.step_every",
        "optimizer.step_factor"}  # fmt: skip


@pytest.fixture
def folder(tmp_path):
    return Path(shutil.copytree(OLD, tmp_path / "old_study"))


def test_an_old_study_has_the_runs_it_had(folder):
    study = read_study(folder)
    ended = {run.folder: (run.config["cell.activation"], run.outcome) for run in study.members}
    assert ended == {
        "sines-lstm-tanh-s0-58abc608ec4a": ("tanh", "not_learned"),
        "sines-rnn-leaky_relu-s0-3225625602ed": ("leaky_relu", "learned"),
        "sines-rnn-leaky_relu-s0-ed0b5dcd72bb": ("leaky_relu", "learned"),
        "sines-rnn-relu-s0-3b89556be7e9": ("relu", "diverged"),
        "sines-rnn-tanh-s0-13bb4ad1d5c5": ("tanh", "learned"),
    }
    (again,) = study.problems  # under another slope, which does not act on tanh
    assert (again.name, again.kind) == ("sines-rnn-tanh-s0-dcdefcc40d0d", "repeated")
    assert study.curves[study.members[0].run_id]["step"].tolist() == [0, 10, 20]


def test_no_key_of_an_old_record_is_idle_after_it_was_read(folder):
    runs = {run.folder: run for run in read_study(folder).members}
    assert not any(IDLE & run.config.keys() for run in runs.values())
    slopes = {name: run.config.get("cell.negative_slope") for name, run in runs.items()}
    assert {name: slope for name, slope in slopes.items() if slope is not None} == {
        "sines-rnn-leaky_relu-s0-3225625602ed": 0.01,
        "sines-rnn-leaky_relu-s0-ed0b5dcd72bb": 0.3,
    }
    gates = {run.config.get("cell.gate_negative_slope") for run in runs.values()}
    assert gates == {None, 0.3}


def test_its_conditions_are_the_ones_that_were_reported(folder):
    page = write_report(folder)
    new = (page.parent / "tables" / "conditions.csv").read_text(encoding="utf-8")
    assert new == (OLD / "conditions.csv").read_text(encoding="utf-8")


def test_its_scores_are_said_to_be_of_the_validation_loss(folder):
    (note,) = read_study(folder).notes
    assert note.startswith("5 of 5 completed runs have no test loss, since an earlier version recorded them")
    assert note in (write_report(folder)).read_text(encoding="utf-8")


def test_its_curves_are_known_as_interleaved(folder):
    assert {run.config["task.split"] for run in read_study(folder).members} == {"interleaved"}


def renewed(run_json):
    """Write the record as it would be written today: no key that does not act, gates with parameters of their own."""
    record = json.loads(run_json.read_text())
    cell = record["config"]["cell"]
    if cell.get("gate_activation") == "leaky_relu":
        cell["gate_negative_slope"] = cell["negative_slope"]
    own = {"cell.negative_slope"} if cell["activation"] != "leaky_relu" else set()
    for key in (*IDLE, *own, "cell.embedding_size"):
        section, name = key.split(".")
        del record["config"][section][name]
    run_json.write_text(json.dumps(record | {"run_id": record["run_id"][::-1]}))


def test_a_new_record_of_one_of_its_runs_is_known_as_the_same_run(folder):
    old = folder / "sines-lstm-tanh-s0-58abc608ec4a"
    renewed(shutil.copytree(old, folder / "sines-lstm-tanh-s0-000000000000") / "run.json")
    study = read_study(folder)
    assert [problem.kind for problem in study.problems] == ["repeated", "repeated"]
    assert len(study.members) == 5


@pytest.mark.parametrize("which", [slice(0, None, 2), slice(1, None, 2), slice(None)], ids=["even", "odd", "all"])
def test_old_and_new_records_in_one_folder_give_the_same_conditions(folder, which):
    for path in sorted(folder.glob("*/run.json"))[which]:
        renewed(path)
    study = read_study(folder)
    assert design_of(study.members).labels == ("tanh", "relu", "leaky_relu(0.01)", "leaky_relu(0.3)")
    assert [problem.kind for problem in study.problems] == ["repeated"]
    assert conditions_csv(view_of(study)) == (OLD / "conditions.csv").read_text(encoding="utf-8")
