"""The sharp test decides about zero, the other one about everything else."""

import numpy as np
import pytest

from rnnlab.statistics.bounded import Bets
from rnnlab.statistics.exact import sign_flips
from rnnlab.statistics.ranks import signed_ranks
from rnnlab.statistics.sharp import AtZero, SharpAtZero
from rnnlab.statistics.shift_tests import two_sided


def difference(d):
    flips = sign_flips(np.asarray(d), np.random.default_rng(0))
    return SharpAtZero(AtZero.of(flips), Bets(np.asarray(d), -1, 1), flips.estimate)


def test_zero_is_left_out_exactly_where_the_sharp_test_rejects_it():
    test = difference(np.full(20, 0.15))
    low, high = test.interval(0.95)
    assert test.elsewhere.interval(0.95)[0] < 0 < low < 1e-300 and high == test.elsewhere.interval(0.95)[1]
    assert two_sided(test, 0.0) == 2.0**-19 and test.p_greater(-0.05) <= 2.0**-20
    assert test.cautious.p_greater(-0.05) > 0.025  # what "no difference that matters" is concluded from


def test_what_is_beyond_zero_is_never_rejected_before_zero():
    test = difference(np.full(4, 0.95))
    assert two_sided(test, 0.0) == 2.0**-3
    assert two_sided(test, 0.1) >= 2.0**-3 >= two_sided(test, -0.1)


def test_looks_multiply_the_sharp_test_and_leave_the_bets_as_they_are():
    test = difference(np.full(12, 0.5))
    assert test.p_greater(0.0, n_looks=4) == 4 * 2.0**-12 and test.smallest_p(0.0, n_looks=4) == 4 * 2.0**-11
    assert test.p_less(0.9, n_looks=4) == test.p_less(0.9)


def test_the_other_test_may_be_one_of_ranks():
    x, y = np.arange(1.0, 11), np.zeros(10)
    ranks = signed_ranks(x, y)
    test = SharpAtZero(AtZero(0.5, 0.5, 0.01), ranks, 3.0)
    assert ranks.interval(0.95)[0] > 0 and test.interval(0.95) == (0.0, ranks.interval(0.95)[1])
    assert test.p_less(20.0, n_looks=2) == pytest.approx(min(2 * ranks.p_less(20.0), 1.0))
    assert test.smallest_p(1.0) == ranks.smallest_p(1.0)
