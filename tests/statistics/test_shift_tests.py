"""p-values and intervals are two readings of one table: they agree for every test, level and number."""

import math

import numpy as np
import pytest

from rnnlab.statistics.bounded import Bets, Proportion
from rnnlab.statistics.exact import label_permutations, sign_flips, signs
from rnnlab.statistics.ranks import rank_sums, signed_ranks
from rnnlab.statistics.sharp import AtZero, SharpAtZero
from rnnlab.statistics.shift_tests import ShiftTest, rejects, two_sided


def data(seed, n=12):
    rng = np.random.default_rng(seed)
    return rng.uniform(0, 1, n), np.clip(rng.normal(0.4, 0.2, n), 0, 1)


def bounded(x, y):
    flips = sign_flips(x - y, np.random.default_rng(0))
    return SharpAtZero(AtZero.of(flips), Bets(x - y, -1, 1), flips.estimate)


TESTS = {
    "sign flips": lambda x, y: sign_flips(x - y, np.random.default_rng(0)),
    "drawn sign flips": lambda x, y: sign_flips(x - y, np.random.default_rng(0), n_drawn=999, max_subsets=1),
    "label permutations": lambda x, y: label_permutations(x, y, np.random.default_rng(0), n_drawn=999),
    "signed ranks": signed_ranks,
    "rank sums": rank_sums,
    "signs": lambda x, y: signs(x - y),
    "bets": lambda x, y: Bets(x - y, -1, 1),
    "sharp at zero": bounded,
    "proportion": lambda x, y: Proportion(int(np.sum(x > y)), len(x)),
}


@pytest.mark.parametrize("name", TESTS)
@pytest.mark.parametrize("n_looks", [1, 4])
def test_an_interval_leaves_out_what_its_test_rejects_and_nothing_else(name, n_looks):
    for seed in range(3):
        test = TESTS[name](*data(seed))
        for level in (0.8, 0.95, 0.99):
            low, high = test.interval(level, n_looks)
            for theta in np.append(np.linspace(-0.99, 0.99, 67), 0.0):
                if min(abs(theta - low), abs(theta - high)) > 1e-9:  # the ends themselves: rounding decides
                    assert rejects(two_sided(test, theta, n_looks), 1 - level) == (not low <= theta <= high)


@pytest.mark.parametrize("name", TESTS)
def test_p_values_fall_in_one_direction_and_intervals_are_nested(name):
    test = TESTS[name](*data(3))
    thetas = np.linspace(-0.98, 0.98, 99)
    assert np.all(np.diff([test.p_greater(theta) for theta in thetas]) >= -1e-12)
    assert np.all(np.diff([test.p_less(theta) for theta in thetas]) <= 1e-12)
    (low, high), (lower, higher) = test.interval(0.8), test.interval(0.95)
    assert lower <= low <= high <= higher


@pytest.mark.parametrize("name", ["sign flips", "signed ranks", "rank sums", "signs", "bets", "sharp at zero"])
def test_exchanging_the_sides_exchanges_the_p_values(name):
    x, y = data(4)
    one, other = TESTS[name](x, y), TESTS[name](y, x)
    assert one.estimate == pytest.approx(-other.estimate, abs=1e-12)
    for theta in (-0.2, 0.0, 0.11):
        assert one.p_greater(theta) == pytest.approx(other.p_less(-theta), abs=1e-12)


def test_too_few_data_have_no_bounds():
    test = ShiftTest(np.array([0.1, 0.2, 0.3]), np.array([0.25, 0.5, 0.75, 1.0]), 0.2)
    assert test.interval(0.95) == (-math.inf, math.inf)
    assert test.interval(0.5) == (0.1, 0.3)
    assert test.smallest_p(0.0) == 0.5 and test.smallest_p(0.0, n_looks=4) == 1.0
