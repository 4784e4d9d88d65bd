"""Times until something happens, where it does not happen to all within the time that was given.

A time of infinity stands for "not within the time that was given", which is the same for all.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np


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
    in_order = np.sort(times)  # nobody's time ends before the last one got there, so that the estimate is the share
    return Reached(int(there.sum()), len(times), float(in_order[(len(times) - 1) // 2]))
