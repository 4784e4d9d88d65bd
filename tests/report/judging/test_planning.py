"""What a design can decide is known before it is trained."""

import numpy as np
import pytest
from scipy import stats

from rnnlab.report.judging.decision import Question, decide
from rnnlab.report.judging.per_seed import PerSeed
from rnnlab.report.judging.planning import power, prospect, smallest_p


@pytest.mark.parametrize("n_claims", [1, 5, 12])
@pytest.mark.parametrize("n_looks", [1, 4])
def test_the_fewest_seeds_that_can_decide_do_and_one_less_cannot(n_claims, n_looks):
    found = prospect(20, "unbounded", True, None, n_claims=n_claims, n_looks=n_looks)
    n = found.seeds_for_difference
    for seeds, judgement in ((n, "supported"), (n - 1, "undecided")):
        numbers = PerSeed(np.arange(1.0, seeds + 1), np.zeros(seeds), "unbounded", True)
        decisions = decide([Question("higher", n_looks=n_looks)] * n_claims, [[numbers]] + [[]] * (n_claims - 1))
        assert decisions[0].judgement == judgement


def test_the_fewest_seeds_that_can_show_no_difference_do_and_one_less_cannot():
    found = prospect(100, "bounded", True, 0.1, n_claims=3)
    n = found.seeds_for_no_difference
    for seeds, judgement in ((n, "no difference that matters"), (n - 1, "undecided")):
        same = PerSeed(np.full(seeds, 0.5), np.full(seeds, 0.5), "bounded", True)
        question = Question("higher", margin=0.1)
        assert decide([question] * 3, [[same], [], []])[0].judgement == judgement
    assert prospect(100, "bounded", True, None).seeds_for_no_difference is None


def test_five_seeds_cannot_decide_and_six_can():
    assert not prospect(5, "bounded", True, 0.1).can_decide
    assert prospect(6, "bounded", True, 0.1).can_decide
    assert prospect(6, "bounded", True, 0.1).smallest_p == 2**-5
    assert not prospect(6, "bounded", True, 0.1, n_claims=2).can_decide


def test_sides_that_do_not_pair_have_as_many_labellings_as_ways_to_choose():
    assert smallest_p(4, "unbounded", False) == 2 / 70
    assert smallest_p(30, "bounded", False) == 2 / 100_000 > smallest_p(30, "unbounded", False)


def test_the_power_is_near_that_of_the_t_test_for_normal_differences():
    for n, difference, spread in ((20, 0.5, 1.0), (10, 1.0, 1.0), (40, 0.2, 0.4)):
        shift = difference / spread * np.sqrt(n)
        limit = stats.t.ppf(0.975, n - 1)
        expected = stats.nct.sf(limit, n - 1, shift)
        assert power(n, difference, spread) == pytest.approx(expected, abs=0.05)
    assert power(5, 10.0, 1.0) == 0.0  # no effect is large enough for five seeds
    assert power(20, 0.5, 1.0, n_claims=10) < power(20, 0.5, 1.0)
