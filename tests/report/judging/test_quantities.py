import math
from dataclasses import replace

import pytest

from rnnlab.report.judging.quantities import better_side, metric, quantity, score
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


@pytest.mark.parametrize(
    ("eval_loss", "naive_loss", "diverged_at", "expected"),
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
    measured, eval_loss, naive_loss, diverged_at, expected
):
    _, run = measured(diverged_at, eval_loss=eval_loss, naive_loss=naive_loss)
    assert score(run) == expected


@pytest.mark.parametrize("naive_loss", [0.0, -1.0, NAN])
def test_without_a_positive_naive_loss_there_is_no_score(measured, naive_loss):
    study, run = measured(naive_loss=naive_loss, eval_loss=0.1)
    assert math.isnan(score(run)) and quantity(study, run, "score") is None


@pytest.mark.parametrize(
    ("name", "value", "worst"),
    [("eval_loss", 0.3, INF), ("mse_closed_loop", 0.3, INF), ("accuracy", 0.9, -INF), ("skill", 0.9, -INF)],
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
