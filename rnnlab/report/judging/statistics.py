"""Statistics of a sweep: pure functions on arrays, in which a diverged run always counts.

Two rules run through all of them.  A run that diverged is never dropped: its loss is +inf, its score 0.  And a
NaN is never averaged away: it comes out as NaN.  Infinities are ordinary values here, so a median may be
infinite, which reads "at least half of these runs diverged".

Several tasks together are `strata`: a list with one array of scores per task, (runs,) each.  Interquartile mean,
stratified bootstrap, performance profile and probability of improvement are those of Agarwal, Schwarzer, Castro,
Courville and Bellemare, Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 34 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import gammaln, ndtr, ndtri
from scipy.stats import t as student_t

LEVEL = 0.95
MIN_RUNS_FOR_INTERVAL = 5  # below this a resampled median can only take two or three values: dots say more
N_RESAMPLES = 2000


def bounded_score(eval_loss: np.ndarray, naive_loss: np.ndarray, diverged: np.ndarray) -> np.ndarray:
    """The score of each run, (runs,) -> (runs,): 1 is perfect, 0 is no better than the naive answer, or diverged.

        score = clip(1 - eval_loss / naive_loss, 0, 1);   0 where diverged or eval_loss is not finite

    NaN where naive_loss is not a positive number: there is nothing to measure against.
    """
    eval_loss, naive_loss = np.asarray(eval_loss, float), np.asarray(naive_loss, float)
    measurable = np.isfinite(naive_loss) & (naive_loss > 0)
    lost = np.asarray(diverged, bool) | ~np.isfinite(eval_loss)
    ratio = np.where(lost, 1.0, eval_loss) / np.where(measurable, naive_loss, 1.0)
    score = np.where(lost, 0.0, np.clip(1 - ratio, 0, 1))
    return np.where(measurable, score, np.nan)


def worst_where_diverged(values: np.ndarray, diverged: np.ndarray, higher_is_better: bool) -> np.ndarray:
    """A metric with the worst of all values, -inf or +inf, wherever its run diverged or left no number."""
    values = np.asarray(values, float)
    worst = -math.inf if higher_is_better else math.inf
    return np.where(np.asarray(diverged, bool) | np.isnan(values), worst, values)


# Aggregates of the last axis, so that they serve one sample and a table of resamples alike


def median(values: np.ndarray) -> float | np.ndarray:
    """The middle value, or the mean of the two middle ones; NaN for no values or if one of them is NaN."""
    values = np.asarray(values, float)
    if not values.shape[-1]:
        return math.nan
    middle = np.median(values, axis=-1)
    return float(middle) if values.ndim == 1 else middle


def interquartile_mean(values: np.ndarray) -> float | np.ndarray:
    """The mean of the middle half: floor(n / 4) values are cut from each end (rliable's aggregate_iqm).

    More precise than the median, and one wild run still cannot move it.  NaN as in `median`.
    """
    values = np.sort(np.asarray(values, float), axis=-1)
    n = values.shape[-1]
    if not n:
        return math.nan
    cut = n // 4
    mean = np.mean(values[..., cut : n - cut], axis=-1)
    mean = np.where(np.isnan(values[..., -1]), math.nan, mean)  # NaN sorts to the end, so it has to be looked for
    return float(mean) if values.ndim == 1 else mean


def optimality_gap(strata: Sequence[np.ndarray], best: float = 1.0) -> float:
    """How much the runs lack of `best` on average, nothing being gained by passing it (rliable's optimality gap)."""
    return best - float(np.mean(np.minimum(np.concatenate(strata), best)))


def performance_profile(strata: Sequence[np.ndarray], taus: np.ndarray) -> np.ndarray:
    """The share of runs above each tau, every task weighing the same, (taus,): rliable's score distribution."""
    shares = [np.mean(np.asarray(scores, float)[:, None] > taus, axis=0) for scores in strata]
    return np.mean(shares, axis=0)


def probability_of_improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """P(a run of ours scores above one of theirs), mean over tasks; a tie counts half (Mann and Whitney's U / nm)."""
    wins = [
        np.mean(_wins(np.asarray(a, float)[:, None], np.asarray(b, float))) for a, b in zip(ours, theirs, strict=True)
    ]
    return float(np.mean(wins))


def paired_probability_of_improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """The same where run n of ours and of theirs have the seed in common: only those are compared with each other."""
    return float(np.mean([np.mean(_wins(np.asarray(a), np.asarray(b))) for a, b in zip(ours, theirs, strict=True)]))


def _wins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return (a > b) + 0.5 * (a == b)


# Rates


def wilson_interval(count: int, total: int, level: float = LEVEL) -> tuple[float, float]:
    """The score interval of a rate count / total; it stays inside [0, 1] and has a width at 0/n and n/n too.

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
    """phi of paired 0/1 outcomes, with Newcombe's continuity correction; 0 when either never varies."""
    ours, theirs = np.asarray(ours, bool), np.asarray(theirs, bool)
    both, neither = int(np.sum(ours & theirs)), int(np.sum(~ours & ~theirs))
    only_ours, only_theirs = int(np.sum(ours & ~theirs)), int(np.sum(~ours & theirs))
    margins = (both + only_ours) * (only_theirs + neither) * (both + only_theirs) * (only_ours + neither)
    product = both * neither - only_ours * only_theirs
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
    statistic: Callable[[np.ndarray], np.ndarray] = median,
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
    statistic: Callable[[np.ndarray], np.ndarray] = interquartile_mean,
    level: float = LEVEL,
    n_resamples: int = N_RESAMPLES,
) -> tuple[float, float] | None:
    """The same over several tasks: the runs of each task are resampled by themselves.  None under five runs a task."""
    strata = [np.asarray(scores, float) for scores in strata]
    if not strata or min(map(len, strata)) < MIN_RUNS_FOR_INTERVAL:
        return None
    return percentile_interval(statistic(resampled(strata, rng, n_resamples)), level)


def resampled(strata: Sequence[np.ndarray], rng: np.random.Generator, n_resamples: int = N_RESAMPLES) -> np.ndarray:
    """(n_resamples, all runs): the runs of each task drawn anew, task beside task."""
    return np.concatenate([scores[draws(len(scores), rng, n_resamples)] for scores in strata], axis=1)


def percentile_interval(resampled_values: np.ndarray, level: float = LEVEL) -> tuple[float, float]:
    """The ends are order statistics, never interpolated, so infinities pass through: (0.02, inf) is an answer."""
    found = np.sort(np.asarray(resampled_values, float))
    if np.isnan(found).any():
        return math.nan, math.nan
    n_cut = math.floor(found.size * (1 - level) / 2 + 1e-9)  # 2000 * 0.025 is 50, not 49.999...
    return float(found[n_cut]), float(found[found.size - 1 - n_cut])


def expanded_level(level: float, n: int) -> float:
    """The level at which a percentile interval has to be read off so that n runs cover `level`.

        Phi(sqrt(n / (n - 1)) t[n - 1]),   t[n - 1] Student's quantile

    T. Hesterberg, What Teachers Should Know About the Bootstrap, American Statistician 69 (2015), section 3.3.
    """
    return 2 * float(ndtr(math.sqrt(n / (n - 1)) * student_t.ppf((1 + level) / 2, n - 1))) - 1


def bootstrap_p_value(resampled_effects: np.ndarray, threshold: float, n: int) -> float:
    """The two-sided p-value of "the effect is `threshold`": 1 - the highest level at which the expanded interval of n
    runs leaves it out.  An undecided resample (inf - inf, NaN) counts for the other side, a tie half."""
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
    """p-values adjusted for being one of several, in the order given.  The smallest of m is multiplied by m, the next
    by m - 1 ..., none ends below one that was smaller.  S. Holm, Scandinavian Journal of Statistics 6 (1979)."""
    adjusted, m, floor = [math.nan] * len(p_values), len(p_values), 0.0
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        floor = max(floor, min((m - rank) * p_values[place], 1.0))
        adjusted[place] = floor
    return adjusted


# Tuning


def expected_best_of(scores: np.ndarray, unbiased: bool = True) -> np.ndarray:
    """The score to expect from the best of k = 1 ... n trials, (n,) -> (n,), from n trials that were made.

    With v[1] <= ... <= v[n] the sorted scores:

        unbiased    sum_i v[i] C(i - 1, k - 1) / C(n, k)        the mean over all choices of k of the n trials
        otherwise   sum_i v[i] ((i / n)^k - ((i - 1) / n)^k)    k draws from the trials with replacement; too low

    The second is that of Dodge, Gururangan, Card, Schwartz and Smith, Show Your Work, EMNLP (2019), equation 3; the
    first that of Tang, Lee, Xin, Liu, Yu and Lin, Showing Your Work Doesn't Always Work, ACL (2020).
    """
    v = np.sort(np.asarray(scores, float))
    n = v.size
    i, k = np.arange(1, n + 1)[None, :], np.arange(1, n + 1)[:, None]
    if unbiased:
        chosen = i >= k
        log_ways = gammaln(i) - gammaln(k) - gammaln(np.where(chosen, i - k, 0) + 1)  # log C(i - 1, k - 1)
        log_all = gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1)
        weights = np.where(chosen, np.exp(log_ways - log_all), 0.0)
    else:
        weights = (i / n) ** k - ((i - 1) / n) ** k
    return weights @ v if n else np.empty(0)


# Curves


def median_curve(losses: np.ndarray) -> np.ndarray:
    """The median over runs at each step, (runs, steps) -> (steps,); a loss that is gone (NaN) counts as +inf."""
    losses = np.asarray(losses, float)
    if not losses.size:
        return np.full(losses.shape[-1], math.nan)
    return np.median(np.where(np.isnan(losses), math.inf, losses), axis=0)


def median_run(losses: np.ndarray) -> int:
    """The index of the run whose loss is the median, the better of the two middle ones for an even number."""
    losses = np.asarray(losses, float)
    order = np.argsort(np.where(np.isnan(losses), math.inf, losses), kind="stable")
    return int(order[(losses.size - 1) // 2])
