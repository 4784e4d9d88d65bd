"""What a design can decide, before anything is trained: the smallest p-value of each question, the seeds it needs.

"Can support" means: there are numbers, for the seeds that the design has, from which `decision.decide` concludes that
the claim is supported.  The best numbers for this are those where all seeds agree, as far beyond the threshold as the
quantity allows; the best ones for "no difference that matters" are those where no seed differs at all.  Their p-values
are known without data.  Holm's correction is that of a family where all other claims have their best numbers, too;
differences are one family, "no differences" another, as in decision.py.

No number here is a chance: power.py tells how likely a decision is.  This module does not import scipy.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rnnlab.statistics import exact
from rnnlab.statistics.bounded import Bets
from rnnlab.statistics.decision import MOST_SEEDS, Question, holm_factors
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.rates import split
from rnnlab.statistics.shift_tests import rejects

ONE_BY_ONE = 64  # up to so many seeds every number is tried: where flips begin to be drawn, p-values grow a little


SmallestP = Callable[[Question, "Design"], float]


@dataclass(frozen=True)
class Design:
    """The seeds that a question will be answered from."""

    kind: Kind
    n_of: int
    n_against: int | None = None  # None: compared with a number
    paired: bool = False  # then both sides have the same number of seeds
    tuned: bool = False  # each side chooses settings, such as its learning rate, by the first seeds
    n_settings: int = 1  # matched settings: the number of a seed is the mean over them

    @property
    def n_seeds(self) -> int:
        """Seeds of the smaller side."""
        return self.n_of if self.n_against is None else min(self.n_of, self.n_against)

    @property
    def scored(self) -> Design:
        """The same without the seeds that choose."""
        if not self.tuned:
            return self
        left = [None if n is None else len(split(range(n))[1]) for n in (self.n_of, self.n_against)]
        return replace(self, n_of=left[0] or 0, n_against=left[1], tuned=False)

    def with_seeds(self, n: int) -> Design:
        return replace(self, n_of=n, n_against=None if self.n_against is None else n)


@dataclass(frozen=True)
class Prospect:
    """Of one question in its family.  Seeds are those of each side."""

    smallest_p: float  # two-sided, with which the claim can be supported, corrected for looks and claims
    can_support: bool
    can_decide: bool  # in any way: a claim that cannot be supported can often be refuted
    seeds_to_support: int | None  # the least number; None: more than MOST_SEEDS
    seeds_for_no_difference: int | None  # the same for "no difference that matters"; None without a margin, too


def prospects(questions: Sequence[Question], designs: Sequence[Design]) -> list[Prospect]:
    """One per question of a family, in order."""
    return [_prospect(questions, designs, n) for n in range(len(questions))]


def _prospect(questions: Sequence[Question], designs: Sequence[Design], n: int) -> Prospect:
    alpha = 1 - questions[n].level
    supported, refuted, none = (_corrected(questions, designs, n, p_of) for p_of in (p_support, p_refute, p_none))
    return Prospect(
        smallest_p=supported,
        can_support=rejects(supported, alpha),
        can_decide=rejects(min(supported, refuted, none), alpha),
        seeds_to_support=_least_seeds(questions, designs, n, p_support),
        seeds_for_no_difference=_least_seeds(questions, designs, n, p_none),
    )


# The smallest p-values, corrected for looks, not for claims


@lru_cache(maxsize=10_000)
def p_support(question: Question, design: Design) -> float:
    """The smallest two-sided p-value of the threshold, where the seeds lie as the claim says."""
    return min(1.0, 2 * _p_beyond(question, design, question.direction == "higher"))


@lru_cache(maxsize=10_000)
def p_refute(question: Question, design: Design) -> float:
    """The same where they lie on the other side of the threshold."""
    return min(1.0, 2 * _p_beyond(question, design, question.direction == "lower"))


def p_difference(question: Question, design: Design) -> float:
    """The same on either side."""
    return min(p_support(question, design), p_refute(question, design))


def _p_beyond(question: Question, design: Design, above: bool) -> float:
    """The smallest one-sided p-value of "above the threshold", or below it."""
    scored, n_looks = design.scored, question.n_looks
    n = scored.n_seeds
    if n < 1:
        return 1.0
    if design.n_against is None and design.kind != "unbounded":
        share = question.threshold if above else 1 - question.threshold  # of what there is, what must be exceeded
        if design.kind == "event":
            return n_looks * min(max(share, 0.0), 1.0) ** n
        return n_looks * _p_labels(scored) if share < 1 else 1.0
    if design.n_against is None or design.kind == "unbounded" or question.threshold == question.centre:
        return n_looks * _p_labels(scored)
    distance = question.threshold if above else -question.threshold
    return Bets(np.ones(n), -1.0, 1.0, not design.tuned).p_greater(distance, n_looks)


@lru_cache(maxsize=10_000)
def p_none(question: Question, design: Design) -> float:
    """The smallest p-value of "no difference that matters", the larger one of two one-sided tests; 1 without margin."""
    scored, n_looks, margin = design.scored, question.n_looks, question.margin
    n = scored.n_seeds
    if margin is None or n < 1:
        return 1.0
    if design.n_against is None and design.kind == "event":
        by_counts = n_looks * _p_of_counts(question.centre, margin, n)
        return min(by_counts, _p_of_shares(question, design) if design.n_settings > 1 else 1.0, 1.0)
    if design.n_against is None or design.kind == "unbounded":
        return min(1.0, n_looks * _p_labels(scored))
    return Bets(np.full(n, question.centre), -1.0, 1.0, not design.tuned).p_less(question.centre + margin, n_looks)


def _p_labels(design: Design) -> float:
    """The smallest one-sided p-value of a test by labels: one labelling of all that there are, or that are drawn.
    design: of the scored seeds."""
    drawn = 1 / (exact.N_DRAWN + 1)
    if design.n_against is None:
        return 0.5**design.n_of
    n = design.n_seeds  # sides of unequal size are cut to the smaller one
    is_drawn = design.kind != "unbounded" and (not design.paired or 2**n > exact.MAX_SUBSETS)
    one = 0.5**n if design.paired else 1 / math.comb(2 * n, n)
    return max(one, drawn if is_drawn else 0.0)


def _p_of_counts(centre: float, margin: float, n: int) -> float:
    """The least over all counts k of n of the larger one of P(X <= k) at centre + margin and P(X >= k) at centre -
    margin."""
    low, high = centre - margin, centre + margin
    at_most = np.zeros(n + 1) if high > 1 else np.cumsum(_binomial(n, max(high, 0.0)))
    at_least = np.zeros(n + 1) if low < 0 else np.cumsum(_binomial(n, min(low, 1.0))[::-1])[::-1]
    return float(np.maximum(at_most, at_least).min())


def _binomial(n: int, chance: float) -> np.ndarray:
    """P(X = k), k = 0 ... n."""
    k = np.arange(n + 1)
    if chance in (0.0, 1.0):
        return np.asarray(k == n * chance, float)
    log_factorial = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, n + 1)))])
    choices = log_factorial[n] - log_factorial - log_factorial[::-1]
    return np.asarray(np.exp(choices + k * math.log(chance) + (n - k) * math.log1p(-chance)))


def _p_of_shares(question: Question, design: Design) -> float:
    """The same by bets, where the number of a seed is the share of its settings: the best seeds are as equal as shares
    can be, so that they have the two shares around the centre."""
    assert question.margin is not None
    n, low, high = design.scored.n_seeds, question.centre - question.margin, question.centre + question.margin
    step = 1 / design.n_settings
    below = min(max(math.floor(question.centre / step + 1e-9), 0), design.n_settings - 1) * step

    def bets(n_above: int) -> Bets:
        shares = below + step * (np.arange(n) < n_above)
        return Bets(np.minimum(shares, 1.0), 0.0, 1.0, not design.tuned)

    def is_high(n_above: int) -> bool:
        return bets(n_above).p_less(high, question.n_looks) >= bets(n_above).p_greater(low, question.n_looks)

    crossing = bisect_left(range(n + 1), True, key=is_high)  # one p-value grows with n_above, the other one falls
    candidates = [bets(k) for k in (crossing - 1, crossing) if 0 <= k <= n]
    return min(max(b.p_less(high, question.n_looks), b.p_greater(low, question.n_looks)) for b in candidates)


def _holm(p_values: Sequence[float], alphas: Sequence[float]) -> list[float]:
    """p-values after Holm's correction: one is at most its alpha if and only if Holm's procedure rejects it."""
    ratios = [p / alpha for p, alpha in zip(p_values, alphas, strict=True)]
    adjusted, largest = [1.0] * len(ratios), 0.0
    factors = holm_factors(p_values, alphas)
    for place in np.argsort(ratios, kind="stable"):
        largest = max(largest, factors[place] * ratios[place])
        adjusted[place] = min(1.0, largest * alphas[place])
    return adjusted


def _corrected(questions: Sequence[Question], designs: Sequence[Design], n: int, p_of: SmallestP) -> float:
    """The smallest p-value of the n-th question in its family, where all others there have their smallest ones."""
    p_of_others: SmallestP = p_none if p_of is p_none else p_difference
    family = [k for k, question in enumerate(questions) if p_of is not p_none or question.margin is not None]
    if n not in family:
        return 1.0
    ps = [(p_of if k == n else p_of_others)(questions[k], designs[k]) for k in family]
    return _holm(ps, [1 - questions[k].level for k in family])[family.index(n)]


def _least_seeds(questions: Sequence[Question], designs: Sequence[Design], n: int, p_of: SmallestP) -> int | None:
    """The least number of seeds, on each side of all questions, with which that p-value is small enough."""
    question, design = questions[n], designs[n]
    alpha = 1 - question.level

    def is_enough(n_seeds: int) -> bool:
        p = p_of(question, design.with_seeds(n_seeds))
        if not rejects(p, alpha) or rejects(p * len(questions), alpha):
            return rejects(p, alpha)  # as the last one of Holm's procedure, or as the first one
        return rejects(_corrected(questions, [each.with_seeds(n_seeds) for each in designs], n, p_of), alpha)

    numbers = range(1, MOST_SEEDS + 1)
    first = next((k for k in numbers[:ONE_BY_ONE] if is_enough(k)), None)
    if first is not None:
        return first
    place = bisect_left(numbers, True, lo=ONE_BY_ONE, key=is_enough)
    return numbers[place] if place < len(numbers) else None
