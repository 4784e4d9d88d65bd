import json
import math
import re
from dataclasses import replace

import pytest

from rnnlab.records.digests import SUMS
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study


def test_every_readable_run_is_a_row_with_dotted_config_keys(study_folder):
    rows = {row["run_id"]: row for row in read_study(study_folder).rows()}
    assert len(rows) == 40
    assert {row["cell.activation"] for row in rows.values()} == {"tanh", "sigmoid", "relu", "leaky_relu"}
    row = rows["sines-tanh-2"]
    assert row["optimizer.learning_rate"] == 0.005 and row["seed"] == 2
    assert row["eval_loss"] == 0.02 * 1.2 and row["outcome"] == "learned"


def test_curves_and_predictions_belong_to_their_run(study_folder):
    study = read_study(study_folder)
    assert study.curves["sines-tanh-0"]["step"].tolist() == list(range(0, 101, 10))
    assert study.gradients("sines-tanh-0") == {}
    assert list(study.predictions("sines-tanh-0")) == ["t", "truth", "one_step", "closed_loop"]
    assert list(study.predictions("digits-tanh-0")) == ["index", "label", "predicted", "probability"]


def test_a_diverged_run_keeps_its_nan(study_folder):
    (run,) = (run for run in read_study(study_folder).members if run.run_id == "sines-relu-3")
    assert run.diverged and run.diverged_at_step == 50
    assert math.isnan(run.metrics["eval_loss"])


def test_what_cannot_be_read_is_named_with_its_reason(study_folder):
    problems = {problem.name: problem for problem in read_study(study_folder).problems}
    assert set(problems) == {"broken", "killed", "sines-gelu-0", "digits-tanh-4"}
    assert problems["broken"].kind == "unreadable" and problems["broken"].reason.startswith("run.json: cannot be read")
    assert problems["killed"].kind == "missing" and problems["killed"].reason == "run.json: no such file"
    assert problems["sines-gelu-0"].kind == "missing"
    assert problems["digits-tanh-4"].kind == "failed"
    assert problems["digits-tanh-4"].reason == "ValueError: the <b>disk</b> is full"


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"schema": 99}, "run.json: schema 99"),
        ({"task": {"name": "sines"}}, "run.json: lacks task.loss"),
        ({"config": "tanh"}, "run.json: config: 'tanh'"),
        ({"metrics": {"eval_loss": "much"}}, "run.json: metrics: {'eval_loss': 'much'}"),
        ({"status": "killed"}, "run.json: status: 'killed'"),
    ],
)
def test_a_foreign_record_never_stops_the_others(build, tmp_path, change, reason):
    build.runs(tmp_path, [build.record(seed=0), build.record(seed=1)])
    path = tmp_path / "sines-tanh-1" / "run.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    (path.parent / SUMS).unlink()
    study = read_study(tmp_path)
    assert [run.run_id for run in study.members] == ["sines-tanh-0"]
    assert study.problems[0].reason.startswith(reason)


@pytest.mark.parametrize(
    "text", ["step,eval_loss\n0,1\n1\n", "step,eval_loss\n0,a lot\n", "eval_loss\n1\n", "\xff\x00"]
)
def test_curves_that_do_not_parse_make_the_run_unreadable(build, tmp_path, text):
    build.runs(tmp_path, [build.record(seed=0), build.record(seed=1)])
    path = tmp_path / "sines-tanh-1" / "run.json"
    (path.parent / SUMS).unlink()
    path.write_text(path.read_text().replace('"tables"', '"tables of old"'))  # whose sizes were not recorded
    (path.parent / "curves.csv").write_bytes(text.encode("latin-1"))
    (problem,) = read_study(tmp_path).problems
    assert problem.kind == "unreadable" and problem.reason.startswith("curves.csv: ")


@pytest.mark.parametrize("with_digests", [True, False])
@pytest.mark.parametrize("name", ["run.json", "curves.csv", "predictions.csv"])
def test_a_file_that_was_changed_makes_the_run_unreadable_by_name(build, tmp_path, name, with_digests):
    build.runs(tmp_path, [build.record(seed=0), build.record(seed=1)])
    path = tmp_path / "sines-tanh-1" / name
    text = path.read_text()
    path.write_text(re.sub(r"\.\d", ".7", text) if with_digests else text[:-6])
    if not with_digests:
        (path.parent / SUMS).unlink()
    for _ in range(2):  # the second time with what was read before
        study = read_study(tmp_path)
        assert [run.run_id for run in study.members] == ["sines-tanh-0"]
        (problem,) = study.problems
        assert problem.kind == "unreadable" and problem.reason.startswith(f"{name}: ")


@pytest.mark.parametrize("with_digests", [True, False])
def test_a_run_counts_without_the_tables_that_somebody_has_removed(build, tmp_path, with_digests):
    build.runs(tmp_path, [build.record(seed=0)])
    for name in ["predictions.csv"] if with_digests else ["predictions.csv", SUMS]:
        (tmp_path / "sines-tanh-0" / name).unlink()
    assert [run.run_id for run in read_study(tmp_path).members] == ["sines-tanh-0"]


def test_two_runs_that_bear_the_same_id_are_not_mixed_up(build, tmp_path):
    build.runs(tmp_path, [build.record(seed=0)])
    (tmp_path / "sines-tanh-0").rename(tmp_path / "a")
    build.runs(tmp_path, [replace(build.record(seed=1), run_id="sines-tanh-0")])
    study = read_study(tmp_path)
    assert [run.folder for run in study.members] == ["a"]
    (problem,) = study.problems
    assert problem.reason == "run.json: has the run_id of a, and another config"


def test_the_same_run_in_two_folders_counts_once(build, tmp_path):
    build.runs(tmp_path, [build.record()])
    (tmp_path / "sines-tanh-0").rename(tmp_path / "again")
    build.runs(tmp_path, [build.record()])
    study = read_study(tmp_path)
    assert len(study.members) == 1 and study.problems[0].kind == "repeated"


def test_a_slope_that_does_not_act_on_an_activation_makes_no_new_run(build, tmp_path):
    slopes = (0.01, 0.3)
    build.runs(tmp_path, [build.record(activation="relu", cell__negative_slope=slope) for slope in slopes])
    build.runs(tmp_path, [build.record(activation="leaky_relu", cell__negative_slope=slope) for slope in slopes])
    study = read_study(tmp_path)
    assert [run.config["cell.activation"] for run in study.members] == ["leaky_relu", "leaky_relu", "relu"]
    assert [problem.kind for problem in study.problems] == ["repeated"]


def test_a_study_file_is_optional_and_a_broken_one_is_only_a_note(build, tmp_path):
    build.runs(tmp_path, [build.record()])
    assert read_study(tmp_path).file.study == tmp_path.name
    (tmp_path / "study.json").write_text("{")
    study = read_study(tmp_path)
    assert study.notes[0].startswith("study.json is left out") and len(study.members) == 1


def test_runs_of_an_older_sweep_are_shown_and_said(build, tmp_path):
    build.runs(tmp_path, [build.record(seed=0), build.record(seed=1)])
    build.study_file(tmp_path, expected=["sines-tanh-0"])
    study = read_study(tmp_path)
    assert len(study.members) == 2 and study.notes[0].startswith("1 of the runs shown")


def test_an_older_report_is_not_taken_for_a_run(build, tmp_path):
    build.runs(tmp_path, [build.record()])
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "run.json").write_text("{}")
    assert not read_study(tmp_path).problems


def test_a_folder_without_runs_says_what_is_wrong(build, tmp_path):
    with pytest.raises(StudyError, match="nowhere: no such folder"):
        read_study(tmp_path / "nowhere")
    with pytest.raises(StudyError, match="no run folders in it"):
        read_study(tmp_path)
    build.runs(tmp_path, [build.record()])
    with pytest.raises(StudyError, match="is the folder of a single run"):
        read_study(tmp_path / "sines-tanh-0")


def test_provenance_keeps_each_distinct_value(study_folder):
    assert read_study(study_folder).provenance["versions.torch"] == ("2.13.0",)


def test_runs_from_before_test_losses_are_counted_in_a_note(build, tmp_path):
    record = build.record()
    metrics = {name: value for name, value in record.result.metrics.items() if name != "test_loss"}
    old = replace(record, result=replace(record.result, metrics=metrics))
    records = [old, build.record(seed=1), build.record(seed=2, status="failed")]
    (note,) = read_study(build.runs(tmp_path, records)).notes
    assert note == (
        "1 of 2 completed runs have no test loss, since an earlier version recorded them: their scores are of the "
        "validation loss, against the best constant answer. hydra.launcher.redo=all computes them again."
    )
