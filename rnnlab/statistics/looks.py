"""Looks at a growing number of seeds: 10, 20, 40, 80, ... until the claims are decided.

Whoever tests at each of K looks and stops at the first success rejects a true null hypothesis too often.  If each look
uses p * K, the chance that any of them rejects is at most the sum of their chances, K * a / K (Bonferroni): valid at
whatever look one stops, for any dependence between looks and claims.  K is the number of looks planned, not taken.
Bets are valid at any time already and are not multiplied (bounded.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnlab.statistics.decision import Question
from rnnlab.statistics.per_seed import Numbers
from rnnlab.statistics.shift_tests import Test

FIRST = 10


def planned(max_seeds: int, first: int = FIRST) -> tuple[int, ...]:
    """The numbers of seeds at each look: `first`, twice as many, and so on; the last is max_seeds.

    >>> planned(80)
    (10, 20, 40, 80)
    """
    looks = [first]
    while looks[-1] < max_seeds:
        looks.append(min(2 * looks[-1], max_seeds))
    return tuple(looks) if first < max_seeds else (max_seeds,)


@dataclass(frozen=True)
class Step:
    """What one look shows of one claim, by itself: corrected for looks, not for the other claims."""

    n_seeds: int
    estimate: float
    interval: tuple[float, float]
    p: float


def path(question: Question, looks: Sequence[Numbers], tests: Sequence[Test]) -> tuple[Step, ...]:
    """The looks taken so far, from `taken`, each with its test.  question.n_looks is the number planned."""
    steps = []
    for part, test in zip(looks, tests, strict=True):
        interval = question.judged_by(test).interval(question.level, question.n_looks)
        steps.append(Step(part.n_seeds, test.estimate, interval, question.p(test)))
    return tuple(steps)


def taken(numbers: Numbers, looks: Sequence[int]) -> list[Numbers]:
    """The numbers at each look of which all seeds are there."""
    return [numbers.first(n) for n in looks if n <= numbers.n_seeds]
