"""Intervals and p-values: numbers computed by hand or printed in the papers; the tolerance 1e-12 is rounding only."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from rnnlab.statistics import resampling, summaries

INF, NAN = math.inf, math.nan
QA, QB = -math.log(0.75), -math.log(0.25)  # the quartiles of the exponential distribution


def test_an_interval_of_runs_of_which_one_is_not_a_number_is_not_a_number():
    found = resampling.bootstrap_interval([1, 2, 3, 4, NAN], np.random.default_rng(0))
    assert found == pytest.approx((NAN, NAN), nan_ok=True)


def test_the_wilson_interval_agrees_with_the_formula_worked_out_by_hand():
    # 2 of 5, z = 1.959964 (z^2 = 3.841459): centre (0.4 + 0.3841459) / 1.7682918 = 0.4434483,
    # half 1.959964 sqrt(0.048 + 0.0384146) / 1.7682918 = 0.3258275
    assert resampling.wilson_interval(2, 5) == pytest.approx((0.1176208, 0.7692757), abs=1e-6)


def test_the_wilson_interval_has_a_width_at_none_and_all():
    low, high = resampling.wilson_interval(0, 5)
    assert low == 0.0 and high == pytest.approx(3.841458820694124 / (5 + 3.841458820694124), abs=1e-12)
    assert resampling.wilson_interval(5, 5) == pytest.approx((1 - high, 1.0), abs=1e-12)
    assert resampling.wilson_interval(0, 0) == (0.0, 1.0)


def test_a_count_above_its_total_is_an_error():
    with pytest.raises(ValueError, match=r"6 is not within 0\.\.5"):
        resampling.wilson_interval(6, 5)


def test_the_bootstrap_repeats_with_its_seed_and_moves_with_another():
    values = np.random.default_rng(1).normal(size=20)

    def interval(seed):
        return resampling.bootstrap_interval(values, np.random.default_rng(seed), n_resamples=200)

    assert interval(0) == interval(0)
    assert len({interval(seed) for seed in range(5)}) > 1


def test_the_bootstrap_ends_are_the_percentiles_of_the_resampled_medians():
    values, n_resamples = np.array([3.0, 1.0, 4.0, 1.5, 9.0]), 2000
    indices = np.random.default_rng(7).integers(5, size=(n_resamples, 5))
    medians = sorted(sorted(values[row])[2] for row in indices)  # the middle one of five, one resample at a time
    expected = (medians[50], medians[-51])  # 2.5 % of 2000 are cut from each end
    assert resampling.bootstrap_interval(values, np.random.default_rng(7)) == expected


def test_there_is_no_interval_under_five_runs():
    assert resampling.bootstrap_interval([1, 2, 3, 4], np.random.default_rng(0)) is None
    assert resampling.bootstrap_interval([1, 2, 3, 4, 5], np.random.default_rng(0)) is not None


def test_an_interval_may_reach_into_divergence():
    low, high = resampling.bootstrap_interval([0.1, 0.2, 0.3, INF, INF], np.random.default_rng(0))
    assert low == 0.1 and high == INF


def test_strata_are_resampled_each_by_itself():
    rows = resampling.resampled([np.array([1.0, 2.0]), np.array([10.0, 20.0, 30.0])], np.random.default_rng(0), 500)
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
    assert resampling.stratified_bootstrap_interval(strata, rng) == pytest.approx((found[50], found[1949]), abs=1e-12)


def test_a_task_with_too_few_runs_leaves_no_interval():
    assert resampling.stratified_bootstrap_interval([np.arange(5.0), np.arange(4.0)], np.random.default_rng(0)) is None


# Tests and corrections


# Coverage: how often the interval holds the truth, in samples drawn from a known distribution


def coverage(statistic, draw, truth, n, samples=2000):
    rng = np.random.default_rng(n)
    intervals = [resampling.bootstrap_interval(draw(rng, n), rng, statistic, n_resamples=600) for _ in range(samples)]
    return np.mean([low <= truth <= high for low, high in intervals])


def normal(rng, n):
    return rng.normal(size=n)


def exponential(rng, n):
    return rng.exponential(size=n)


@pytest.mark.parametrize(
    ("statistic", "draw", "truth"),
    [
        (summaries.medians, normal, 0.0),
        (summaries.medians, exponential, math.log(2)),
        (summaries.interquartile_means, normal, 0.0),
        # the mean of an exponential between its quartiles a, b: 2 [(a + 1) e^-a - (b + 1) e^-b]
        (summaries.interquartile_means, exponential, 2 * ((QA + 1) * 0.75 - (QB + 1) * 0.25)),
    ],
)
def test_an_interval_of_twenty_runs_covers_as_often_as_it_says(statistic, draw, truth):
    assert 0.93 <= coverage(statistic, draw, truth, n=20) <= 0.97


def test_an_interval_of_five_runs_covers_less_and_the_documentation_says_how_much():
    averages = {"median": summaries.medians, "interquartile mean": summaries.interquartile_means}
    found = {name: coverage(statistic, normal, 0.0, n=5) for name, statistic in averages.items()}
    text = (Path(__file__).parents[2] / "docs" / "statistics.md").read_text(encoding="utf-8")
    for name, share in found.items():
        (stated,) = re.findall(rf"\| {name} \| ([\d.]+) %", text)
        assert float(stated) / 100 == pytest.approx(share, abs=0.01), name
