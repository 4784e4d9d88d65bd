import csv
import io

from rnnlab.report.judging.view import view_of
from rnnlab.report.page.tables import conditions_csv, pair_rows, runs_csv, verdict_rows
from rnnlab.report.reading.read import read_study


def rows_of(text):
    return list(csv.DictReader(io.StringIO(text)))


def test_every_run_is_a_row_and_absent_is_not_nan(study_folder):
    rows = {row["run_id"]: row for row in rows_of(runs_csv(read_study(study_folder)))}
    assert len(rows) == 40
    assert rows["digits-tanh-0"]["persistence_loss"] == ""  # the task has no such metric
    assert rows["sines-relu-3"]["eval_loss"] == "nan"  # the run has one, and it is not a number
    assert float(rows["sines-tanh-1"]["eval_loss"]) == 0.02 * 1.1


def test_every_condition_is_a_row(study_folder):
    rows = rows_of(conditions_csv(view_of(read_study(study_folder))))
    assert len(rows) == 8
    relu = next(row for row in rows if row["task.name"] == "sines" and row["cell.activation"] == "relu")
    assert relu["n_diverged"] == "1" and relu["eval_loss_high"] == "inf"
    tanh = next(row for row in rows if row["task.name"] == "digits" and row["cell.activation"] == "tanh")
    assert tanh["score_low"] == "" and tanh["n_completed"] == "4"


def test_a_text_that_a_spreadsheet_would_run_is_disarmed_and_numbers_are_not(build, tmp_path):
    evil = "=cmd|'calc'!A0"
    build.runs(
        tmp_path,
        [
            build.record(seed=seed, optimizer__note=note, optimizer__momentum=-0.5)
            for seed, note in enumerate([evil, "@sum", "+x", "-y", "-1e5"])
        ],
    )
    rows = {row["seed"]: row for row in rows_of(runs_csv(read_study(tmp_path)))}
    assert [rows[str(seed)]["optimizer.note"] for seed in range(5)] == ["'" + evil, "'@sum", "'+x", "'-y", "-1e5"]
    assert rows["0"]["optimizer.momentum"] == "-0.5"


def test_a_comparison_is_a_row_with_its_claim_and_what_was_chosen(rich_report):
    study = read_study(rich_report.parent)
    view = view_of(study)
    diverged, score = verdict_rows(view.verdicts)
    assert (diverged["claim"], diverged["of"], diverged["against"]) == (
        1,
        "cell.activation=relu",
        "cell.activation=tanh",
    )
    assert diverged["judgement"] == view.verdicts[0].parts[0].decision.judgement and diverged["chosen"] == ""
    assert score["chosen"] == "optimizer.learning_rate=1.0 (at the edge); optimizer.learning_rate=0.1"
    assert diverged["n_questions"] == 2 and diverged["look"] == 1 and diverged["where"] == ""


def test_a_pair_is_a_row_by_task(rich_report):
    rows = pair_rows(view_of(read_study(rich_report.parent)).pairs)
    assert [(row["task"], row["of"], row["against"]) for row in rows[:3]] == [
        ("sines", "tanh", "sigmoid"), ("sines", "tanh", "relu"), ("sines", "sigmoid", "relu"),
    ]  # fmt: skip
    assert all(row["low"] <= row["estimate"] <= row["high"] for row in rows)
