"""What is computed from the scores of a sweep: averages, profiles, curves.  resampling.py says how sure one is.

Two rules hold for all of them.  A run that diverged is never dropped: its loss is +inf, its score 0.  A NaN is never
averaged away: the result is NaN.  Infinities are ordinary values, so a median may be infinite: at least half of the
runs diverged.

Several tasks together are `strata`: a list with one array of scores per task, (runs,) each.  Interquartile mean,
performance profile and probability of improvement are those of Agarwal, Schwarzer, Castro, Courville and Bellemare,
Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 34 (2021).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import gammaln

# Averages, of one sample (runs,) and of many samples at once (samples, runs)


def median(values: np.ndarray | Sequence[float]) -> float:
    """The middle value, or the mean of the two middle ones; NaN for no values or if one of them is NaN."""
    values = np.asarray(values, float)
    return float(np.median(values)) if values.size else math.nan


def medians(samples: np.ndarray) -> np.ndarray:
    """The median of each row, (samples, runs) -> (samples,)."""
    return np.asarray(np.median(samples, axis=-1))


def interquartile_mean(values: np.ndarray | Sequence[float]) -> float:
    """The mean of the middle half: floor(n / 4) values are cut from each end (rliable's aggregate_iqm).

    More precise than the median, and one wild run still cannot move it.  NaN as in `median`.
    """
    values = np.asarray(values, float)
    return float(interquartile_means(values)) if values.size else math.nan


def interquartile_means(samples: np.ndarray) -> np.ndarray:
    """The interquartile mean of each row, (samples, runs) -> (samples,)."""
    samples = np.sort(np.asarray(samples, float), axis=-1)
    n = samples.shape[-1]
    cut = n // 4
    mean = np.mean(samples[..., cut : n - cut], axis=-1)
    # NaN sorts to the end, where it would be cut off: it has to be looked for.
    return np.where(np.isnan(samples[..., -1]), math.nan, mean)


def quartiles(values: np.ndarray | Sequence[float]) -> tuple[float, float]:
    """The medians of the lower and of the upper half; the middle value of an odd number belongs to both.

    Tukey, Exploratory Data Analysis (1977): the hinges.  NaN as in `median`."""
    values = np.sort(np.asarray(values, float))
    half = (values.size + 1) // 2
    if np.isnan(values).any():
        return math.nan, math.nan
    return median(values[:half]), median(values[values.size - half :])


def optimality_gap(strata: Sequence[np.ndarray], best: float = 1.0) -> float:
    """How far the runs are below `best`, on average.  A run above `best` counts as `best`.  (As in rliable.)"""
    return best - float(np.mean(np.minimum(np.concatenate(strata), best)))


def performance_profile(strata: Sequence[np.ndarray], taus: np.ndarray) -> np.ndarray:
    """The share of runs above each tau, (taus,); every task has the same weight (rliable's score distribution)."""
    shares = [np.mean(np.asarray(scores, float)[:, None] > taus, axis=0) for scores in strata]
    return np.asarray(np.mean(shares, axis=0))


def probability_of_improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """P(a run of ours scores above one of theirs), mean over tasks; a tie counts half.  Mann, Whitney: U / (n m)."""
    wins = [
        np.mean(_wins(np.asarray(a, float)[:, None], np.asarray(b, float))) for a, b in zip(ours, theirs, strict=True)
    ]
    return float(np.mean(wins))


def paired_probability_of_improvement(ours: Sequence[np.ndarray], theirs: Sequence[np.ndarray]) -> float:
    """The same, where run n of ours and run n of theirs have the same seed and only these two are compared."""
    return float(np.mean([np.mean(_wins(np.asarray(a), np.asarray(b))) for a, b in zip(ours, theirs, strict=True)]))


def _wins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.asarray((a > b) + 0.5 * (a == b))


# Tuning


def expected_best_of(scores: np.ndarray | Sequence[float], unbiased: bool = True) -> np.ndarray:
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
        gamma = gammaln(np.arange(n + 2))  # of each number once
        log_ways = gamma[i] - gamma[k] - gamma[np.where(chosen, i - k, 0) + 1]  # log C(i - 1, k - 1)
        log_all = gamma[n + 1] - gamma[k + 1] - gamma[n - k + 1]
        weights = np.where(chosen, np.exp(log_ways - log_all), 0.0)
    else:
        weights = (i / n) ** k - ((i - 1) / n) ** k
    return np.asarray(weights @ v) if n else np.empty(0)


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
