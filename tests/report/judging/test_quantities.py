import math
from dataclasses import replace

import pytest

from rnnlab.report.judging.quantities import (
    better_side,
    metric,
    quantity,
    score,
    tuning_score,
    updates,
    validation_score,
)
from rnnlab.report.reading.read import read_study

INF, NAN = math.inf, math.nan


@pytest.fixture
def measured(build, tmp_path):
    """measured(diverged_at, metric=value, ...) -> the study and its run, with these metrics beside its own."""

    def measure(diverged_at=None, **metrics):
        record = build.record(diverged_at=diverged_at)
        record = replace(record, result=replace(record.result, metrics=record.result.metrics | metrics))
        study = read_study(build.runs(tmp_path, [record]))
        return study, study.members[0]

    return measure


def of_task(run, **facts):
    return replace(run, task=replace(run.task, **facts))


@pytest.mark.parametrize(
    ("loss", "naive_loss", "diverged_at", "expected"),
    [
        (0.0, 1.0, None, 1.0),
        (0.5, 2.0, None, 0.75),
        (1.0, 1.0, None, 0.0),
        (7.0, 1.0, None, 0.0),
        (0.001, 1.0, 50, 0.0),
        (NAN, 1.0, None, 0.0),
        (INF, 1.0, None, 0.0),
    ],
)
def test_the_score_is_one_when_perfect_and_zero_when_naive_or_worse_or_diverged(
    measured, loss, naive_loss, diverged_at, expected
):
    study, run = measured(diverged_at, test_loss=loss, naive_test_loss=naive_loss, eval_loss=0.9, naive_loss=1.0)
    assert score(run) == quantity(study, run, "score") == expected
    _, run = measured(diverged_at, test_loss=0.9, naive_test_loss=1.0, eval_loss=loss, naive_loss=naive_loss)
    assert validation_score(run) == expected


@pytest.mark.parametrize("naive_loss", [0.0, -1.0, NAN])
def test_without_a_positive_naive_loss_there_is_no_score(measured, naive_loss):
    study, run = measured(naive_test_loss=naive_loss, test_loss=0.1)
    assert math.isnan(score(run)) and quantity(study, run, "score") is None
    assert math.isnan(validation_score(measured(naive_loss=naive_loss, eval_loss=0.1)[1]))


def test_the_score_is_of_the_test_split_and_against_the_answer_that_the_task_names(measured):
    losses = {"test_loss": 0.03, "naive_test_loss": 0.5, "persistence_test_loss": 0.04}
    losses |= {"eval_loss": 0.02, "naive_loss": 0.8, "persistence_loss": 0.05}
    _, run = measured(**losses)
    assert (score(run), validation_score(run)) == (pytest.approx(0.94), pytest.approx(0.975))
    run = of_task(run, scored_against="persistence")
    assert (score(run), validation_score(run)) == (pytest.approx(0.25), pytest.approx(0.6))
    assert math.isnan(score(of_task(run, scored_against="an_answer_that_was_not_recorded")))


@pytest.mark.parametrize(
    ("eval_loss", "expected"), [(0.0, 1.0), (0.4, 0.5), (1.2, 0.25), (1.6, 0.2), (math.inf, 0.0), (math.nan, 0.0)]
)
def test_what_chooses_settings_goes_on_falling_where_all_are_worse_than_the_naive_answer(eval_loss, expected, measured):
    _, run = measured(naive_loss=0.4, eval_loss=eval_loss)
    assert tuning_score(run) == pytest.approx(expected)


def test_what_chooses_settings_is_0_of_a_run_that_diverged_and_nan_without_a_measure(measured):
    assert tuning_score(measured(50, naive_loss=0.4, eval_loss=0.1)[1]) == 0
    assert math.isnan(tuning_score(measured(naive_loss=0.0, eval_loss=0.1)[1]))


def test_a_record_from_before_test_losses_has_its_validation_score(build, tmp_path):
    record = build.record()
    metrics = {name: value for name, value in record.result.metrics.items() if "test" not in name}
    metrics |= {"eval_loss": 0.2, "naive_loss": 0.8}
    study = read_study(build.runs(tmp_path, [replace(record, result=replace(record.result, metrics=metrics))]))
    (run,) = study.members
    assert not run.has_test_loss
    assert score(run) == validation_score(run) == quantity(study, run, "score") == pytest.approx(0.75)
    assert score(replace(run, diverged=True)) == 0.0


@pytest.mark.parametrize(
    ("name", "value", "worst"),
    [
        ("eval_loss", 0.3, INF),
        ("test_loss", 0.3, INF),
        ("mse_closed_loop", 0.3, INF),
        ("accuracy", 0.9, -INF),
        ("skill", 0.9, -INF),
    ],
)
def test_a_diverged_run_counts_as_the_worst_where_a_side_is_better(measured, name, value, worst):
    assert metric(measured(**{name: value})[1], name) == value
    assert metric(measured(50, **{name: value})[1], name) == worst
    assert metric(measured(**{name: NAN})[1], name) == worst


def test_a_diverged_runs_spectral_radius_is_what_was_measured(measured):
    study, run = measured(50, spectral_radius_layer0=3.5, lyapunov_1_layer0=-INF)
    assert metric(run, "spectral_radius_layer0") == quantity(study, run, "spectral_radius_layer0") == 3.5
    assert quantity(study, run, "lyapunov_1_layer0") == -INF


def test_a_diagnostic_that_is_no_number_was_not_recorded(measured):
    study, run = measured(50, spectral_radius_layer0=NAN)
    assert quantity(study, run, "spectral_radius_layer0") is None


def test_of_an_unknown_metric_only_the_tasks_score_has_a_better_side(measured):
    study, run = measured(50, f1=0.4, words=12.0)
    assert better_side("f1", run.task) is None and quantity(study, run, "f1") == 0.4
    scored = replace(run, task=replace(run.task, score="f1", higher_is_better=True))
    assert better_side("f1", scored.task) == "higher" and metric(scored, "f1") == -INF
    lower = replace(run, task=replace(run.task, score="f1", higher_is_better=False))
    assert metric(lower, "f1") == INF and metric(lower, "words") == 12.0


def test_the_table_knows_better_than_the_task(measured):
    _, run = measured()
    assert better_side("accuracy", replace(run.task, score="accuracy", higher_is_better=False)) == "higher"


def test_updates_are_those_of_the_first_row_at_the_threshold_and_infinite_where_there_is_none(build, tmp_path):
    """The losses are final + (1.5 - final) exp(-step / 15), every 10 steps; the naive loss is 1."""
    study = read_study(build.runs(tmp_path, [build.record(final=0.02), build.record(seed=1, diverged_at=50)]))
    run, diverged = study.members
    assert updates(study, run, {"eval_loss": 0.5}) == 20  # .41; .78 at step 10
    assert updates(study, run, {"score": 0.5}) == 20
    assert updates(study, run, {"score": 0.97}) == 80  # .973; .966 at step 70
    assert updates(study, run, {"eval_loss": 1.5}) == 0
    assert updates(study, run, {"score": 0.99}) == updates(study, run, {"eval_loss": 0.01}) == INF
    assert updates(study, diverged, {"score": 0.5}) == 20, "it was there before it diverged"
    assert updates(study, diverged, {"score": 0.97}) == INF
    assert updates(study, run, {"accuracy": 0.5}) is None
