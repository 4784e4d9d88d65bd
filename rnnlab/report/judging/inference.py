"""How sure one can be of what a sweep shows: intervals of rates and of averages, p-values.  Pure functions on arrays.

The bootstrap keeps infinities as ordinary values, so that diverged runs count: an interval may be (0.02, inf).  Several
tasks together are `strata`, as in statistics.py; their stratified bootstrap is that of Agarwal et al. (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtr, ndtri
from scipy.stats import t as student_t

from rnnlab.report.judging.statistics import interquartile_means, medians

LEVEL = 0.95
MIN_RUNS_FOR_INTERVAL = 5  # below this a resampled median can only take two or three values: dots say more
N_RESAMPLES = 2000

# Rates


def wilson_interval(count: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a rate count / total.  It stays inside [0, 1], and at 0/n and n/n it has a width, too.

        (p + z^2 / 2n  -+  z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n),   p = count / n

    E. B. Wilson, Probable Inference, JASA 22 (1927).  (0, 1) for no trials.  ValueError unless 0 <= count <= total.
    """
    if not 0 <= count <= total:
        raise ValueError(f"count {count} is not within 0..{total}")
    if total == 0:
        return 0.0, 1.0
    z2 = float(ndtri((1 + level) / 2)) ** 2
    rate = count / total
    centre = rate + z2 / (2 * total)
    half = math.sqrt(z2 * (rate * (1 - rate) / total + z2 / (4 * total**2)))
    scale = 1 + z2 / total
    low = 0.0 if count == 0 else (centre - half) / scale  # exact at the ends, where rounding would leave 1e-17
    high = 1.0 if count == total else (centre + half) / scale
    return low, high


def rate_difference_interval(
    ours: tuple[int, int], theirs: tuple[int, int], phi: float = 0.0, level: float = LEVEL
) -> tuple[float, float]:
    """The interval of p1 - p2 for two rates (count, total), built from their Wilson intervals (l1, u1), (l2, u2).

        p1 - p2 - sqrt((p1 - l1)^2 - 2 phi (p1 - l1)(u2 - p2) + (u2 - p2)^2)   and likewise upwards

    R. G. Newcombe, Statistics in Medicine 17 (1998), pages 873 (independent, phi = 0) and 2635 (paired, phi the
    correlation of the pairs, see `pair_correlation`), method 10 of both.
    """
    (l1, u1), (l2, u2) = wilson_interval(*ours, level), wilson_interval(*theirs, level)
    p1, p2 = (count / total if total else 0.5 for count, total in (ours, theirs))

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0.0))

    return p1 - p2 - reach(p1 - l1, u2 - p2), p1 - p2 + reach(u1 - p1, p2 - l2)


def pair_correlation(ours: np.ndarray, theirs: np.ndarray) -> float:
    """phi, the correlation of paired 0/1 outcomes, with Newcombe's continuity correction; 0 if a side never varies."""
    ours, theirs = np.asarray(ours, bool), np.asarray(theirs, bool)
    both, neither = int(np.sum(ours & theirs)), int(np.sum(~ours & ~theirs))
    only_ours, only_theirs = int(np.sum(ours & ~theirs)), int(np.sum(~ours & theirs))
    margins = (both + only_ours) * (only_theirs + neither) * (both + only_theirs) * (only_ours + neither)
    product = float(both * neither - only_ours * only_theirs)
    if product > 0:
        product = max(product - ours.size / 2, 0.0)
    return product / math.sqrt(margins) if margins else 0.0


# Bootstrap


def draws(n: int, rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> np.ndarray:
    """Which runs each resample of n runs consists of, (n_resamples, n), with replacement."""
    return rng.integers(n, size=(n_resamples, n))


def bootstrap_interval(
    values: np.ndarray,
    rng: np.random.Generator,
    statistic: Callable[[np.ndarray], np.ndarray] = medians,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of a statistic of one sample; None under five values.

    Resample the runs with replacement, take each resample's statistic, cut off (1 - level) / 2 of them at each end.
    B. Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7 (1979).
    """
    return stratified_bootstrap_interval([values], rng, statistic, level, n_resamples)


def stratified_bootstrap_interval(
    strata: Sequence[np.ndarray],
    rng: np.random.Generator,
    statistic: Callable[[np.ndarray], np.ndarray] = interquartile_means,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
) -> tuple[float, float] | None:
    """The same over several tasks: the runs of each task are resampled by themselves.  None under five runs a task.

    statistic: (n_resamples, all runs) -> (n_resamples,)."""
    strata = [np.asarray(scores, float) for scores in strata]
    if not strata or min(map(len, strata)) < MIN_RUNS_FOR_INTERVAL:
        return None
    return percentile_interval(statistic(resampled(strata, rng, n_resamples)), level)


def resampled(strata: Sequence[np.ndarray], rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> np.ndarray:
    """(n_resamples, all runs): the runs of each task are drawn anew and stand beside those of the other tasks."""
    return np.concatenate([scores[draws(len(scores), rng, n_resamples)] for scores in strata], axis=1)


def percentile_interval(resampled_values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The interval that holds the share `level` of the resampled values.  Its ends are two of these values and not
    interpolated, so infinities pass through: (0.02, inf) is an answer."""
    found = np.sort(np.asarray(resampled_values, float))
    if np.isnan(found).any():
        return math.nan, math.nan
    n_cut = math.floor(found.size * (1 - level) / 2 + 1e-9)  # 2000 * 0.025 is 50, not 49.999...
    return float(found[n_cut]), float(found[found.size - 1 - n_cut])


def expanded_level(level: float, n: int) -> float:
    """The level to use in place of `level` for the percentile interval of n runs, so that it covers `level`.

        Phi(sqrt(n / (n - 1)) t[n - 1]),   t[n - 1] Student's quantile

    T. Hesterberg, What Teachers Should Know About the Bootstrap, American Statistician 69 (2015), section 3.3.
    """
    return 2 * float(ndtr(math.sqrt(n / (n - 1)) * student_t.ppf((1 + level) / 2, n - 1))) - 1


def bootstrap_p_value(resampled_effects: np.ndarray, threshold: float, n: int) -> float:
    """The two-sided p-value of "the effect is `threshold`": 1 - the highest level at which the expanded interval of n
    runs leaves it out.  A resample without a result (inf - inf, NaN) counts for the other side, a tie half."""
    effects = np.asarray(resampled_effects, float)
    undecided = float(np.mean(np.isnan(effects)))
    tied = float(np.mean(effects == threshold)) / 2
    tail = min(float(np.mean(effects < threshold)), float(np.mean(effects > threshold))) + tied + undecided
    tail = min(max(tail, 1 / (effects.size + 1)), 0.5)
    return 2 * float(student_t.sf(-ndtri(tail) * math.sqrt((n - 1) / n), n - 1))


def p_value_of(interval: Callable[[float], tuple[float, float]], threshold: float) -> float:
    """1 - the highest level at which `interval(level)` leaves the threshold out, to 1e-6, by bisection."""
    inside, outside = 1.0, 0.0
    for _ in range(20):
        level = (inside + outside) / 2
        low, high = interval(level)
        if low <= threshold <= high:
            inside = level
        else:
            outside = level
    return 1 - outside


def holm(p_values: Sequence[float]) -> list[float]:
    """The p-values of m tests, corrected for being m, in the order given.

    The smallest is multiplied by m, the next one by m - 1, and so on; none may end below one that was smaller.
    S. Holm, Scandinavian Journal of Statistics 6 (1979)."""
    adjusted, m, floor = [math.nan] * len(p_values), len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        floor = max(floor, min((m - rank) * p_values[place], 1.0))
        adjusted[place] = floor
    return adjusted
