"""Which test a quantity calls for, and what a look takes of the seeds."""

import numpy as np
import pytest

from rnnlab.statistics.bounded import Bets, Proportion
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.ranks import SignedRanks
from rnnlab.statistics.sharp import SharpAtZero
from rnnlab.statistics.shift_tests import ShiftTest, two_sided

X, Y = np.array([0.9, 0.8, 0.7, 0.9, 0.6, 0.8]), np.array([0.1, 0.3, 0.2, 0.1, 0.2, 0.3])


@pytest.mark.parametrize(
    ("kind", "against", "expected"),
    [
        ("bounded", Y, SharpAtZero),
        ("event", Y, SharpAtZero),
        ("unbounded", Y, SignedRanks),
        ("bounded", None, ShiftTest),
        ("unbounded", None, ShiftTest),
        ("event", None, Bets),
    ],
)
def test_each_quantity_has_its_test(kind, against, expected):
    assert type(PerSeed(X, against, kind, paired=True).test()) is expected


def test_an_event_of_one_setting_is_counted():
    test = PerSeed(np.array([1.0, 0, 0, 1, 0]), None, "event").test()
    assert test == Proportion(2, 5)


def test_paired_seeds_have_smaller_p_values_where_seeds_differ_more_than_sides():
    rng = np.random.default_rng(0)
    seeds = rng.uniform(0.1, 0.8, 15)
    of, against = seeds + 0.05 + 0.01 * rng.normal(size=15), seeds
    p = {paired: two_sided(PerSeed(of, against, "bounded", paired).test(), 0.0) for paired in (True, False)}
    assert p[True] < 0.001 and p[False] > 0.2


def test_a_test_made_twice_is_the_same():
    rng = np.random.default_rng(1)
    numbers = PerSeed(rng.uniform(size=30), rng.uniform(size=30), "bounded", True)
    assert numbers.test().interval(0.9) == numbers.test().interval(0.9)
    assert numbers.test().at_zero == numbers.test().at_zero


def test_a_look_takes_the_first_seeds_and_stretching_keeps_the_spread():
    numbers = PerSeed(X, Y, "bounded", True)
    assert list(numbers.first(2).of) == [0.9, 0.8] and list(numbers.first(2).against) == [0.1, 0.3]
    many = numbers.stretched(60)
    assert len(many.of) == 60 and np.mean(many.of - many.against) == pytest.approx(np.mean(X - Y))
    assert set(zip(many.of, many.against, strict=True)) == set(zip(X, Y, strict=True))
    alone = PerSeed(X, None, "unbounded").stretched(12)
    assert list(alone.of) == sorted(np.repeat(X, 2))
    infinite = PerSeed(np.array([np.inf, np.inf, 1.0]), np.array([np.inf, 2.0, np.inf]), "unbounded", True)
    assert infinite.stretched(9).n_seeds == 9


@pytest.mark.parametrize("kind", ["bounded", "unbounded"])
def test_sides_that_do_not_pair_are_compared_by_equally_many_seeds(kind):
    rng = np.random.default_rng(7)
    of, against = rng.uniform(size=10), rng.uniform(size=40)
    numbers = PerSeed(of, against, kind)
    assert numbers.n_seeds == 10
    assert two_sided(numbers.test(), 0.0) == two_sided(numbers.first(10).test(), 0.0)


def test_paired_sides_have_the_same_seeds():
    with pytest.raises(ValueError, match="20 seeds against 40: paired sides must have the same seeds"):
        PerSeed(np.zeros(20), np.zeros(40), "bounded", paired=True)
