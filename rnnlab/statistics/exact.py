"""Exact tests on one number per seed: of two sides that share their seeds, of two that do not, and against a number.

                    bounded quantity (score, rate)             unbounded quantity (loss, norm)
    paired          sign_flips           mean                  signed_ranks    Hodges-Lehmann estimate
    not paired      label_permutations   difference of means   rank_sums       Hodges-Lehmann estimate
    a number        signs                median                signs           median

Tests of ranks are in ranks.py.

"Exact": under the null hypothesis a p-value below x is no more frequent than x, for any number of seeds and any
distribution (ranks of more than 300 pairs, or 100 seeds a side, have a normal approximation).  The null hypothesis of
the first two rows is that the two sides are exchangeable, shifted by theta: with paired seeds that the differences are
symmetric about theta, without that the two distributions have the same shape.  They are no tests of a mean alone: a
side that is mostly a little better and rarely much worse can be rejected as "higher" while its mean is lower.

Infinite values are the worst (or best) ranks.  No function here accepts NaN.

scipy takes half a second to import.  What is said before training imports this file, but not scipy.
"""

from __future__ import annotations

import math
from functools import lru_cache
from itertools import combinations

import numpy as np

from rnnlab.statistics.ranks import refuse_nan
from rnnlab.statistics.sharp import AtZero
from rnnlab.statistics.shift_tests import ShiftTest

MAX_SUBSETS = 2**20  # up to so many sign changes (20 seeds) are enumerated
N_DRAWN = 99_999  # otherwise so many are drawn
NOTHING = 1e-12  # sums that are equal but for the order of additions differ by less


def smallest_p(n: int, n_drawn: int = N_DRAWN, max_subsets: int = MAX_SUBSETS) -> float:
    """The smallest two-sided p-value that n paired seeds can reach: 2^(1-n), or 2 / (drawn + 1) where that is more."""
    return min(1.0, max(2.0 ** (1 - n), 2 / (n_drawn + 1) if 2**n > max_subsets else 0.0))


def sign_flips(
    differences: np.ndarray, rng: np.random.Generator, n_drawn: int = N_DRAWN, max_subsets: int = MAX_SUBSETS
) -> ShiftTest:
    """The sign-flip test of differences d of paired seeds, with the mean as its statistic.

    Under the null hypothesis the signs of d - theta are arbitrary.  Changing those of a subset of the seeds leaves the
    sum as large or makes it larger if and only if the mean of d over the subset is theta or less:

        p_greater(theta) = (1 + number of subsets with a mean <= theta) / (1 + number of subsets)

    over all non-empty subsets, or over n_drawn random ones (the 1 is the data themselves; Phipson and Smyth 2010).
    R. A. Fisher, The Design of Experiments (1935), section 21; Hartigan, JASA 64 (1969).
    """
    d = _finite(differences)
    if 2**d.size <= max_subsets:
        sums, sizes = np.zeros(1), np.zeros(1)
        for value in d:
            sums, sizes = np.concatenate([sums, sums + value]), np.concatenate([sizes, sizes + 1])
        sums, sizes = sums[1:], sizes[1:]
        n_empty = 0
    else:
        sums, sizes = (random_flips(rng, n_drawn, d.size).astype(float) @ np.column_stack([d, np.ones(d.size)])).T
        n_empty = int(np.sum(sizes == 0))
        sums, sizes = sums[sizes > 0], sizes[sizes > 0]
    return ShiftTest(_settled(sums / sizes), _counted(sums.size, n_empty), float(d.mean()))


def random_flips(rng: np.random.Generator, n_drawn: int, n: int) -> np.ndarray:
    """(n_drawn, n) zeros and ones, each as likely."""
    return np.unpackbits(_random_bytes(rng, n_drawn, n), axis=0, count=n).T


def _random_bytes(rng: np.random.Generator, n_drawn: int, n: int) -> np.ndarray:
    """(n / 8 rounded up, n_drawn): the flips of eight seeds in a byte, the first seed in its highest bit."""
    n_bytes = -(-n // 8)
    return np.frombuffer(rng.bytes(n_bytes * n_drawn), np.uint8).reshape(n_bytes, n_drawn)


@lru_cache(maxsize=4)  # a family of claims has few numbers of seeds
def _words(seed: int, n_drawn: int, n: int) -> np.ndarray:
    """random_flips of a generator with this seed: (n / 8 rounded up, n_drawn) bytes, or where many are drawn words of
    16 bits, half as many, the first seed in the highest bit of the first."""
    found = _random_bytes(np.random.default_rng(seed), n_drawn, n)
    if n_drawn < 2**16:  # less than there are words
        return found
    found = np.concatenate([found, np.zeros((len(found) % 2, n_drawn), np.uint8)]).astype(np.uint16)
    return found[::2] << 8 | found[1::2]


def _sums_of_random_flips(d: np.ndarray, seed: int, n_drawn: int) -> np.ndarray:
    """random_flips(rng, n_drawn, n) @ d, in a fraction of the time: a word of 8 or 16 bits says which of 256 or 65,536
    sums so many seeds have."""
    words, sums = _words(seed, n_drawn, d.size), np.zeros(n_drawn)
    bits = 8 * words.itemsize
    for place, flips in enumerate(words):
        together = np.zeros(bits)
        own = d[bits * place : bits * (place + 1)]
        together[: own.size] = own
        sums += _subset_sums(together[::-1])[flips]
    return sums


def sign_flips_at_zero(
    differences: np.ndarray, seed: int, n_drawn: int = N_DRAWN, max_subsets: int = MAX_SUBSETS
) -> AtZero:
    """The p-values of `sign_flips` for theta = 0 alone, many times faster.  seed: of the flips that are drawn.

    They need no means of subsets, only the number of subsets whose sum is 0 or less, or 0 or more.  A subset of all
    seeds is one of the first half and one of the second, so that the sums of 2 * 2^(n / 2) subsets are enough.
    """
    d = _finite(differences)
    if 2**d.size <= max_subsets:
        one, other = _subset_sums(d[: d.size // 2]), np.sort(_subset_sums(d[d.size // 2 :]))
        n_changes = one.size * other.size  # the empty subset is the data themselves
        n_low = int(np.searchsorted(other, NOTHING - one, side="right").sum())
        n_high = n_changes - int(np.searchsorted(other, -NOTHING - one, side="left").sum())
    else:
        sums = _sums_of_random_flips(d, seed, n_drawn)
        n_changes = 1 + n_drawn
        n_low = 1 + int(np.count_nonzero(sums <= NOTHING))
        n_high = 1 + int(np.count_nonzero(sums >= -NOTHING))
    return AtZero(n_low / n_changes, n_high / n_changes, smallest_p(d.size, n_drawn, max_subsets))


def label_permutations(
    ours: np.ndarray, theirs: np.ndarray, rng: np.random.Generator, n_drawn: int = N_DRAWN
) -> ShiftTest:
    """The permutation test of two samples that do not pair, with the difference of their means as its statistic.

    Under the null hypothesis the labels of ours - theta and theirs are arbitrary.  A permutation that moves the subset
    A of ours to the other side and the equally large subset B of theirs back leaves the difference as large or makes
    it larger if and only if mean(ours in A) - mean(theirs in B) <= theta.  Where there are no more than n_drawn ways to
    choose who is ours, all are counted, else n_drawn of them are drawn.
    Fisher (1935); E. J. G. Pitman, Supplement to the JRSS 4 (1937).
    """
    x, y = _finite(ours), _finite(theirs)
    n = x.size + y.size
    if math.comb(n, x.size) <= n_drawn:
        chosen = np.array(list(combinations(range(n), x.size)))[1:]  # the first one is the data themselves
        is_ours = np.zeros((len(chosen), n))
        np.put_along_axis(is_ours, chosen, 1.0, axis=1)
    else:
        is_ours = rng.permuted(np.broadcast_to(np.repeat([1.0, 0.0], [x.size, y.size]), (n_drawn, n)), axis=1)
    moved, back = 1 - is_ours[:, : x.size], is_ours[:, x.size :]
    n_moved = moved.sum(axis=1)
    changed = n_moved > 0
    means = (moved[changed] @ x - back[changed] @ y) / n_moved[changed]
    return ShiftTest(_settled(means), _counted(means.size, int(np.sum(~changed))), float(x.mean() - y.mean()))


def signs(values: np.ndarray) -> ShiftTest:
    """The sign test of a number theta: is the median of the values above or below it?  Values equal to theta count for
    the null hypothesis.  Its interval is that of order statistics; nothing is assumed about the distribution.

    J. Arbuthnot, Philosophical Transactions 27 (1710); W. J. Conover, Practical Nonparametric Statistics, section 3.2.
    """
    from scipy.special import bdtr

    v = np.sort(np.asarray(values, float))
    refuse_nan(v)
    return ShiftTest(v, bdtr(np.arange(v.size + 1), v.size, 0.5), float(np.median(v)))


def _finite(values: np.ndarray) -> np.ndarray:
    values = np.asarray(values, float)
    if not np.isfinite(values).all() or not values.size:
        raise ValueError(f"{values}: a test of means needs finite numbers, at least one")
    return values


def _subset_sums(values: np.ndarray) -> np.ndarray:
    """Of all subsets, the empty one first: (2^n,)."""
    sums = np.zeros(1)
    for value in values:
        sums = np.concatenate([sums, sums + value])
    return sums


def _settled(means: np.ndarray) -> np.ndarray:
    """Sorted, and rounded: means that are equal but for the order of additions become equal."""
    return np.sort(np.round(means, 12))


def _counted(n_pivots: int, n_always: int) -> np.ndarray:
    """The tail of a permutation test: n_always changes leave the data as they are, whatever theta is."""
    return (1.0 + n_always + np.arange(n_pivots + 1)) / (1 + n_always + n_pivots)
