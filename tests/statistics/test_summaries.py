"""Numbers computed by hand; the tolerance 1e-12 is rounding only."""

import math
from itertools import combinations, product

import numpy as np
import pytest

from rnnlab.statistics import summaries

INF, NAN = math.inf, math.nan


def test_the_median_says_so_when_half_of_the_runs_diverged():
    assert summaries.median([1.0, 2.0, INF]) == 2.0
    assert summaries.median([1.0, INF]) == INF
    assert summaries.median([1.0, INF, INF]) == INF


def test_a_nan_is_never_averaged_away():
    assert math.isnan(summaries.median([1.0, NAN, 3.0]))
    assert math.isnan(summaries.interquartile_mean([1.0, NAN, 3.0, 4.0]))


def test_nothing_has_no_median():
    assert math.isnan(summaries.median([])) and math.isnan(summaries.interquartile_mean([]))


@pytest.mark.parametrize(
    "values, expected",
    [
        ([5.0], 5.0),
        ([1.0, 2.0, 6.0], 3.0),  # floor(3 / 4) = 0 values cut from each end
        ([0.0, 2.0, 4.0, 100.0], 3.0),  # 1 cut: (2 + 4) / 2
        ([9.0, 1.0, 2.0, 3.0, -50.0], 2.0),  # 1 cut: (1 + 2 + 3) / 3
        ([1, 2, 3, 4, 5, 6, 7, 800], 4.5),  # 2 cut: (3 + 4 + 5 + 6) / 4
    ],
)
def test_the_interquartile_mean_cuts_a_quarter_from_each_end(values, expected):
    assert summaries.interquartile_mean(values) == pytest.approx(expected, abs=1e-12)


def test_a_curve_that_ends_counts_as_infinite_in_the_median():
    losses = np.array([[1.0, 0.5, 0.2], [1.0, NAN, NAN], [3.0, 0.7, 0.4]])
    assert summaries.median_curve(losses).tolist() == [1.0, 0.7, 0.4]
    assert summaries.median_curve(losses[:2]).tolist() == [1.0, INF, INF]


def test_the_median_run_of_an_even_number_is_the_better_one():
    assert summaries.median_run([0.4, 0.1, NAN, 0.2]) == 3
    assert summaries.median_run([0.4, 0.1, 0.2]) == 2


# rliable's definitions on fixed matrices, worked out by hand

OURS = [np.array([0.0, 0.25, 0.5, 1.0]), np.array([0.5, 0.5, 0.75, 1.5])]  # two tasks, four runs
THEIRS = [np.array([0.25, 0.25, 0.75]), np.array([0.5, 0.0, 0.0])]


def test_many_samples_at_once_give_what_each_gives_alone():
    samples = np.array([[3.0, 1.0, 4.0, 1.5], [INF, 1.0, 2.0, 9.0], [NAN, 1.0, 2.0, 3.0]])
    for many, one in (
        (summaries.medians, summaries.median),
        (summaries.interquartile_means, summaries.interquartile_mean),
    ):
        assert many(samples) == pytest.approx([one(row) for row in samples], nan_ok=True)


def test_the_interquartile_mean_of_several_tasks_pools_their_runs():
    # sorted 0 .25 .5 .5 | .5 .75 1 1.5, two cut from each end: (.5 + .5 + .5 + .75) / 4
    assert summaries.interquartile_mean(np.concatenate(OURS)) == pytest.approx(0.5625, abs=1e-12)


def test_the_optimality_gap_gives_nothing_for_passing_the_best():
    # (0 + .25 + .5 + 1 + .5 + .5 + .75 + 1) / 8 = 4.5 / 8
    assert summaries.optimality_gap(OURS) == pytest.approx(1 - 0.5625, abs=1e-12)


def test_a_profile_is_the_share_of_runs_strictly_above():
    shares = summaries.performance_profile(OURS, np.array([-0.1, 0.0, 0.5, 0.75, 2.0]))
    assert shares == pytest.approx([1.0, 7 / 8, 3 / 8, 2 / 8, 0.0], abs=1e-12)


def test_tasks_weigh_the_same_in_a_profile_whatever_their_number_of_runs():
    assert summaries.performance_profile([np.ones(9), np.zeros(1)], np.array([0.5])).tolist() == [0.5]


def test_the_probability_of_improvement_is_the_mean_over_tasks_of_all_comparisons():
    # task 1: 0 beats none; .25 ties two of three: 1; .5 beats two; 1 beats three: (0 + 1 + 2 + 3) / 12
    # task 2: .5 twice: ties one, beats two: 2.5 each; .75 and 1.5 beat three: 11 / 12
    assert summaries.probability_of_improvement(OURS, THEIRS) == pytest.approx((6 / 12 + 11 / 12) / 2, abs=1e-12)


def test_equal_samples_improve_on_each_other_half_of_the_time():
    assert summaries.probability_of_improvement(OURS, OURS) == pytest.approx(0.5, abs=1e-12)


def test_improvement_on_each_other_adds_up_to_one():
    both = summaries.probability_of_improvement(OURS, THEIRS) + summaries.probability_of_improvement(THEIRS, OURS)
    assert both == pytest.approx(1.0, abs=1e-12)


def test_pairs_are_compared_with_their_own_seed_only():
    ours, theirs = [np.array([1.0, 2.0, 3.0, 4.0])], [np.array([0.9, 1.9, 3.0, 5.0])]  # win, win, tie, loss
    assert summaries.paired_probability_of_improvement(ours, theirs) == pytest.approx(2.5 / 4, abs=1e-12)


def test_a_diverged_run_never_improves_on_a_finite_one():
    assert summaries.probability_of_improvement([np.array([-INF])], [np.array([0.1])]) == 0.0


# Tuning


def test_the_best_of_all_trials_is_the_best_and_of_one_the_mean():
    scores = [0.9, 0.1, 0.5, 0.3]
    for unbiased in (True, False):
        assert summaries.expected_best_of(scores, unbiased)[0] == pytest.approx(0.45, abs=1e-12)
    assert summaries.expected_best_of(scores)[-1] == pytest.approx(0.9, abs=1e-12)


@pytest.mark.parametrize("unbiased", [True, False])
def test_the_expected_best_is_the_mean_over_all_choices(unbiased):
    scores = [0.9, 0.1, 0.5, 0.3]
    for k in (1, 2, 3, 4):
        choices = combinations(scores, k) if unbiased else product(scores, repeat=k)
        bests = [max(choice) for choice in choices]
        found = summaries.expected_best_of(scores, unbiased)[k - 1]
        assert found == pytest.approx(sum(bests) / len(bests), abs=1e-12)


def test_quartiles_are_those_of_numpy_where_both_agree_on_them_and_know_infinity():
    values = np.random.default_rng(0).normal(size=21)  # of 4 k + 1 values, the hinges are numpy's quartiles
    np.testing.assert_allclose(summaries.quartiles(values), np.quantile(values, [0.25, 0.75]), rtol=1e-12)
    assert summaries.quartiles([1, 2, 3, 4]) == (1.5, 3.5)
    assert summaries.quartiles([1, 2, math.inf, math.inf]) == (1.5, math.inf)
    assert all(map(math.isnan, summaries.quartiles([1, math.nan])))
