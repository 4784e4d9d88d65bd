"""One test from two: a sharp one for "no difference at all", and one that holds for every other number.

If two sides do not differ at all, their labels are arbitrary, which is all that sign flips and permutations need, and
they are strong.  That a difference is 0.1, not 0, makes labels no longer arbitrary, unless both sides have the same
shape.  So zero is tested by labels, and every other number by a test that needs no symmetry (bets) or that is about
the sides at the learning rates chosen (rates.py).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rnnlab.statistics.shift_tests import Test, rejects


@dataclass(frozen=True)
class AtZero:
    """The p-values of "no difference at all"."""

    greater: float
    less: float
    smallest: float  # two-sided, that so many seeds can reach

    @classmethod
    def of(cls, test: Test) -> AtZero:
        return cls(test.p_greater(0.0), test.p_less(0.0), test.smallest_p(0.0))


@dataclass(frozen=True, eq=False)
class SharpAtZero:
    """What lies beyond zero is rejected with zero, and zero is never rejected by the other test alone, so that p-values
    fall in both directions.  The interval is that of the other test, cut at zero where the sharp test rejects zero, and
    reaching to zero where it does not."""

    at_zero: AtZero
    elsewhere: Test
    estimate: float

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        at_zero = min(1.0, n_looks * self.at_zero.greater)
        if theta == 0:
            return at_zero
        p = self.elsewhere.p_greater(theta, n_looks)
        return min(p, at_zero) if theta < 0 else max(p, at_zero)

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        at_zero = min(1.0, n_looks * self.at_zero.less)
        if theta == 0:
            return at_zero
        p = self.elsewhere.p_less(theta, n_looks)
        return min(p, at_zero) if theta > 0 else max(p, at_zero)

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        low, high = self.elsewhere.interval(level, n_looks)
        tail, above_zero = (1 - level) / 2, math.nextafter(0.0, 1.0)
        low = max(low, above_zero) if rejects(n_looks * self.at_zero.greater, tail) else min(low, 0.0)
        high = min(high, -above_zero) if rejects(n_looks * self.at_zero.less, tail) else max(high, 0.0)
        return low, high

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        if theta == 0:
            return min(1.0, n_looks * self.at_zero.smallest)
        return self.elsewhere.smallest_p(theta, n_looks)

    @property
    def cautious(self) -> Test:
        """Without the sharp test: that all seeds differ a little says nothing about rare events."""
        return self.elsewhere
