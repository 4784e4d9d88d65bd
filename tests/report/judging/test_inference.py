"""Intervals and p-values: numbers computed by hand or printed in the papers; the tolerance 1e-12 is rounding only."""

import math
import re
from pathlib import Path

import numpy as np
import pytest
from scipy import special, stats

from rnnlab.report.judging import inference, statistics

INF, NAN = math.inf, math.nan
QA, QB = -math.log(0.75), -math.log(0.25)  # the quartiles of the exponential distribution


def test_an_interval_of_runs_of_which_one_is_not_a_number_is_not_a_number():
    found = inference.bootstrap_interval([1, 2, 3, 4, NAN], np.random.default_rng(0))
    assert found == pytest.approx((NAN, NAN), nan_ok=True)


def test_the_wilson_interval_agrees_with_the_formula_worked_out_by_hand():
    # 2 of 5, z = 1.959964 (z^2 = 3.841459): centre (0.4 + 0.3841459) / 1.7682918 = 0.4434483,
    # half 1.959964 sqrt(0.048 + 0.0384146) / 1.7682918 = 0.3258275
    assert inference.wilson_interval(2, 5) == pytest.approx((0.1176208, 0.7692757), abs=1e-6)


def test_the_wilson_interval_has_a_width_at_none_and_all():
    low, high = inference.wilson_interval(0, 5)
    assert low == 0.0 and high == pytest.approx(3.841458820694124 / (5 + 3.841458820694124), abs=1e-12)
    assert inference.wilson_interval(5, 5) == pytest.approx((1 - high, 1.0), abs=1e-12)
    assert inference.wilson_interval(0, 0) == (0.0, 1.0)


def test_the_difference_of_two_rates_agrees_with_newcombes_printed_example():
    # Statistics in Medicine 17 (1998), page 873, table II, method 10: 56/70 - 48/80 is 0.0524 to 0.3339
    assert inference.rate_difference_interval((56, 70), (48, 80)) == pytest.approx((0.0524, 0.3339), abs=5e-5)
    assert inference.rate_difference_interval((0, 10), (0, 10)) == pytest.approx((-0.2775, 0.2775), abs=5e-5)


def test_the_difference_of_paired_rates_agrees_with_newcombes_printed_example():
    # The same volume, page 2635, table II: a, b, c, d = 36, 12, 2, 0 gives 0.0569 to 0.3404 by method 10
    ours = np.repeat([True, True, False], [36, 12, 2])
    theirs = np.repeat([True, False, True], [36, 12, 2])
    phi = inference.pair_correlation(ours, theirs)
    assert phi == pytest.approx((0 - 24) / math.sqrt(48 * 2 * 38 * 12), abs=1e-12)
    low, high = inference.rate_difference_interval((48, 50), (38, 50), phi)
    assert (low, high) == pytest.approx((0.0569, 0.3404), abs=5e-5)


def test_pairs_that_agree_by_chance_alone_count_as_uncorrelated():
    ours, theirs = [1, 1, 1, 0], [1, 1, 0, 0]  # both 2, neither 1, only ours 1: 2 * 1 - 0 = 2 = n / 2 is corrected away
    assert inference.pair_correlation(ours, theirs) == 0.0
    assert inference.pair_correlation([1, 1], [1, 0]) == 0.0  # one of them never varies


def test_a_count_above_its_total_is_an_error():
    with pytest.raises(ValueError, match=r"6 is not within 0\.\.5"):
        inference.wilson_interval(6, 5)


def test_the_bootstrap_repeats_with_its_seed_and_moves_with_another():
    values = np.random.default_rng(1).normal(size=20)

    def interval(seed):
        return inference.bootstrap_interval(values, np.random.default_rng(seed), n_resamples=200)

    assert interval(0) == interval(0)
    assert len({interval(seed) for seed in range(5)}) > 1


def test_the_bootstrap_ends_are_the_percentiles_of_the_resampled_medians():
    values, n_resamples = np.array([3.0, 1.0, 4.0, 1.5, 9.0]), 2000
    indices = np.random.default_rng(7).integers(5, size=(n_resamples, 5))
    medians = sorted(sorted(values[row])[2] for row in indices)  # the middle one of five, one resample at a time
    expected = (medians[50], medians[-51])  # 2.5 % of 2000 are cut from each end
    assert inference.bootstrap_interval(values, np.random.default_rng(7)) == expected


def test_there_is_no_interval_under_five_runs():
    assert inference.bootstrap_interval([1, 2, 3, 4], np.random.default_rng(0)) is None
    assert inference.bootstrap_interval([1, 2, 3, 4, 5], np.random.default_rng(0)) is not None


def test_an_interval_may_reach_into_divergence():
    low, high = inference.bootstrap_interval([0.1, 0.2, 0.3, INF, INF], np.random.default_rng(0))
    assert low == 0.1 and high == INF


def test_strata_are_resampled_each_by_itself():
    rows = inference.resampled([np.array([1.0, 2.0]), np.array([10.0, 20.0, 30.0])], np.random.default_rng(0), 500)
    assert rows.shape == (500, 5)
    assert set(rows[:, :2].ravel()) == {1.0, 2.0} and set(rows[:, 2:].ravel()) == {10.0, 20.0, 30.0}


def test_the_stratified_interval_is_that_of_the_resamples_by_hand():
    strata, rng = [np.arange(5.0), np.arange(5.0) ** 2], np.random.default_rng(3)
    by_hand = np.random.default_rng(3)
    first, second = (by_hand.integers(5, size=(2000, 5)) for _ in range(2))
    found = []
    for one, other in zip(first, second, strict=True):
        row = sorted([float(k) for k in one] + [float(k**2) for k in other])
        found.append(sum(row[2:8]) / 6)
    found.sort()
    assert inference.stratified_bootstrap_interval(strata, rng) == pytest.approx((found[50], found[1949]), abs=1e-12)


def test_a_task_with_too_few_runs_leaves_no_interval():
    assert inference.stratified_bootstrap_interval([np.arange(5.0), np.arange(4.0)], np.random.default_rng(0)) is None


# Tests and corrections


def test_holm_agrees_with_the_steps_by_hand():
    # sorted .01 .02 .03 .04 times 4, 3, 2, 1: .04 .06 .06 .04, never falling: .04 .06 .06 .06
    assert inference.holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06], abs=1e-12)
    assert inference.holm([0.5, 0.9]) == [1.0, 1.0] and inference.holm([]) == []


def test_the_p_value_of_an_interval_is_where_it_touches_the_threshold():
    # the Wilson interval of 8/10 leaves 0.5 out while z < (0.8 - 0.5) / sqrt(0.25 / 10) = 1.897367: p = 0.057780
    p = inference.p_value_of(lambda level: inference.wilson_interval(8, 10, level), 0.5)
    assert p == pytest.approx(0.05778, abs=1e-5)


def test_the_bootstrap_p_value_of_a_normal_effect_is_students():
    n, z = 11, 2.0
    effects = z * math.sqrt((n - 1) / n) ** -1 + np.array([special.ndtri((i + 0.5) / 20000) for i in range(20000)])
    assert inference.bootstrap_p_value(effects, 0.0, n) == pytest.approx(2 * stats.t.sf(z, n - 1), rel=0.01)


def test_few_runs_cannot_give_a_small_p_value_and_undecided_resamples_count_against():
    everything = np.full(20000, 1.0)
    assert 0.01 < inference.bootstrap_p_value(everything, 0.0, 5) < 0.05
    assert inference.bootstrap_p_value(everything, 0.0, 50) < 0.002
    assert inference.bootstrap_p_value(np.full(2000, NAN), 0.0, 50) == 1.0
    assert inference.bootstrap_p_value(np.full(2000, 0.0), 0.0, 50) == 1.0


def test_a_p_value_and_the_expanded_interval_say_the_same():
    rng = np.random.default_rng(0)
    effects = rng.normal(0.6, 0.3, size=4000)
    for n in (5, 8, 20):
        p = inference.bootstrap_p_value(effects, 0.0, n)
        for level, left_out in ((1 - p - 0.01, True), (1 - p + 0.01, False)):
            low, _ = inference.percentile_interval(effects, inference.expanded_level(level, n))
            assert (low > 0) is left_out


# Coverage: how often the interval holds the truth, in samples drawn from a known distribution


def coverage(statistic, draw, truth, n, samples=2000):
    rng = np.random.default_rng(n)
    intervals = [inference.bootstrap_interval(draw(rng, n), rng, statistic, n_resamples=600) for _ in range(samples)]
    return np.mean([low <= truth <= high for low, high in intervals])


def normal(rng, n):
    return rng.normal(size=n)


def exponential(rng, n):
    return rng.exponential(size=n)


@pytest.mark.parametrize(
    ("statistic", "draw", "truth"),
    [
        (statistics.medians, normal, 0.0),
        (statistics.medians, exponential, math.log(2)),
        (statistics.interquartile_means, normal, 0.0),
        # the mean of an exponential between its quartiles a, b: 2 [(a + 1) e^-a - (b + 1) e^-b]
        (statistics.interquartile_means, exponential, 2 * ((QA + 1) * 0.75 - (QB + 1) * 0.25)),
    ],
)
def test_an_interval_of_twenty_runs_covers_as_often_as_it_says(statistic, draw, truth):
    assert 0.93 <= coverage(statistic, draw, truth, n=20) <= 0.97


def test_an_interval_of_five_runs_covers_less_and_the_documentation_says_how_much():
    averages = {"median": statistics.medians, "interquartile mean": statistics.interquartile_means}
    found = {name: coverage(statistic, normal, 0.0, n=5) for name, statistic in averages.items()}
    text = (Path(__file__).parents[3] / "docs" / "statistics.md").read_text(encoding="utf-8")
    for name, share in found.items():
        (stated,) = re.findall(rf"\| {name} \| ([\d.]+) %", text)
        assert float(stated) / 100 == pytest.approx(share, abs=0.01), name
