"""A number over runs with its interval, as the page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab.statistics import resampling, summaries

# Every interval has a generator of its own with this seed.  So conditions with the same number of runs are resampled
# in the same way, and one more condition in a study changes no other interval.
BOOTSTRAP_SEED = 0


@dataclass(frozen=True)
class Estimate:
    """A median over runs with its 95 % percentile bootstrap interval; no interval under five runs."""

    median: float
    interval: tuple[float, float] | None
    n: int


@dataclass(frozen=True)
class Rate:
    """count of total, with its 95 % Wilson interval."""

    count: int
    total: int
    interval: tuple[float, float]


def estimate_of(values: Sequence[float] | np.ndarray) -> Estimate:
    """The median with the interval of resampling.bootstrap_interval at BOOTSTRAP_SEED, in a hundredth of its time: the
    median of a resample follows from the ranks that were drawn."""
    values = np.sort(np.asarray(values, float))
    n = values.size
    if n < resampling.MIN_RUNS_FOR_INTERVAL:
        return Estimate(summaries.median(values), None, n)
    lower, upper = _middle_ranks(n)
    return Estimate(summaries.median(values), resampling.percentile_interval((values[lower] + values[upper]) / 2), n)


@lru_cache(maxsize=64)
def _middle_ranks(n: int) -> tuple[np.ndarray, np.ndarray]:
    ranks = np.sort(resampling.draws(n, np.random.default_rng(BOOTSTRAP_SEED)), axis=1)
    return ranks[:, (n - 1) // 2], ranks[:, n // 2]


def rate_of(outcomes: Sequence[bool]) -> Rate:
    count = sum(map(bool, outcomes))
    return Rate(count, len(outcomes), resampling.wilson_interval(count, len(outcomes)))
