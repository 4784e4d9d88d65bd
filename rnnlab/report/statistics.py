"""Statistics of a sweep: pure functions on arrays, in which a diverged run always counts.

Two rules run through all of them.  A run that diverged is never dropped: its loss is +inf, its score 0.  And a
NaN is never averaged away: it comes out as NaN.  Infinities are ordinary values here, so a median may be
infinite, which reads "at least half of these runs diverged".

Interquartile mean, bounded scores and bootstrap intervals in the sense of Agarwal, Schwarzer, Castro, Courville
and Bellemare, Deep Reinforcement Learning at the Edge of the Statistical Precipice, NeurIPS 34 (2021): rliable.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtri

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


def median(values: np.ndarray) -> float:
    """The middle value, or the mean of the two middle ones; NaN for no values or if one of them is NaN."""
    values = np.asarray(values, float)
    return float(np.median(values)) if values.size else math.nan


def interquartile_mean(values: np.ndarray) -> float:
    """The mean of the middle half: floor(n / 4) values are cut from each end (rliable's aggregate_iqm).

    More precise than the median, and one wild run still cannot move it.  NaN as in `median`.
    """
    values = np.sort(np.asarray(values, float))  # NaN sorts to the end, so it has to be looked for
    if not values.size or np.isnan(values).any():
        return math.nan
    cut = values.size // 4
    return float(np.mean(values[cut : values.size - cut]))


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


def bootstrap_median_interval(
    values: np.ndarray, rng: np.random.Generator, level: float = LEVEL, n_resamples: int = N_RESAMPLES
) -> tuple[float, float] | None:
    """The percentile bootstrap interval of the median; None under five values.

    Resample the runs with replacement, take each resample's median, cut off (1 - level) / 2 of them at each end.
    The ends are order statistics, never interpolated, so infinities pass through: (0.02, inf) is an answer.
    B. Efron, Bootstrap Methods: Another Look at the Jackknife, Annals of Statistics 7 (1979).
    """
    values = np.asarray(values, float)
    n = values.size
    if n < MIN_RUNS_FOR_INTERVAL:
        return None
    if np.isnan(values).any():
        return math.nan, math.nan
    medians = np.sort(np.median(values[rng.integers(n, size=(n_resamples, n))], axis=1))
    n_cut = math.floor(n_resamples * (1 - level) / 2 + 1e-9)  # 2000 * 0.025 is 50, not 49.999...
    return float(medians[n_cut]), float(medians[n_resamples - 1 - n_cut])


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
