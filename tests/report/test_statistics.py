"""Numbers computed by hand; the tolerance 1e-12 is rounding only."""

import math

import numpy as np
import pytest

from rnnlab.report import statistics

INF, NAN = math.inf, math.nan


def test_the_score_is_one_when_perfect_and_zero_when_naive_or_worse():
    scores = statistics.bounded_score([0.0, 0.25, 1.0, 7.0], [1.0, 1.0, 1.0, 1.0], [False] * 4)
    assert scores.tolist() == [1.0, 0.75, 0.0, 0.0]


def test_a_diverged_run_scores_zero_however_small_its_last_loss_was():
    assert statistics.bounded_score([0.001, NAN, INF], [1.0] * 3, [True, False, False]).tolist() == [0.0, 0.0, 0.0]


def test_without_a_positive_naive_loss_there_is_no_score():
    assert np.isnan(statistics.bounded_score([0.1, 0.1, 0.1], [0.0, NAN, -1.0], [False, True, False])).all()


def test_a_diverged_run_takes_the_worst_value_in_the_direction_of_the_metric():
    values, diverged = [0.9, 0.95, NAN], [False, True, False]
    assert statistics.worst_where_diverged(values, diverged, higher_is_better=True).tolist() == [0.9, -INF, -INF]
    assert statistics.worst_where_diverged(values, diverged, higher_is_better=False).tolist() == [0.9, INF, INF]


def test_the_median_says_so_when_half_of_the_runs_diverged():
    assert statistics.median([1.0, 2.0, INF]) == 2.0
    assert statistics.median([1.0, INF]) == INF
    assert statistics.median([1.0, INF, INF]) == INF


def test_a_nan_is_never_averaged_away():
    assert math.isnan(statistics.median([1.0, NAN, 3.0]))
    assert math.isnan(statistics.interquartile_mean([1.0, NAN, 3.0, 4.0]))
    assert statistics.bootstrap_median_interval([1, 2, 3, 4, NAN], np.random.default_rng(0)) == pytest.approx(
        (NAN, NAN), nan_ok=True
    )


def test_nothing_has_no_median():
    assert math.isnan(statistics.median([])) and math.isnan(statistics.interquartile_mean([]))


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
    assert statistics.interquartile_mean(values) == pytest.approx(expected, abs=1e-12)


def test_the_wilson_interval_agrees_with_the_formula_worked_out_by_hand():
    # 2 of 5, z = 1.959964 (z^2 = 3.841459): centre (0.4 + 0.3841459) / 1.7682918 = 0.4434483,
    # half 1.959964 sqrt(0.048 + 0.0384146) / 1.7682918 = 0.3258275
    assert statistics.wilson_interval(2, 5) == pytest.approx((0.1176208, 0.7692757), abs=1e-6)


def test_the_wilson_interval_has_a_width_at_none_and_all():
    low, high = statistics.wilson_interval(0, 5)
    assert low == 0.0 and high == pytest.approx(3.841458820694124 / (5 + 3.841458820694124), abs=1e-12)
    assert statistics.wilson_interval(5, 5) == pytest.approx((1 - high, 1.0), abs=1e-12)
    assert statistics.wilson_interval(0, 0) == (0.0, 1.0)


def test_a_count_above_its_total_is_an_error():
    with pytest.raises(ValueError, match=r"6 is not within 0\.\.5"):
        statistics.wilson_interval(6, 5)


def test_the_bootstrap_repeats_with_its_seed_and_moves_with_another():
    values = np.random.default_rng(1).normal(size=20)

    def interval(seed):
        return statistics.bootstrap_median_interval(values, np.random.default_rng(seed), n_resamples=200)

    assert interval(0) == interval(0)
    assert len({interval(seed) for seed in range(5)}) > 1


def test_the_bootstrap_ends_are_the_percentiles_of_the_resampled_medians():
    values, n_resamples = np.array([3.0, 1.0, 4.0, 1.5, 9.0]), 2000
    indices = np.random.default_rng(7).integers(5, size=(n_resamples, 5))
    medians = sorted(sorted(values[row])[2] for row in indices)  # the middle one of five, one resample at a time
    expected = (medians[50], medians[-51])  # 2.5 % of 2000 are cut from each end
    assert statistics.bootstrap_median_interval(values, np.random.default_rng(7)) == expected


def test_there_is_no_interval_under_five_runs():
    assert statistics.bootstrap_median_interval([1, 2, 3, 4], np.random.default_rng(0)) is None
    assert statistics.bootstrap_median_interval([1, 2, 3, 4, 5], np.random.default_rng(0)) is not None


def test_an_interval_may_reach_into_divergence():
    low, high = statistics.bootstrap_median_interval([0.1, 0.2, 0.3, INF, INF], np.random.default_rng(0))
    assert low == 0.1 and high == INF


def test_the_bootstrap_interval_covers_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    samples = rng.normal(size=(400, 20))
    intervals = [statistics.bootstrap_median_interval(sample, rng, n_resamples=300) for sample in samples]
    covered = np.mean([low <= 0 <= high for low, high in intervals])
    assert 0.91 < covered < 0.98  # 400 samples: 0.95 with a standard error of 0.011; the percentile way falls short


def test_a_curve_that_ends_counts_as_infinite_in_the_median():
    losses = np.array([[1.0, 0.5, 0.2], [1.0, NAN, NAN], [3.0, 0.7, 0.4]])
    assert statistics.median_curve(losses).tolist() == [1.0, 0.7, 0.4]
    assert statistics.median_curve(losses[:2]).tolist() == [1.0, INF, INF]


def test_the_median_run_of_an_even_number_is_the_better_one():
    assert statistics.median_run([0.4, 0.1, NAN, 0.2]) == 3
    assert statistics.median_run([0.4, 0.1, 0.2]) == 2
