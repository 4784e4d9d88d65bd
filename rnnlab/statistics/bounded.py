"""Tests and intervals of the mean of bounded quantities that know of events too rare to have been seen.

If 20 seeds agree, a permutation test concludes that they always will, and its interval is a point.  Twenty seeds
cannot say so: what happens to one seed in fifty was probably not among them, and can move the mean.  Here nothing is
assumed about the distribution but its bounds.

    Bets         the mean of independent seeds within [lower, upper], by betting
    Proportion   the chance of an event, from counts: Clopper and Pearson's exact binomial interval
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

N_STAKES = 24
STAKES = np.sin(np.pi * (np.arange(N_STAKES) + 0.5) / (2 * N_STAKES)) ** 2  # shares of the largest bet: arcsine law
LOG_SHARES = np.log(np.append(np.full(N_STAKES, 0.5 / N_STAKES), 0.5))  # of the capital; half of it bets all
STAKES = np.append(STAKES, 1.0)


@dataclass(frozen=True, eq=False)
class Bets:
    """The mean m of independent values x in [0, 1], tested by betting against it.

        capital(m) = sum_g share_g prod_i (1 + stake_g (x[i] - m) / m)         the bets that the mean is above m

    and the same of 1 - x for those that it is below.  If the mean is m, the expected capital is 1 however many seeds
    there are, and it exceeds 1 / p with a chance of at most p, at any time (Ville).  So p = 1 / capital is a p-value at
    whatever number of seeds one stops, and looks cost nothing.  The stakes are fixed before the data (grid Kelly), so
    that the order of the seeds does not matter.  They follow the arcsine law, with half of the capital on the largest.
    I. Waudby-Smith and A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024), sections
    4 and B; F. Orabona and K.-S. Jun, IEEE Transactions on Information Theory 70 (2024), for the arcsine law.
    """

    values: np.ndarray
    lower: float
    upper: float
    anytime: bool = True  # False where earlier looks had other values of the same seeds: then looks do cost

    def __post_init__(self) -> None:
        values = np.asarray(self.values, float)
        if not values.size or not ((values >= self.lower) & (values <= self.upper)).all():
            raise ValueError(f"{values}: must be numbers within {self.lower} and {self.upper}, at least one")

    @property
    def estimate(self) -> float:
        return float(np.mean(self.values))

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        return self._at_looks(_p(self._above, self._scaled(theta)), n_looks)

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        return self._at_looks(_p(1 - self._above, 1 - self._scaled(theta)), n_looks)

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        """Holds the mean at all numbers of seeds at once with a chance of `level` (a confidence sequence)."""
        tail = (1 - level) / 2 / (1 if self.anytime else n_looks)
        if tail not in self._known:  # a decision asks for the same one several times, and it takes a while
            low, high, width = _least(self._above, tail), 1 - _least(1 - self._above, tail), self.upper - self.lower
            self._known[tail] = self.lower + low * width, self.lower + high * width
        return self._known[tail]

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        """Reached where all values are the upper, or all the lower bound."""
        m, n = self._scaled(theta), np.size(self.values)
        return self._at_looks(2 * min(_p(np.ones(n), m), _p(np.ones(n), 1 - m)), n_looks)

    @property
    def cautious(self) -> Bets:
        return self

    @cached_property
    def _known(self) -> dict[float, tuple[float, float]]:
        """The intervals that were computed, by the chance on each side."""
        return {}

    @cached_property
    def _above(self) -> np.ndarray:
        """The values as shares of the way from the lower to the upper bound."""
        return (np.asarray(self.values, float) - self.lower) / (self.upper - self.lower)

    def _at_looks(self, p: float, n_looks: int) -> float:
        return min(1.0, p if self.anytime else n_looks * p)

    def _scaled(self, theta: float) -> float:
        return (theta - self.lower) / (self.upper - self.lower)


def _p(x: np.ndarray, m: float) -> float:
    if m >= 1 or m < 0:  # a mean below the lower bound is rejected for certain
        return 1.0 if m >= 1 else 0.0
    return math.exp(-max(0.0, _log_capital(x, m)))


def _log_capital(x: np.ndarray, m: float) -> float:
    """What betting that the mean of x is above m has made; it falls with m."""
    with np.errstate(divide="ignore"):  # the whole stake can be lost: log 0
        gains = np.log1p(STAKES[:, None] * (x / max(m, 1e-12) - 1)).sum(axis=1) + LOG_SHARES
    most = gains.max()
    return float(most + np.log(np.exp(gains - most).sum()))


def _least(x: np.ndarray, tail: float) -> float:
    """The smallest m within 0 and 1 that is not rejected at `tail`: that no bet has made 1 / tail against."""
    from scipy.optimize import brentq  # late: see exact.py

    if _p(x, 0.0) > tail:
        return 0.0
    return float(brentq(lambda m: _log_capital(x, m) + math.log(tail), 0.0, 1.0, xtol=1e-15))


@dataclass(frozen=True)
class Proportion:
    """The chance of an event that happened to `count` of `total` independent seeds, by the binomial distribution.

    C. J. Clopper and E. S. Pearson, The use of confidence or fiducial limits, Biometrika 26 (1934).
    """

    count: int
    total: int

    @property
    def estimate(self) -> float:
        return self.count / self.total

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        from scipy.special import bdtrc  # late: see exact.py

        if theta < 0:  # every chance is above it
            return 0.0
        return min(1.0, n_looks * float(bdtrc(self.count - 1, self.total, min(theta, 1.0))))

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        from scipy.special import bdtr

        if theta > 1:
            return 0.0
        return min(1.0, n_looks * float(bdtr(self.count, self.total, max(theta, 0.0))))

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        from scipy.special import betaincinv

        tail, others = (1 - level) / 2 / n_looks, self.total - self.count
        low = float(betaincinv(self.count, others + 1, tail)) if self.count else 0.0
        high = float(1 - betaincinv(others, self.count + 1, tail)) if others else 1.0
        return low, high

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        return min(1.0, 2 * n_looks * min(theta, 1 - theta) ** self.total) if 0 < theta < 1 else 0.0

    @property
    def cautious(self) -> Proportion:
        return self
