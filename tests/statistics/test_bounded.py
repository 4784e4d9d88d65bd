"""Bounded means: what has not happened yet is within the interval."""

import math

import numpy as np
import pytest
from scipy import stats

from rnnlab.statistics.bounded import Bets, Proportion
from rnnlab.statistics.exact import sign_flips


def test_the_capital_is_that_of_bets_made_one_after_the_other():
    x, m = np.array([0.9, 0.4, 1.0, 0.0, 0.7]), 0.3
    stakes = [*(math.sin(math.pi * (g + 0.5) / 48) ** 2 for g in range(24)), 1.0]
    capital = [0.5 / 24] * 24 + [0.5]
    for value in x:
        capital = [money * (1 + stake * (value - m) / m) for money, stake in zip(capital, stakes, strict=True)]
    assert Bets(x, 0, 1).p_greater(m) == pytest.approx(min(1, 1 / sum(capital)), rel=1e-9)


def test_the_order_of_the_seeds_does_not_matter():
    x = np.random.default_rng(0).uniform(size=30)
    assert Bets(x, 0, 1).p_greater(0.3) == pytest.approx(Bets(x[::-1], 0, 1).p_greater(0.3), rel=1e-9)


def test_the_expected_capital_is_one_if_the_mean_is_true():
    # x is 1 with chance m = .25: the mean of 1 / p over all counts, weighted by their chance, where no bet is capped
    n, m = 6, 0.25
    expected = 0.0
    for count in range(n + 1):
        x = np.repeat([1.0, 0.0], [count, n - count])
        stakes = np.append(np.sin(np.pi * (np.arange(24) + 0.5) / 48) ** 2, 1.0)
        capital = np.prod(1 + stakes[:, None] * (x - m) / m, axis=1) @ np.append(np.full(24, 0.5 / 24), 0.5)
        assert Bets(x, 0, 1).p_greater(m) == pytest.approx(min(1, 1 / capital), rel=1e-9)
        expected += stats.binom.pmf(count, n, m) * capital
    assert expected == pytest.approx(1.0, abs=1e-12)


def test_twenty_seeds_that_agree_leave_room_for_what_is_rare():
    low, high = Bets(np.zeros(20), -1, 1).interval(0.95)
    assert low == -high and 0.168 < high < 0.2  # Clopper and Pearson's 0 of 20 ends at .168
    assert sign_flips(np.zeros(20), np.random.default_rng(0)).interval(0.95) == (0.0, 0.0)  # which do not


def test_a_value_outside_the_bounds_is_an_error():
    for x in ([1.2], [math.nan], []):
        with pytest.raises(ValueError, match="must be numbers within 0 and 1"):
            Bets(np.array(x), 0, 1)


def test_proportions_agree_with_scipys_exact_binomial():
    for count, total in ((0, 20), (3, 17), (9, 9)):
        found, expected = Proportion(count, total), stats.binomtest(count, total, 0.3)
        assert found.interval(0.95) == pytest.approx(tuple(expected.proportion_ci(0.95)), abs=1e-9)
        one_sided = stats.binomtest(count, total, 0.3, alternative="greater").pvalue
        assert found.p_greater(0.3) == pytest.approx(one_sided, abs=1e-12)
        assert found.interval(0.95, n_looks=4) == pytest.approx(found.interval(1 - 0.05 / 4), abs=1e-12)


def test_a_number_beyond_the_bounds_is_rejected_for_certain_even_if_all_seeds_are_at_the_bound():
    for test in (Bets(np.ones(3), 0, 1), Proportion(3, 3), Bets(np.zeros(3), 0, 1), Proportion(0, 3)):
        assert test.p_less(1.05) == test.p_greater(-0.05) == 0.0
        assert test.p_less(-0.05) == test.p_greater(1.05) == 1.0
