from dataclasses import replace

import pytest

from rnnlab.report.judging.view import view_of
from rnnlab.report.reading.read import read_study
from rnnlab.report.words.headlines import headline


@pytest.fixture(scope="module")
def view(study_folder):
    return view_of(read_study(study_folder))


def task_of(view, name):
    return next(task for task in view.tasks if task.facts.name == name)


@pytest.fixture
def first_headline(build, tmp_path):
    """first_headline(records) -> the sentences about their first task."""
    return lambda records, name="study": headline(view_of(read_study(build.runs(tmp_path / name, records))).tasks[0])


def test_the_headline_names_the_best_and_what_no_condition_reaches(view):
    found = headline(task_of(view, "sines"))
    assert found[0].startswith("leaky_relu has the highest median score (0.988, n=5)")
    assert "No condition has a median test loss below the persistence baseline (0.004)." in found
    assert found[-1] == "19 of 20 runs learned; diverged: 1 of 5 with relu."


def test_the_tasks_own_measure_is_said_beside_the_score(view):
    found = headline(task_of(view, "digits"))
    assert found[0] == (
        "leaky_relu has the highest median score (0.988, n=5). It is the best of 4 and was chosen by the same runs, so "
        "its score is too optimistic."
    )
    assert found[1] == "By accuracy leaky_relu has the highest median (0.899)."
    assert found[-1] == "19 of 19 runs learned; none diverged."


def test_equal_medians_share_the_first_place(build, first_headline):
    records = [build.record(activation=name, final=0.1) for name in ("tanh", "relu")]
    found = first_headline(records)
    assert found[0] == "tanh and relu share the highest median score (0.9, n=1)."


def test_the_score_of_the_best_of_many_is_called_too_optimistic_but_not_of_two(build, first_headline):
    records = [build.record(activation=name) for name in ("tanh", "relu", "leaky_relu")]
    first = first_headline(records, "three")[0]
    assert first.endswith("It is the best of 3 and was chosen by the same runs, so its score is too optimistic.")
    assert "optimistic" not in first_headline(records[:2], "two")[0]


def test_divergence_is_said_to_be_of_all_settings_together_where_there_are_several(build, first_headline):
    records = [
        build.record(activation="tanh", optimizer__learning_rate=rate, diverged_at=50 if rate > 0.1 else None)
        for rate in (0.1, 0.2)
    ]
    found = first_headline(records)
    assert found[-1] == "1 of 2 runs learned; diverged, all settings together: 1 of 2 with tanh."


def test_when_everything_diverged_nothing_is_called_best(build, first_headline):
    records = [build.record(activation=name, diverged_at=20) for name in ("tanh", "relu")]
    assert first_headline(records)[0] == (
        "No condition has a median score above 0: none is better than the naive answer in half of its runs."
    )


def test_when_every_run_failed_that_is_all_there_is_to_say(build, first_headline):
    assert first_headline([build.record(status="failed")]) == ("No run was completed.",)


def test_the_first_sentence_says_that_rates_were_chosen(build, first_headline):
    records = [
        build.record(activation=name, seed=seed, optimizer__learning_rate=rate)
        for name in ("tanh", "relu")
        for rate in (0.1, 0.01)
        for seed in range(3)
    ]
    assert "each at the learning rate that its tuning seeds chose" in first_headline(records)[0]


def test_a_forecast_scored_in_closed_loop_is_ranked_by_its_score_first(build, first_headline):
    records = [build.record(activation=name) for name in ("tanh", "leaky_relu", "relu")]
    closed_loop = [replace(record, task=replace(record.task, score="mse_closed_loop")) for record in records]
    found = first_headline(closed_loop)
    assert found[0].startswith("leaky_relu has the highest median score (0.99, n=1)")
    lowest = "In closed loop tanh and leaky_relu have the lowest median error (0.25; answering the mean has 1)."
    assert found[1] == lowest


def test_baselines_are_beaten_on_the_test_split(build, first_headline):
    record = build.record()
    metrics = record.result.metrics | {"eval_loss": 0.001, "test_loss": 0.5, "naive_test_loss": 0.4}
    found = first_headline([replace(record, result=replace(record.result, metrics=metrics))])
    assert "No condition has a median test loss below the best constant answer (0.4)." in found
    assert "No condition has a median test loss below the persistence baseline (0.004)." in found


def test_records_from_before_test_losses_are_compared_by_their_validation_losses(build, first_headline):
    record = build.record()
    metrics = {name: value for name, value in record.result.metrics.items() if "test" not in name}
    found = first_headline([replace(record, result=replace(record.result, metrics=metrics))])
    assert "No condition has a median evaluation loss below the persistence baseline (0.004)." in found
    assert not any("test loss" in sentence for sentence in found)
