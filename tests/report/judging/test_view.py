import math
from dataclasses import replace

import pytest

from rnnlab.report.judging.view import Counts, view_of
from rnnlab.report.reading.read import read_study


@pytest.fixture(scope="module")
def view(study_folder):
    return view_of(read_study(study_folder))


def task_of(view, name):
    return next(task for task in view.tasks if task.facts.name == name)


def condition_of(view, task, name):
    return next(row for row in task_of(view, task).conditions if row.name == name)


def view_of_runs(build, folder, records):
    return view_of(read_study(build.runs(folder, records)))


def test_every_run_is_counted_exactly_once(view):
    assert view.counts == Counts(total=43, completed=39, diverged=1, learned=38, failed=1, missing=3)


def test_a_condition_states_its_median_and_interval(view):
    row = condition_of(view, "sines", "tanh")
    assert row.n == row.n_completed == row.n_learned == 5
    assert row.eval_loss.median == pytest.approx(0.02 * 1.2) and row.score.median == pytest.approx(1 - 0.02 * 1.2)
    low, high = row.eval_loss.interval
    assert 0.02 <= low < row.eval_loss.median < high <= 0.028


def test_a_diverged_run_stays_in_every_aggregate(view):
    row = condition_of(view, "sines", "relu")
    assert (row.diverged.count, row.diverged.total) == (1, 5) and row.diverged.interval[1] > 0.5
    assert row.scores[3] == 0.0 and row.score.n == 5
    assert row.eval_loss.median == pytest.approx(0.1 * 1.2)  # of 0.10, 0.11, 0.12, 0.14 and the diverged one
    assert row.eval_loss.interval[1] == math.inf


def test_a_failed_run_is_in_no_aggregate_and_leaves_too_few_for_an_interval(view):
    row = condition_of(view, "digits", "tanh")
    assert (row.n, row.n_completed, row.score.n) == (5, 4, 4)
    assert row.score.interval is None


def test_when_every_run_failed_there_is_still_a_view(build, tmp_path):
    view = view_of_runs(build, tmp_path, [build.record(status="failed")])
    assert view.tasks[0].standings == ()
    assert view.tasks[0].conditions[0].n_completed == 0


def test_baselines_are_the_losses_that_belong_to_the_task(view):
    assert task_of(view, "sines").baseline_losses == {"naive_loss": 1.0, "persistence_loss": 0.004}
    on_test = {"naive_test_loss": 1.0, "persistence_test_loss": 0.004}
    assert task_of(view, "sines").baseline_test_losses == on_test
    assert task_of(view, "digits").baseline_losses == {"naive_loss": math.log(10)}
    assert task_of(view, "digits").baselines["naive_accuracy"] == 0.1


def test_how_it_was_made_leaves_out_what_changes_from_run_to_run(view):
    made = dict(view.made)
    assert made["command"] == "rnnlab -m experiment=activations" and made["versions.torch"] == "2.13.0"
    assert "started" not in made


def test_the_same_study_gives_the_same_numbers(study_folder, view):
    again = view_of(read_study(study_folder))
    assert [row.score for task in again.tasks for row in task.conditions] == [
        row.score for task in view.tasks for row in task.conditions
    ]


def test_an_infinite_median_says_whether_runs_diverged_or_only_their_closed_loop_did(build, tmp_path):
    records = [build.record(activation=name) for name in ("tanh", "relu")]
    records = [
        replace(r, result=replace(r.result, metrics=r.result.metrics | {"mse_closed_loop": math.inf})) for r in records
    ]
    records += [build.record(activation="sigmoid", diverged_at=50)]
    rows = {row.name: row for row in view_of_runs(build, tmp_path, records).tasks[0].conditions}
    assert rows["tanh"].errors["mse_closed_loop"].median == math.inf and rows["tanh"].infinite == "not finite"
    assert rows["sigmoid"].infinite == "diverged"


def test_losses_of_the_network_are_no_baselines(build, tmp_path):
    record = build.record()
    metrics = record.result.metrics | {"test_loss": 0.2, "memoryless_loss": 0.3, "memoryless_test_loss": 0.4}
    view = view_of_runs(build, tmp_path, [replace(record, result=replace(record.result, metrics=metrics))])
    answers = ("naive", "persistence", "memoryless")
    assert set(view.tasks[0].baseline_losses) == {f"{answer}_loss" for answer in answers}
    assert set(view.tasks[0].baseline_test_losses) == {f"{answer}_test_loss" for answer in answers}
