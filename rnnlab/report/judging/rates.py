"""Learning rates chosen by the data, and verdicts that pay for the choice.

Whoever takes each side's best rate and tests it on the same seeds tests what luck has chosen.  So the first seeds (a
stated share) choose the rates, and the others are scored: `Tuned.scored`.  That is an interval of the difference of the
two sides at the rates chosen.

It is not yet a test of "no difference at all": two sides that do not differ get different rates now and then, and then
do differ at these rates (benchmarks/verdicts.py: up to 12 % instead of 5).  For zero the choice is repeated inside the
test: in every permutation whole seeds change sides, with all their rates, tuning seeds too, and the rates are chosen
anew.  (To choose for each seed by all others would spare the tuning seeds, and is wrong where one side has more good
rates than the other: 16 % instead of 5.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from scipy.stats import rankdata

from rnnlab.report.judging import exact
from rnnlab.report.judging.per_seed import SEED, Kind, PerSeed, evenly
from rnnlab.report.judging.sharp import AtZero, SharpAtZero
from rnnlab.report.judging.shift_tests import Test

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
    """The numbers of a claim whose sides have their learning rates chosen: arrays (rates, seeds).

    The scores choose, the values are judged; both by the seeds in their order.  Several settings that are tuned
    together are averaged before."""

    of: np.ndarray
    against: np.ndarray | None
    of_scores: np.ndarray
    against_scores: np.ndarray | None
    kind: Kind
    paired: bool = False
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
        sides = [self.of] if self.against is None else [self.of, self.against]
        chosen = [
            side[choice.index, split(range(side.shape[1]), self.share)[1]]
            for side, choice in zip(sides, self.choices, strict=True)
        ]
        return PerSeed(chosen[0], chosen[1] if len(chosen) > 1 else None, self.kind, self.paired, False)

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
        """The choice inside the test for zero, the scored seeds for every other number.

        A number, and sides whose seeds do not pair, are judged by the scored seeds alone."""
        scored = self.scored.test(n_drawn, max_subsets)
        if self.against is None or self.against_scores is None or not self.paired:
            return scored
        p_values = signed_ranks_with_choice if self.kind == "unbounded" else sign_flips_with_choice
        at_zero = p_values(self, np.random.default_rng(SEED), n_drawn)
        elsewhere = scored.cautious
        return SharpAtZero(at_zero, elsewhere, elsewhere.estimate)


def sign_flips_with_choice(tuned: Tuned, rng: np.random.Generator, n_drawn: int = exact.N_DRAWN) -> AtZero:
    """The sign-flip test of the mean difference of the scored seeds, with the choice of rates inside.

    A flip exchanges the sides of some seeds, at all rates, and the rates are chosen anew.  The null hypothesis: the
    sides are exchangeable, with all their rates.
    """
    return _at_zero([d.mean(axis=1) for d in _differences(tuned, rng, n_drawn)], tuned.n_seeds)


def signed_ranks_with_choice(tuned: Tuned, rng: np.random.Generator, n_drawn: int = exact.N_DRAWN) -> AtZero:
    """The same with the sum of signed ranks as its statistic: infinite values have the highest ranks.  A seed that is
    equal on both sides has a rank and no sign (Pratt, JASA 54, 1959)."""
    parts = _differences(tuned, rng, n_drawn)
    return _at_zero([(np.sign(d) * rankdata(np.abs(d), axis=1)).sum(axis=1) for d in parts], tuned.n_seeds)


def _at_zero(parts: Sequence[np.ndarray], n_seeds: int) -> AtZero:
    found = np.round(np.concatenate(parts), 12)
    greater, less = float(np.mean(found >= found[0])), float(np.mean(found <= found[0]))
    return AtZero(greater, less, max(2.0 ** (1 - n_seeds), 2 / found.size))


def _differences(tuned: Tuned, rng: np.random.Generator, n_drawn: int) -> list[np.ndarray]:
    """The differences (flips, scoring seeds) at the rates chosen, some flips at a time; the first flip is none."""
    if tuned.against is None or tuned.against_scores is None or not tuned.paired:
        raise ValueError("only sides whose seeds pair can change sides")
    n = tuned.n_seeds
    flips = np.vstack([np.zeros((1, n), bool), rng.integers(2, size=(n_drawn, n)).astype(bool)])
    tuning, scoring = split(range(n), tuned.share)
    # each seed adds its score to one side or to the other: the sums of all flips are two products
    advantage = (tuned.against_scores - tuned.of_scores)[:, tuning].T
    swapped = flips[:, tuning] @ advantage
    rate_of = np.argmax(np.round(tuned.of_scores[:, tuning].sum(axis=1) + swapped, 10), axis=1)
    rate_against = np.argmax(np.round(tuned.against_scores[:, tuning].sum(axis=1) - swapped, 10), axis=1)
    of, against = tuned.of[:, scoring], tuned.against[:, scoring]
    parts = []
    for rows in np.array_split(np.arange(len(flips)), math.ceil(flips.size / 1_000_000)):
        flip, r, q = flips[rows][:, scoring], rate_of[rows], rate_against[rows]
        one, other = np.where(flip, against[r], of[r]), np.where(flip, of[q], against[q])
        equal = one == other  # also where both are infinite
        parts.append(np.where(equal, 0.0, one) - np.where(equal, 0.0, other))
    return parts
