"""Learning rates chosen by the data, and verdicts that pay for the choice.

What is asked is whether one side at its best rate is above the other at its best rate:

    theta = max_r mean of[r] - max_q mean against[q]

The first seeds (a stated share) choose a rate for each side, the others are scored.  Who compares the sides at the two
rates chosen, and no more, tests what luck has chosen: sides that do not differ get different rates now and then, and
do differ at these (benchmarks/verdicts: up to 12 % false positives instead of 5).  So a side is above the other if,
at the rate that it chose, it is above the other at EVERY rate: then theta is above zero, whatever the best rates are,
and no correction is needed (an intersection-union test; R. L. Berger, Technometrics 24, 1982).  In the same way theta
has an interval: its lower end is the lowest of these comparisons, its upper end the highest of those of every rate of
this side with the chosen one of the other.

That is so where the best value is the highest.  Of a loss it is the lowest, and it is the other way round: a side is
below the other if it is so at its chosen rate, against every rate (the wrong way round: 12 % false positives).  Of a
quantity without a better side, such as a norm at the rate with the best score, nobody knows which rate that is, so that
every rate of one side is compared with every rate of the other.

To choose for each seed by all others would spare the tuning seeds, and is wrong where one side has more good rates than
the other (16 % instead of 5).  To repeat the choice inside a permutation test is valid, and blind where the sides need
different rates: a seed that changes sides takes the other's best rate away from both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import numpy as np

from rnnlab.statistics import exact
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.per_seed import SEED, PerSeed, evenly
from rnnlab.statistics.shift_tests import Test

TUNING_SHARE = 0.25
Seed = TypeVar("Seed")


def split(seeds: Sequence[Seed], share: float = TUNING_SHARE) -> tuple[list[Seed], list[Seed]]:
    """(tuning seeds, scoring seeds), by their order: the first `share` of them, rounded up, choose.

    >>> split(range(10))
    ([0, 1, 2], [3, 4, 5, 6, 7, 8, 9])
    """
    if not 0 < share < 1:
        raise ValueError(f"share {share}; must be above 0 and below 1")
    n = math.ceil(share * len(seeds))
    return list(seeds[:n]), list(seeds[n:])


@dataclass(frozen=True)
class Choice:
    index: int  # of the rate, in the order given
    at_edge: bool  # the best rate is the first or the last one: a better one may lie outside


def choose(scores: np.ndarray) -> Choice:
    """The rate with the highest mean score, the first of equal ones.  scores: (rates, tuning seeds)."""
    means = np.asarray(np.round(np.mean(scores, axis=1), 12))
    index = int(np.argmax(means))
    return Choice(index, len(means) > 1 and index in (0, len(means) - 1))


@dataclass(frozen=True, eq=False)
class Tuned:
    """The numbers of a claim whose sides choose their learning rates, or other settings: arrays (rates, seeds).

    The scores choose, the values are judged; both by the seeds in their order.  The sides may have different rates.
    better: which values go with high scores, see above; None: neither."""

    of: np.ndarray
    against: np.ndarray | None
    of_scores: np.ndarray
    against_scores: np.ndarray | None
    kind: Kind
    paired: bool = False
    better: Literal["higher", "lower"] | None = None
    share: float = TUNING_SHARE

    @property
    def n_seeds(self) -> int:
        return self.of.shape[1] if self.against is None else min(self.of.shape[1], self.against.shape[1])

    @property
    def choices(self) -> tuple[Choice, ...]:
        """Of each side, by its tuning seeds."""
        sides = [self.of_scores] if self.against_scores is None else [self.of_scores, self.against_scores]
        return tuple(choose(side[:, split(range(side.shape[1]), self.share)[0]]) for side in sides)

    @property
    def scored(self) -> PerSeed:
        """The scoring seeds at the rates chosen; at another look they may be chosen anew."""
        (of, against), choices = self._scoring(), self.choices
        return self._compared(of[choices[0].index], None if against is None else against[choices[1].index])

    def _scoring(self) -> tuple[np.ndarray, np.ndarray | None]:
        """(rates, scoring seeds) of each side."""
        of = self.of[:, split(range(self.of.shape[1]), self.share)[1]]
        if self.against is None:
            return of, None
        return of, self.against[:, split(range(self.against.shape[1]), self.share)[1]]

    def _compared(self, of: np.ndarray, against: np.ndarray | None) -> PerSeed:
        return PerSeed(of, against, self.kind, self.paired, anytime=False)

    def first(self, n: int) -> Tuned:
        return self._at(np.arange(n), np.arange(n))

    def stretched(self, n: int) -> Tuned:
        """n seeds that are spread as these are, in an order that is drawn: tuning and scoring seeds are alike."""
        n_of, n_against = self.of.shape[1], 0 if self.against is None else self.against.shape[1]
        mixed = np.random.default_rng(SEED).permutation(n)
        return self._at(evenly(n_of, n)[mixed], evenly(n_against, n)[mixed] if n_against else np.arange(0))

    def _at(self, of: np.ndarray, against: np.ndarray) -> Tuned:
        if self.against is None or self.against_scores is None:
            return replace(self, of=self.of[:, of], of_scores=self.of_scores[:, of])
        return replace(
            self,
            of=self.of[:, of],
            of_scores=self.of_scores[:, of],
            against=self.against[:, against],
            against_scores=self.against_scores[:, against],
        )

    def test(self, n_drawn: int = exact.N_DRAWN, max_subsets: int = exact.MAX_SUBSETS) -> Test:
        """Each side at its chosen rate, against the other at every rate; or against a number."""
        of, against = self._scoring()
        others = [None] if against is None else list(against)
        mine, theirs = (choice.index for choice in (*self.choices, Choice(0, False))[:2])
        at_chosen, of_each = [(mine, q) for q in range(len(others))], [(r, theirs) for r in range(len(of))]
        all_pairs = [(r, q) for r in range(len(of)) for q in range(len(others))]
        for_greater, for_less = {
            "higher": (at_chosen, of_each),
            "lower": (of_each, at_chosen),
            None: (all_pairs, all_pairs),
        }[self.better]
        tests = {
            (r, q): self._compared(of[r], others[q]).test(n_drawn, max_subsets)
            for r, q in dict.fromkeys((*for_greater, *for_less))
        }
        return OverRates(
            for_greater=tuple(tests[pair] for pair in for_greater),
            for_less=tuple(tests[pair] for pair in for_less),
            at_chosen=tests[mine, theirs],
        )


@dataclass(frozen=True, eq=False)
class OverRates:
    """An intersection-union test of theta, and its interval."""

    for_greater: tuple[Test, ...]  # all of which must say that this side is above the other
    for_less: tuple[Test, ...]  # or below
    at_chosen: Test

    @property
    def estimate(self) -> float:
        return self.at_chosen.estimate

    def p_greater(self, theta: float, n_looks: int = 1) -> float:
        return max(test.p_greater(theta, n_looks) for test in self.for_greater)

    def p_less(self, theta: float, n_looks: int = 1) -> float:
        return max(test.p_less(theta, n_looks) for test in self.for_less)

    def interval(self, level: float, n_looks: int = 1) -> tuple[float, float]:
        lows = [test.interval(level, n_looks)[0] for test in self.for_greater]
        highs = [test.interval(level, n_looks)[1] for test in self.for_less]
        return min(lows), max(highs)

    def smallest_p(self, theta: float, n_looks: int = 1) -> float:
        return max(test.smallest_p(theta, n_looks) for test in (*self.for_greater, *self.for_less))

    @property
    def cautious(self) -> OverRates:
        greater, less = (tuple(test.cautious for test in tests) for tests in (self.for_greater, self.for_less))
        return OverRates(greater, less, self.at_chosen)
