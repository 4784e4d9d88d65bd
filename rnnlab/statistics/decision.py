"""What can be concluded from the tests of a family of claims: the verdicts, and at which level they were taken.

A claim's parameter theta is compared with the number from which on the claim holds.  At level 1 - a it is

    no difference that matters    if theta is shown to lie within centre -+ margin: both one-sided tests reject at a
                                  (D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987)
    supported or refuted          if the two-sided test rejects the threshold at a, by the side on which theta lies
    undecided                     otherwise

The first has precedence: a difference can be certain and too small to matter.  Several looks at growing numbers of
seeds (looks.py) and several claims (Holm, Scandinavian Journal of Statistics 6, 1979) make `a` smaller.

Differences are one family of hypotheses, and "no difference that matters" is another.  Each has a Holm procedure of
its own, so that at most a share `a` of all studies finds a difference where there is none, and at most a share `a`
finds none where there is one that matters.  One procedure for both would be wrong: a claim that is concluded to have no
difference may still be one whose difference is exactly zero, so the others must not profit from it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Literal

import numpy as np

from rnnlab.statistics.per_seed import Numbers
from rnnlab.statistics.shift_tests import Test, rejects, two_sided

Judgement = Literal["supported", "refuted", "no difference that matters", "undecided"]
Concluded = Literal["difference", "no difference that matters", "undecided"]
Reason = Literal["no data", "too few seeds", "one of several claims", "wide interval"]  # of "undecided"
EVERYTHING = (-math.inf, math.inf)
MOST_SEEDS = 1000  # nobody is told to train more


@dataclass(frozen=True)
class Question:
    """What a claim asks.  level: of the whole family; n_looks: how many looks were planned."""

    direction: Literal["higher", "lower"]
    threshold: float = 0.0  # theta beyond it, in the direction, supports the claim
    centre: float = 0.0  # theta if there is no difference
    margin: float | None = None  # what matters, in the quantity's unit
    level: float = 0.95
    n_looks: int = 1

    def judged_by(self, test: Test) -> Test:
        """A sharp test says that two sides differ, not by how much: a claim of "at least so much" must not use it."""
        return test if self.threshold == self.centre else test.cautious

    def p_difference(self, test: Test) -> float:
        return two_sided(self.judged_by(test), self.threshold, self.n_looks)

    def p_no_difference(self, test: Test) -> float:
        """1 without a margin."""
        if self.margin is None:
            return 1.0
        low, high = self.centre - self.margin, self.centre + self.margin
        return max(test.cautious.p_less(high, self.n_looks), test.cautious.p_greater(low, self.n_looks))

    def p(self, test: Test) -> float:
        """The smallest a at which something is concluded."""
        return min(self.p_difference(test), self.p_no_difference(test))

    def is_beyond(self, test: Test) -> bool:
        test = self.judged_by(test)
        above = test.p_greater(self.threshold) <= test.p_less(self.threshold)
        return above == (self.direction == "higher")


@dataclass(frozen=True)
class Decision:
    judgement: Judgement
    reason: Reason | None
    estimate: float
    interval: tuple[float, float]  # at `level`, from the seeds of the look that decided, or of the last one
    with_rare_events: tuple[float, float]  # the same, if seeds that were not seen may do anything: not cut at zero
    level: float  # after the correction for claims; the correction for looks is within the interval
    p: float  # corrected for looks and for claims
    n_seeds: int
    n_scored: int  # without the seeds that choose settings
    look: int  # which look decided, from 0; the last one if none did
    plan: Callable[[], int | None] | None = field(default=None, compare=False, repr=False)  # of "undecided"
    tests: tuple[Test, ...] = field(default=(), compare=False, repr=False)  # of each look taken

    @cached_property
    def seeds_needed(self) -> int | None:
        """Of "undecided": about how many seeds would decide; None: above MOST_SEEDS.  It takes a while, and is computed
        when it is asked for."""
        return self.plan() if self.plan else None


@dataclass(frozen=True)
class Conclusion:
    """What Holm's procedures conclude of one claim.  factors: see holm_factors; for a difference, and for none."""

    judgement: Concluded
    look: int  # the first look that decided; the last one taken if none did
    p: float  # of that look, corrected for looks and for claims; the smallest of all looks if none decided
    factors: tuple[int, int]


def decide(questions: Sequence[Question], paths: Sequence[Sequence[Numbers]]) -> list[Decision]:
    """One decision per claim of a family.  paths: by claim, the numbers per seed at each look taken so far; empty where
    there are none, which counts as a claim all the same."""
    tests = [[numbers.test() for numbers in path] for path in paths]
    return [
        _decision(question, path, found, conclusion)
        for question, path, found, conclusion in zip(questions, paths, tests, conclude(questions, tests), strict=True)
    ]


def conclude(questions: Sequence[Question], tests: Sequence[Sequence[Test]]) -> list[Conclusion]:
    """tests: by claim, one for each look taken.

    A p-value is the smallest of the claim's looks, so that a claim once decided stays decided, whatever is trained
    later for other claims.  A difference that is certain can later turn out to be one that does not matter."""
    alphas = [1 - question.level for question in questions]
    differences = [[q.p_difference(test) for test in path] for q, path in zip(questions, tests, strict=True)]
    nones = [[q.p_no_difference(test) for test in path] for q, path in zip(questions, tests, strict=True)]
    for_difference = holm_factors([min(ps, default=1.0) for ps in differences], alphas)
    asked = [n for n, question in enumerate(questions) if question.margin is not None]
    found = holm_factors([min(nones[n], default=1.0) for n in asked], [alphas[n] for n in asked])
    for_none = dict(zip(asked, found, strict=True))
    return [
        _conclusion(alphas[n], differences[n], nones[n], (for_difference[n], for_none.get(n, 1)))
        for n in range(len(questions))
    ]


def _conclusion(
    alpha: float, differences: Sequence[float], nones: Sequence[float], factors: tuple[int, int]
) -> Conclusion:
    """By the first look that decides: later looks are taken for other claims."""
    ways: tuple[tuple[Concluded, Sequence[float], int], ...] = (
        ("no difference that matters", nones, factors[1]),
        ("difference", differences, factors[0]),
    )
    for judgement, ps, factor in ways:
        for look, p in enumerate(ps):
            if rejects(factor * p, alpha):
                return Conclusion(judgement, look, factor * p, factors)
    if not differences:
        return Conclusion("undecided", 0, 1.0, factors)
    p = min(1.0, factors[0] * min(differences), factors[1] * min(nones))
    return Conclusion("undecided", len(differences) - 1, p, factors)


def holm_factors(p_values: Sequence[float], alphas: Sequence[float]) -> list[int]:
    """By how much Holm's procedure multiplies each p-value; factor * p <= alpha if and only if it rejects.

    The smallest p / alpha is multiplied by m, the next one by m - 1, ...; from the first that is not rejected on, all
    by the same number."""
    ratios = [p / alpha for p, alpha in zip(p_values, alphas, strict=True)]
    factors, factor, stopped = [0] * len(ratios), len(ratios), False
    for place in np.argsort(ratios, kind="stable"):
        factors[place] = factor
        stopped = stopped or not rejects(factor * ratios[place], 1.0)
        factor -= 0 if stopped else 1
    return factors


def _decision(question: Question, path: Sequence[Numbers], tests: Sequence[Test], conclusion: Conclusion) -> Decision:
    if not tests:
        return Decision("undecided", "no data", math.nan, EVERYTHING, EVERYTHING, question.level, 1.0, 0, 0, 0)
    for_difference, for_none = conclusion.factors
    test, numbers = tests[conclusion.look], path[conclusion.look]
    level, interval_of = 1 - (1 - question.level) / for_difference, question.judged_by(test)
    judgement: Judgement = "undecided"
    reason: Reason | None = None
    if conclusion.judgement == "no difference that matters":
        judgement, interval_of = conclusion.judgement, test.cautious
        level = 1 - 2 * (1 - question.level) / for_none
    elif conclusion.judgement == "difference":
        judgement = "supported" if question.is_beyond(test) else "refuted"
    else:
        reason = _reason(question, tests, 1 - level)
    return Decision(
        judgement=judgement,
        reason=reason,
        estimate=test.estimate,
        interval=interval_of.interval(level, question.n_looks),
        with_rare_events=test.cautious.interval(level, question.n_looks),
        level=level,
        p=conclusion.p,
        n_seeds=numbers.n_seeds,
        n_scored=numbers.scored.n_seeds,
        look=conclusion.look,
        plan=partial(seeds_to_decide, question, numbers, conclusion.factors) if judgement == "undecided" else None,
        tests=tuple(tests),
    )


def _reason(question: Question, tests: Sequence[Test], alpha: float) -> Reason:
    if rejects(min(map(question.p, tests)), 1 - question.level):
        return "one of several claims"
    if not rejects(question.judged_by(tests[-1]).smallest_p(question.threshold, question.n_looks), alpha):
        return "too few seeds"
    return "wide interval"


def seeds_to_decide(question: Question, numbers: Numbers, factors: tuple[int, int] = (1, 1)) -> int | None:
    """How many seeds would decide, if all were spread as those seen, to a quarter.  factors: those of the claim's
    Conclusion.

    It is a guess: the true effect is another one than that seen, so that the chance is about even.  None for more than
    MOST_SEEDS."""
    alpha = 1 - question.level

    def decides(n: int) -> bool:
        n_drawn = max(1999, math.ceil(20 * question.n_looks * factors[0] / alpha))
        test = numbers.stretched(n).test(n_drawn, n_drawn)
        return _conclusion(
            alpha, [question.p_difference(test)], [question.p_no_difference(test)], factors
        ).judgement != ("undecided")

    n = max(numbers.n_seeds, 2)
    while not decides(n):
        n = math.ceil(n * 1.25)
        if n > MOST_SEEDS:
            return None
    return n
