"""What can be concluded from the tests of a family of claims: the verdicts, and at which level they were taken.

A claim's parameter theta is compared with the number from which on the claim holds.  At level 1 - a it is

    no difference that matters    if theta is shown to lie within centre -+ margin: both one-sided tests reject at a
                                  (D. J. Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987)
    supported or refuted          if the two-sided test rejects the threshold at a, by the side on which theta lies
    undecided                     otherwise

The first has precedence: a difference can be certain and too small to matter.  Several looks at growing numbers of
seeds (looks.py) and several claims (Holm, Scandinavian Journal of Statistics 6, 1979) make `a` smaller.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnlab.report.judging.per_seed import Numbers
from rnnlab.report.judging.shift_tests import Test, rejects, two_sided

Judgement = Literal["supported", "refuted", "no difference that matters", "undecided"]
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

    def p_difference(self, test: Test) -> float:
        return two_sided(test, self.threshold, self.n_looks)

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
    look: int  # which look decided, from 0; the last one if none did
    seeds_needed: int | None = None  # of "undecided": about how many seeds would decide; None: above MOST_SEEDS


def decide(questions: Sequence[Question], paths: Sequence[Sequence[Numbers]]) -> list[Decision]:
    """One decision per claim of a family.  paths: by claim, the numbers per seed at each look taken so far; empty where
    there are none, which counts as a claim all the same.

    A claim's p-value is the smallest of its looks, so that a decision once taken stands, whatever is trained later for
    other claims.  Holm's step m - k multiplies it.
    """
    tests = [[numbers.test() for numbers in path] for path in paths]
    ps = [[question.p(test) for test in path] for question, path in zip(questions, tests, strict=True)]
    smallest = [min(path, default=1.0) for path in ps]
    factors = holm_factors(smallest, [1 - question.level for question in questions])
    return [
        _decision(question, path, found, p, factor)
        for question, path, found, p, factor in zip(questions, paths, tests, ps, factors, strict=True)
    ]


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


def _decision(
    question: Question, path: Sequence[Numbers], tests: Sequence[Test], ps: Sequence[float], factor: int
) -> Decision:
    if not tests:
        return Decision("undecided", "no data", math.nan, EVERYTHING, EVERYTHING, question.level, 1.0, 0, 0)
    alpha = (1 - question.level) / factor
    decided = rejects(min(ps), alpha)
    look = int(np.argmin(ps)) if decided else len(ps) - 1
    test, p = tests[look], min(1.0, factor * min(ps))
    judgement: Judgement = "undecided"
    level, interval_of = 1 - alpha, test
    if decided and rejects(question.p_no_difference(test), alpha):
        judgement, level, interval_of = "no difference that matters", 1 - 2 * alpha, test.cautious
    elif decided:
        judgement = "supported" if question.is_beyond(test) else "refuted"
    return Decision(
        judgement=judgement,
        reason=None if decided else _reason(question, test, min(ps), alpha),
        estimate=test.estimate,
        interval=interval_of.interval(level, question.n_looks),
        with_rare_events=test.cautious.interval(level, question.n_looks),
        level=level,
        p=p,
        n_seeds=path[look].n_seeds,
        look=look,
        seeds_needed=None if decided else seeds_to_decide(question, path[look], factor),
    )


def _reason(question: Question, test: Test, p: float, alpha: float) -> Reason:
    if rejects(p, 1 - question.level):
        return "one of several claims"
    if not rejects(test.smallest_p(question.threshold, question.n_looks), alpha):
        return "too few seeds"
    return "wide interval"


def seeds_to_decide(question: Question, numbers: Numbers, n_claims: int = 1) -> int | None:
    """How many seeds would decide, as one of n_claims, if all were spread as those seen, to a quarter.

    It is a guess: the true effect is another one than that seen, so that the chance is about even.  None for more than
    MOST_SEEDS."""
    alpha = (1 - question.level) / n_claims

    def decides(n: int) -> bool:
        n_drawn = max(1999, math.ceil(20 * question.n_looks / alpha))
        return rejects(question.p(numbers.stretched(n).test(n_drawn, n_drawn)), alpha)

    n = max(numbers.n_seeds, 2)
    while not decides(n):
        n = math.ceil(n * 1.25)
        if n > MOST_SEEDS:
            return None
    return n
