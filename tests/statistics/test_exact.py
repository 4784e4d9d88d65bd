"""The exact tests, against scipy's and against every sign change or permutation counted one by one."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from rnnlab.statistics import exact
from rnnlab.statistics.ranks import rank_sums, signed_ranks
from rnnlab.statistics.shift_tests import two_sided

INF = math.inf


def normal(seed, n, mean=0.4):
    return np.random.default_rng(seed).normal(mean, 1, n)


def drawn():
    return np.random.default_rng(0)


@pytest.mark.parametrize("theta", [0.0, 0.3, -0.2])
def test_sign_flips_count_every_choice_of_signs(theta):
    d = normal(1, 9)
    sums = [np.dot(signs, d - theta) for signs in itertools.product((1, -1), repeat=9)]
    as_large = np.mean(np.array(sums) >= np.sum(d - theta) - 1e-12)
    assert exact.sign_flips(d, drawn()).p_greater(theta) == pytest.approx(as_large, abs=1e-12)


@pytest.mark.parametrize("d", [normal(7, 13), np.array([0.0, 0.1, 0.2, -0.3, 0.3, -0.1, 0.1, 0.0]), np.zeros(4)])
def test_flips_at_zero_are_those_of_the_whole_test(d):
    for most, n_drawn in ((2**20, 999), (1, 999), (1, 70_001)):  # all of them, or some that are drawn
        found = exact.sign_flips_at_zero(d, 0, n_drawn, most)
        test = exact.sign_flips(d, drawn(), n_drawn, most)
        assert (found.greater, found.less) == pytest.approx((test.p_greater(0.0), test.p_less(0.0)), abs=1e-12)
        assert found.smallest == exact.smallest_p(d.size, n_drawn, most)


def test_sign_flips_of_zeros_and_ones_are_mcnemars_exact_test():
    d = np.array([1.0] * 7 + [-1.0] * 2 + [0.0] * 5)
    expected = stats.binomtest(7, 9).pvalue
    assert two_sided(exact.sign_flips(d, drawn()), 0.0) == pytest.approx(expected, abs=1e-12)


def test_drawn_flips_are_near_the_exact_ones_and_never_zero():
    d = normal(2, 14)
    all_of_them, some = exact.sign_flips(d, drawn()), exact.sign_flips(d, drawn(), n_drawn=200_000, max_subsets=1)
    assert two_sided(some, 0.0) == pytest.approx(two_sided(all_of_them, 0.0), abs=0.005)
    assert some.interval(0.95) == pytest.approx(all_of_them.interval(0.95), abs=0.05)
    assert exact.sign_flips(np.ones(60), drawn(), n_drawn=999).p_greater(0.0) == 1 / 1000


def test_label_permutations_are_all_permutations_counted_or_near_them():
    x, y = normal(3, 6, 1.2), normal(4, 5, 0.0)
    pooled, found = np.concatenate([x, y]), []
    for chosen in itertools.combinations(range(11), 6):
        rest = [k for k in range(11) if k not in chosen]
        found.append(pooled[list(chosen)].mean() - pooled[rest].mean())
    expected = np.mean(np.array(found) >= x.mean() - y.mean() - 1e-12)
    test = exact.label_permutations(x, y, drawn(), n_drawn=462)  # the ways to choose 6 of 11
    assert test.p_greater(0.0) == pytest.approx(expected, abs=1e-12)
    assert exact.label_permutations(x, y, drawn(), n_drawn=461).p_greater(0.0) == pytest.approx(expected, abs=0.05)
    assert test.estimate == pytest.approx(x.mean() - y.mean())


@pytest.mark.parametrize("n", [5, 12, 30])
def test_signed_ranks_and_rank_sums_agree_with_scipy(n):
    x, y = normal(n, n), normal(n + 1, n, 0.0)
    expected = stats.wilcoxon(x, y, method="exact").pvalue
    assert two_sided(signed_ranks(x, y), 0.0) == pytest.approx(expected, rel=1e-9)
    expected = stats.mannwhitneyu(x, y[: n - 2], method="exact").pvalue
    assert two_sided(rank_sums(x, y[: n - 2]), 0.0) == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize(
    "d", [normal(8, 12), normal(9, 40, 0.1).round(1), np.array([INF, INF, -INF, 1.0, -2.0, 0.0, 3.0]), np.zeros(5)]
)
def test_signed_ranks_at_zero_count_the_walsh_averages(d):
    """One of inf and -inf counts half on either side; ties with zero count for the null hypothesis."""
    pairs = [(a, b) for a, b in itertools.combinations_with_replacement(d.tolist(), 2) if a != -b or abs(a) != INF]
    n_undefined = d.size * (d.size + 1) // 2 - len(pairs)
    test = signed_ranks(d, np.zeros(d.size))
    whole = 1e-300  # the p-value of this shift, which is none, goes another way: by all Walsh averages
    assert test.p_greater(0.0) == test.p_greater(whole) and test.p_less(0.0) == test.p_less(-whole)
    if d.size <= 12:
        ranks = rankdata_with_infinities(d)
        sums = [sum(itertools.compress(ranks, signs)) for signs in itertools.product((0, 1), repeat=d.size)]
        low, high = (sum(sign * (a + b) <= 0 for a, b in pairs) + n_undefined / 2 for sign in (1, -1))
        assert test.p_greater(0.0) == pytest.approx(np.mean(np.array(sums) <= low))
        assert test.p_less(0.0) == pytest.approx(np.mean(np.array(sums) <= high))


def rankdata_with_infinities(d):
    """1, 2, ...; infinite differences share the mean of the highest ranks."""
    n, n_infinite = d.size, int(np.isinf(d).sum())
    return [*range(1, n - n_infinite + 1), *[n - (n_infinite - 1) / 2] * n_infinite]


def test_the_estimates_are_those_of_hodges_and_lehmann():
    x, y = normal(5, 7), normal(6, 7, 0.0)
    walsh = [(a + b) / 2 for a, b in itertools.combinations_with_replacement(x - y, 2)]
    assert signed_ranks(x, y).estimate == pytest.approx(np.median(walsh), abs=1e-12)
    assert rank_sums(x, y).estimate == pytest.approx(np.median(np.subtract.outer(x, y)), abs=1e-12)


def test_signed_ranks_with_infinite_losses_count_every_choice_of_signs():
    # |d| = inf three times: the ranks 4, 5, 6 are tied at 5 whatever theta is
    of, against = np.array([INF, INF, 1.0, 2.0, 4.0, 5.0]), np.array([1.0, 2.0, INF, 1.5, 3.0, 8.0])
    ranks = np.array([5, 5, 5, 1, 2, 3])
    observed = 5 + 5 + 1 + 2  # d = inf, inf, -inf, .5, 1, -3
    sums = [np.dot(chosen, ranks) for chosen in itertools.product((0, 1), repeat=6)]
    test = signed_ranks(of, against)
    assert test.p_greater(0.0) == pytest.approx(np.mean(np.array(sums) >= observed), abs=1e-12)
    assert test.p_less(0.0) == pytest.approx(np.mean(np.array(sums) <= observed), abs=1e-12)


@pytest.mark.parametrize("theirs", [[0.5, 2.0, INF, -INF], [0.5, 2.0, 2.5, INF, -INF]])
def test_rank_sums_with_infinite_losses_agree_with_every_permutation_of_the_ranks(theirs):
    x, y = np.array([1.0, 3.0, INF, INF]), np.array(theirs)
    ranks, test = stats.rankdata(np.concatenate([x, y])), rank_sums(x, y)
    sums = np.array([ranks[list(chosen)].sum() for chosen in itertools.combinations(range(len(ranks)), 4)])
    above, below = np.mean(sums >= ranks[:4].sum()), np.mean(sums <= ranks[:4].sum())
    if len(y) == 4:
        assert (test.p_greater(0.0), test.p_less(0.0)) == pytest.approx((above, below), abs=1e-12)
    else:  # unequal sides, and ties at one end: the larger of both tails
        assert above <= test.p_greater(0.0) <= above + 0.02 and below <= test.p_less(0.0) <= below + 0.02


def test_a_side_that_always_diverges_is_worse_by_an_infinite_shift():
    test = signed_ranks(np.full(10, INF), np.arange(10.0))
    assert two_sided(test, 0.0) == 2 ** (1 - 10)
    assert test.estimate == INF and test.interval(0.95) == (INF, INF)


def test_seeds_that_diverge_on_both_sides_are_left_out():
    x, y = normal(7, 8), normal(8, 8, 0.0)
    infinite = np.full(3, INF)
    both = signed_ranks(np.concatenate([x, infinite]), np.concatenate([y, infinite]))
    alone = signed_ranks(x, y)
    assert both.interval(0.9) == alone.interval(0.9) and two_sided(both, 0.1) == two_sided(alone, 0.1)
    assert two_sided(signed_ranks(infinite, infinite), 0.0) == 1.0


def test_ties_count_for_the_null_hypothesis():
    assert two_sided(signed_ranks(np.ones(20), np.ones(20)), 0.0) == 1.0
    assert two_sided(rank_sums(np.ones(20), np.ones(20)), 0.0) == 1.0
    assert two_sided(exact.signs(np.full(20, 0.5)), 0.5) == 1.0
    assert two_sided(exact.sign_flips(np.zeros(20), drawn()), 0.0) == 1.0


def test_the_sign_test_is_binomial_and_its_interval_is_of_order_statistics():
    v = normal(9, 15)
    assert two_sided(exact.signs(v), 0.0) == pytest.approx(stats.binomtest(int(np.sum(v > 0)), 15).pvalue, abs=1e-12)
    # Binomial(15, 1/2): P(<= 3) = .0176, P(<= 4) = .0592, so the 4th and the 12th value
    assert exact.signs(v).interval(0.95) == (np.sort(v)[3], np.sort(v)[11])


@pytest.mark.parametrize("n", [2, 5, 10, 20])
def test_n_seeds_that_agree_have_the_smallest_p_value(n):
    assert exact.smallest_p(n) == 2.0 ** (1 - n)
    assert two_sided(exact.sign_flips(np.arange(1.0, n + 1), drawn()), 0.0) == 2.0 ** (1 - n)
    assert two_sided(signed_ranks(np.arange(1.0, n + 1), np.zeros(n)), 0.0) == pytest.approx(2.0 ** (1 - n))
    assert exact.smallest_p(40) == 2 / 100_000


def test_numbers_that_are_none_are_refused():
    for test in (signed_ranks, rank_sums):
        with pytest.raises(ValueError, match="NaN"):
            test(np.array([1.0, math.nan]), np.array([1.0, 2.0]))
    with pytest.raises(ValueError, match="finite"):
        exact.sign_flips(np.array([1.0, INF]), drawn())


def test_seeds_of_which_half_are_infinitely_better_and_half_infinitely_worse_have_no_shift():
    test = signed_ranks(np.array([np.inf, 1.0]), np.array([1.0, np.inf]))
    assert test.estimate == 0.0 and two_sided(test, 0.0) == 1.0
