import math
from dataclasses import replace

import pytest

from rnnlab.report.read import read_study
from rnnlab.report.view import Counts, view_of


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


def test_the_headline_names_the_best_and_says_what_cannot_be_told_apart(view):
    headline = task_of(view, "sines").headline
    assert headline[0].startswith("leaky_relu has the lowest median evaluation loss (0.012, n=5)")
    assert "No condition has a median evaluation loss below the persistence baseline (0.004)." in headline
    assert headline[-1] == "19 of 20 runs learned; diverged: 1 of 5 with relu."


def test_the_headline_of_a_score_where_more_is_better_looks_for_the_highest(view):
    assert task_of(view, "digits").headline[0] == (
        "leaky_relu has the highest median accuracy (0.899, n=5); its 95% interval overlaps no other."
    )
    assert task_of(view, "digits").headline[-1] == "19 of 19 runs learned; none diverged."


def test_overlapping_intervals_are_said(build, tmp_path):
    finals = {"tanh": 0.10, "relu": 0.11}
    records = [
        build.record(activation=name, seed=seed, final=final + 0.02 * seed)
        for name, final in finals.items()
        for seed in range(5)
    ]
    headline = view_of_runs(build, tmp_path, records).tasks[0].headline
    assert headline[0].endswith("its 95% interval overlaps that of relu.")


def test_equal_medians_share_the_first_place(build, tmp_path):
    records = [build.record(activation=name, final=0.1) for name in ("tanh", "relu")]
    headline = view_of_runs(build, tmp_path, records).tasks[0].headline
    assert headline[0] == "tanh and relu share the lowest median evaluation loss (0.1, n=1)."


def test_the_best_of_many_conditions_is_called_flattering(build, tmp_path):
    records = [
        build.record(activation=name, optimizer__learning_rate=rate)
        for name in ("tanh", "relu")
        for rate in (0.1, 0.01)
    ]
    assert "This is the best of 4 conditions" in view_of_runs(build, tmp_path, records).tasks[0].headline[1]


def test_when_everything_diverged_nothing_is_called_best(build, tmp_path):
    records = [build.record(activation=name, diverged_at=20) for name in ("tanh", "relu")]
    view = view_of_runs(build, tmp_path, records)
    assert view.tasks[0].headline[0] == (
        "In every condition at least half of the runs diverged or have no finite evaluation loss."
    )
    assert view.tasks[0].conditions[0].score.median == 0.0


def test_when_every_run_failed_there_is_still_a_view(build, tmp_path):
    view = view_of_runs(build, tmp_path, [build.record(status="failed")])
    assert view.tasks[0].headline == ("No run was completed.",)
    assert view.tasks[0].conditions[0].n_completed == 0


def test_baselines_are_the_losses_that_belong_to_the_task(view):
    assert task_of(view, "sines").baselines == {"naive_loss": 1.0, "persistence_loss": 0.004}
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


def test_a_forecast_scored_in_closed_loop_is_also_judged_one_step_ahead(build, tmp_path):
    records = [build.record(activation=name) for name in ("tanh", "leaky_relu", "relu")]
    closed_loop = [replace(record, task=replace(record.task, score="mse_closed_loop")) for record in records]
    headline = view_of_runs(build, tmp_path, closed_loop).tasks[0].headline
    assert headline[0].startswith("tanh and leaky_relu share the lowest median closed-loop mean squared error (0.25, ")
    assert headline[0].endswith("n=1; the naive answer has 1).")
    assert headline[1] == "One step ahead leaky_relu has the lowest median error (0.01; the naive answer has 1)."
