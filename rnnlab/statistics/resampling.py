"""Intervals of what a sweep shows: of rates, and of averages by the bootstrap.  They describe; verdicts have tests.

The bootstrap keeps infinities as ordinary values, so that diverged runs count: an interval may be (0.02, inf).  Several
tasks together are `strata`, as in summaries.py; their stratified bootstrap is that of Agarwal et al. (2021).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import ndtri

from rnnlab.statistics.summaries import interquartile_means, medians

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
