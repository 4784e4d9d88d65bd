"""Exact tests of a shift that are inverted by counting.

All tests here have one form.  From the data follow sorted numbers v, the pivots (means of subsets, Walsh averages,
pairwise differences, the values themselves), and the one-sided p-value depends on a count alone:

    p("the shift is above theta") = tail[number of v <= theta]
    p("the shift is below theta") = tail[number of v >= theta]

The tail grows with the count, so that the shifts that are not rejected form an interval whose ends are two of the
pivots.  The p-value and the interval are two readings of the same table, and they never disagree.
J. A. Hartigan, Using Subsample Values as Typical Values, JASA 64 (1969), for means of subsets; J. L. Hodges and
E. L. Lehmann, Annals of Mathematical Statistics 34 (1963), for Walsh averages and pairwise differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

import numpy as np

ROUNDING = 1 + 1e-9


def rejects(p: float, alpha: float) -> bool:
    """p <= alpha, but for rounding: 1 - 0.8 is a little less than 0.2."""
    return p <= alpha * ROUNDING


class Test(Protocol):
    """What a verdict needs of a test.  n_looks: how many times the data may be looked at (see looks.py)."""

    @property
    def estimate(self) -> float: ...

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        """One-sided p-value: small where the data say that the parameter is above theta."""

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        """One-sided p-value: small where the data say that the parameter is below theta."""

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        """All theta that the two-sided test does not reject at 1 - level, both ends included."""

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        """The smallest two-sided p-value that so many seeds can reach, whatever their numbers are."""

    @property
    def cautious(self) -> Test:
        """The test to conclude "no difference that matters" from: one that rare events cannot deceive."""


def two_sided(test: Test, theta: float, n_looks: int = 1) -> float:
    """The two-sided p-value: twice the smaller one-sided one.  interval(1 - p) is the first that leaves theta out."""
    return min(1.0, 2 * min(test.p_greater(theta, n_looks), test.p_less(theta, n_looks)))


@dataclass(frozen=True, eq=False)
class ShiftTest:
    """A test of the form above.  A count that cannot be told apart counts for the null hypothesis."""

    pivots: np.ndarray  # sorted; infinities are allowed
    tail: np.ndarray  # (pivots + 1,), growing up to 1: the one-sided p-value for each count
    estimate: float

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        return min(1.0, n_looks * float(self.tail[np.searchsorted(self.pivots, theta, side="right")]))

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        n_below = np.searchsorted(self.pivots, theta, side="left")
        return min(1.0, n_looks * float(self.tail[self.pivots.size - n_below]))

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        """(-inf, inf) where there are too few data to reject anything at this level."""
        # rejected are the counts with n_looks * tail <= (1 - level) / 2, which the first n_rejected counts are
        n_rejected = int(np.searchsorted(n_looks * self.tail, (1 - level) / 2 * ROUNDING, side="right"))
        if n_rejected == 0:
            return -math.inf, math.inf
        return float(self.pivots[n_rejected - 1]), float(self.pivots[self.pivots.size - n_rejected])

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        return min(1.0, 2 * n_looks * float(self.tail[0]))

    @property
    def cautious(self) -> ShiftTest:
        return self
