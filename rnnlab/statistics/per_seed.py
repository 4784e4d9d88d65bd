"""The numbers that a claim is judged by, one per seed and side, and the test that they call for.

quantity                          two sides, paired       two sides, not paired        against a number
bounded (score, accuracy)         sign flips and bets     permutations and bets        sign test of the median
event (diverged, learned)         sign flips and bets     permutations and bets        binomial, of the chance
unbounded (loss, norm)            signed ranks            rank sums                    sign test of the median
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from rnnlab.statistics import exact, ranks
from rnnlab.statistics.bounded import Bets, Proportion
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.sharp import AtZero, SharpAtZero
from rnnlab.statistics.shift_tests import Test

SEED = 0  # of the flips and permutations that are drawn


class Numbers(Protocol):
    """What a verdict needs of the numbers of a claim: PerSeed, or rates.Tuned."""

    @property
    def n_seeds(self) -> int: ...

    @property
    def scored(self) -> PerSeed: ...

    def first(self, n: int) -> Numbers: ...

    def stretched(self, n: int) -> Numbers: ...

    def test(self, n_drawn: int = exact.N_DRAWN, max_subsets: int = exact.MAX_SUBSETS) -> Test: ...


@dataclass(frozen=True, eq=False)
class PerSeed:
    """Numbers by seed, in the order of the seeds; each is the mean over the settings that both sides have.

    Bounded quantities and events lie within 0 and 1.  against: None where `of` is compared with a number.  Sides that
    do not pair are compared by equally many seeds, the first of each: with unequal numbers a permutation test rejects
    sides that only differ in spread (10 seeds against 40: up to 24 % instead of 5)."""

    of: np.ndarray
    against: np.ndarray | None
    kind: Kind
    paired: bool = False
    anytime: bool = True  # whether a later look leaves the numbers of these seeds as they are

    def __post_init__(self) -> None:
        if self.paired and self.against is not None and len(self.against) != len(self.of):
            raise ValueError(f"{len(self.of)} seeds against {len(self.against)}: paired sides must have the same seeds")

    @property
    def n_seeds(self) -> int:
        """Seeds of the smaller side."""
        return len(self.of) if self.against is None else min(len(self.of), len(self.against))

    @property
    def scored(self) -> PerSeed:
        """All seeds: nothing is chosen."""
        return self

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

    def typical(self, level: float, n_looks: int = 1) -> tuple[float, float] | None:
        """The interval of the median over seeds: of the difference of a seed's two sides, or of a seed's number.

        It is the inversion of the sign test, which is exact for whatever distribution.  A median says nothing of what
        happens to few seeds; the mean, which `test` is about, does.  None for sides whose seeds do not pair."""
        if self.against is None:
            return exact.signs(np.asarray(self.of, float)).interval(level, n_looks)
        if not self.paired:
            return None
        of, against = np.asarray(self.of, float), np.asarray(self.against, float)
        with np.errstate(invalid="ignore"):
            differences = np.where(of == against, 0.0, of - against)  # inf - inf is no difference
        return exact.signs(differences).interval(level, n_looks)

    def test(self, n_drawn: int = exact.N_DRAWN, max_subsets: int = exact.MAX_SUBSETS) -> Test:
        """The test of the table above.  Drawn flips and permutations are the same whenever it is made."""
        n = self.n_seeds
        of = np.asarray(self.of, float)[:n]
        if self.against is None:
            if self.kind != "event":
                return exact.signs(of)
            if np.isin(of, (0.0, 1.0)).all():
                return Proportion(int(of.sum()), of.size)
            return Bets(of, 0.0, 1.0, self.anytime)  # several settings per seed: their share
        against = np.asarray(self.against, float)[:n]
        if self.kind == "unbounded":
            return ranks.signed_ranks(of, against) if self.paired else ranks.rank_sums(of, against)
        differences = of - against  # seeds that do not pair are put side by side as they come: any order is as good
        bets = Bets(differences, -1.0, 1.0, self.anytime)
        if self.paired:
            at_zero = exact.sign_flips_at_zero(differences, SEED, n_drawn, max_subsets)
            return SharpAtZero(at_zero, bets, float(differences.mean()))
        permuted = exact.label_permutations(of, against, np.random.default_rng(SEED), n_drawn)
        return SharpAtZero(AtZero.of(permuted), bets, permuted.estimate)


def evenly(n_seen: int, n: int) -> np.ndarray:
    """Which of the n_seen ordered values stand for n evenly spread quantiles."""
    return np.minimum((np.arange(n) + 0.5) * n_seen / n, n_seen - 1).astype(int)


def _quantiles(values: np.ndarray, n: int) -> np.ndarray:
    return np.sort(values)[evenly(values.size, n)]
