"""Times until something happens, where it does not happen to all within the time that was given.

A time of infinity stands for "not within the time that was given", which is the same for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Reached:
    """n_reached of n got there.  median: by Kaplan, Meier, Journal of the American Statistical Association 53 (1958):
    the first time at which at least half are estimated to be there; infinite where it was not reached by half."""

    n_reached: int
    n: int
    median: float


def reached(times: np.ndarray) -> Reached:
    """times (n,), at least one; infinite where it did not happen."""
    there = np.isfinite(times)
    if not there.any():
        return Reached(0, len(times), math.inf)
    last = times[there].max()  # those that are not there are known to be later
    estimate = stats.ecdf(stats.CensoredData.right_censored(np.where(there, times, last), ~there)).cdf
    half = np.flatnonzero(estimate.probabilities >= 0.5 - 1e-9)
    return Reached(int(there.sum()), len(times), float(estimate.quantiles[half[0]]) if half.size else math.inf)
