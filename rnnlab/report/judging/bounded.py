"""Tests and intervals of the mean of bounded quantities that know of events too rare to have been seen.

If 20 seeds agree, a permutation test concludes that they always will, and its interval is a point.  Twenty seeds
cannot say so: what happens to one seed in fifty was probably not among them, and can move the mean.  Here nothing is
assumed about the distribution but its bounds.

    Bets         the mean of independent seeds within [lower, upper], by betting
    Proportion   the chance of an event, from counts: Clopper and Pearson's exact binomial interval
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import logsumexp
from scipy.stats import beta, binom

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
        return self._at_looks(self._p(self._scaled(np.asarray(self.values, float)), self._scaled(theta)), n_looks)

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        return self._at_looks(
            self._p(1 - self._scaled(np.asarray(self.values, float)), 1 - self._scaled(theta)), n_looks
        )

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        """Holds the mean at all numbers of seeds at once with a chance of `level` (a confidence sequence)."""
        tail = (1 - level) / 2 / (1 if self.anytime else n_looks)
        return (
            _boundary(self.p_greater, tail, self.upper, self.lower),
            _boundary(self.p_less, tail, self.lower, self.upper),
        )

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        """Reached where all values are the upper, or all the lower bound."""
        m, n = self._scaled(theta), np.size(self.values)
        return self._at_looks(2 * min(self._p(np.ones(n), m), self._p(np.ones(n), 1 - m)), n_looks)

    @property
    def cautious(self) -> Bets:
        return self

    def _at_looks(self, p: float, n_looks: int) -> float:
        return min(1.0, p if self.anytime else n_looks * p)

    def _scaled(self, value: float | np.ndarray) -> np.ndarray:
        return np.asarray((value - self.lower) / (self.upper - self.lower))

    @staticmethod
    def _p(x: np.ndarray, m: np.ndarray) -> float:
        if m >= 1:
            return 1.0
        with np.errstate(divide="ignore"):  # the whole stake can be lost: log 0
            gains = np.log1p(STAKES[:, None] * (x / max(float(m), 1e-12) - 1)).sum(axis=1)
        return float(np.exp(-max(0.0, float(logsumexp(gains + LOG_SHARES)))))


def _boundary(p: Callable[[float], float], tail: float, inside: float, outside: float) -> float:
    """The last number on the way from `inside` to `outside` that is not rejected: p > tail; p falls on this way."""
    if p(outside) > tail:
        return outside
    for _ in range(50):
        middle = (inside + outside) / 2
        if p(middle) > tail:
            inside = middle
        else:
            outside = middle
    return inside


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
        return min(1.0, n_looks * float(binom.sf(self.count - 1, self.total, min(max(theta, 0.0), 1.0))))

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        return min(1.0, n_looks * float(binom.cdf(self.count, self.total, min(max(theta, 0.0), 1.0))))

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        tail, others = (1 - level) / 2 / n_looks, self.total - self.count
        low = float(beta.ppf(tail, self.count, others + 1)) if self.count else 0.0
        high = float(beta.isf(tail, self.count + 1, others)) if others else 1.0
        return low, high

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        return min(1.0, 2 * n_looks * min(theta, 1 - theta) ** self.total) if 0 < theta < 1 else 0.0

    @property
    def cautious(self) -> Proportion:
        return self
