"""The numbers that a claim is judged by, one per seed and side, and the test that they call for.

quantity                          two sides, paired       two sides, not paired        against a number
bounded (score, accuracy)         sign flips and bets     permutations and bets        sign test of the median
event (diverged, learned)         sign flips and bets     permutations and bets        binomial, of the chance
unbounded (loss, norm)            signed ranks            rank sums                    sign test of the median
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from rnnlab.report.judging import exact
from rnnlab.report.judging.bounded import Bets, Proportion
from rnnlab.report.judging.sharp import AtZero, SharpAtZero
from rnnlab.report.judging.shift_tests import Test

Kind = Literal["bounded", "event", "unbounded"]
SEED = 0  # of the flips and permutations that are drawn


class Numbers(Protocol):
    """What a verdict needs of the numbers of a claim: PerSeed, or rates.Tuned."""

    @property
    def n_seeds(self) -> int: ...

    def first(self, n: int) -> Numbers: ...

    def stretched(self, n: int) -> Numbers: ...

    def test(self, n_drawn: int = exact.N_DRAWN, max_subsets: int = exact.MAX_SUBSETS) -> Test: ...


@dataclass(frozen=True, eq=False)
class PerSeed:
    """Numbers by seed, in the order of the seeds; each is the mean over the settings that both sides have.

    Bounded quantities and events lie within 0 and 1.  against: None where `of` is compared with a number."""

    of: np.ndarray
    against: np.ndarray | None
    kind: Kind
    paired: bool = False
    anytime: bool = True  # whether a later look leaves the numbers of these seeds as they are

    @property
    def n_seeds(self) -> int:
        """Seeds of the smaller side."""
        return len(self.of) if self.against is None else min(len(self.of), len(self.against))

    def first(self, n: int) -> PerSeed:
        """The same with the first n seeds: what was there at a look."""
        return replace(self, of=self.of[:n], against=None if self.against is None else self.against[:n])

    def stretched(self, n: int) -> PerSeed:
        """n seeds that are spread as these are: the quantiles of what was seen."""
        of = np.asarray(self.of, float)
        if self.against is None:
            return replace(self, of=_quantiles(of, n))
        against = np.asarray(self.against, float)
        if not self.paired:
            return replace(self, of=_quantiles(of, n), against=_quantiles(against, n))
        with np.errstate(invalid="ignore"):
            order = np.argsort(np.nan_to_num(of - against, posinf=np.inf, neginf=-np.inf), kind="stable")
        places = order[evenly(len(of), n)]
        return replace(self, of=of[places], against=against[places])

    def test(self, n_drawn: int = exact.N_DRAWN, max_subsets: int = exact.MAX_SUBSETS) -> Test:
        """The test of the table above.  Drawn flips and permutations are the same whenever it is made."""
        rng = np.random.default_rng(SEED)
        of = np.asarray(self.of, float)
        if self.against is None:
            if self.kind != "event":
                return exact.signs(of)
            if np.isin(of, (0.0, 1.0)).all():
                return Proportion(int(of.sum()), of.size)
            return Bets(of, 0.0, 1.0, self.anytime)  # several settings per seed: their share
        against = np.asarray(self.against, float)
        if self.kind == "unbounded":
            return exact.signed_ranks(of, against) if self.paired else exact.rank_sums(of, against)
        n = self.n_seeds  # seeds that do not pair are put side by side as they come: any order is as good
        differences = of[:n] - against[:n]
        by_labels = (
            exact.sign_flips(differences, rng, n_drawn, max_subsets)
            if self.paired
            else exact.label_permutations(of, against, rng, n_drawn)
        )
        return SharpAtZero(AtZero.of(by_labels), Bets(differences, -1.0, 1.0, self.anytime), by_labels.estimate)


def evenly(n_seen: int, n: int) -> np.ndarray:
    """Which of the n_seen ordered values stand for n evenly spread quantiles."""
    return np.minimum((np.arange(n) + 0.5) * n_seen / n, n_seen - 1).astype(int)


def _quantiles(values: np.ndarray, n: int) -> np.ndarray:
    return np.sort(values)[evenly(values.size, n)]
