"""How likely a design is to support a true claim, by the test that will judge it.

Before training nobody knows how much the seeds differ among each other.  So the chance is told in two ways:

    power_of_shift    the seeds are normal, and the effect is `sds` of their standard deviations beyond the threshold:
                      those of the seeds' differences where they pair, of each side where they do not
    power_of_margin   scores and events: every seed is 0 or 1, one half of them on average (which varies most), and
                      the effect is the margin

Both are chances to be supported at one look, after Bonferroni's correction for claims (Holm's is never weaker) and
looks.  Where rates are chosen, only the scoring seeds count, as if the best rates were plain.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

from rnnlab.statistics import exact, ranks
from rnnlab.statistics.bounded import Bets, Proportion
from rnnlab.statistics.decision import Question
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.planning import Design
from rnnlab.statistics.shift_tests import ROUNDING, Test

N_SIMULATED, N_DRAWN = 1000, 3999
CHANGES_AT_ONCE = 5000

Sides = Literal["number", "paired", "unpaired"]


def power_of_shift(question: Question, design: Design, sds: float, n_claims: int = 1) -> float | None:
    """None where the seeds are not normal at any spread (events), or the test is not one of signs, labels or ranks
    alone ("at least so much" of bounded quantities)."""
    scored = design.scored
    labels_only = scored.n_against is None or scored.kind == "unbounded" or question.threshold == question.centre
    if scored.kind == "event" or not labels_only:
        return None
    return _normal_power(scored.kind, scored.n_seeds, _sides(scored), sds, _tail(question, n_claims))


def power_of_margin(question: Question, design: Design, n_claims: int = 1) -> float | None:
    """None without a margin, and where there is no worst spread: unbounded quantities, and the median of a score."""
    scored, tail = design.scored, _tail(question, n_claims)
    if question.margin is None or scored.kind == "unbounded":
        return None
    upwards = question.direction == "higher"
    if scored.n_against is None:
        if scored.kind != "event":
            return None
        threshold = question.threshold if upwards else 1 - question.threshold
        return _power_of_chance(threshold, question.margin, scored.n_of, tail)
    beyond = question.threshold if upwards else -question.threshold
    return _power_of_rates(scored.n_seeds, scored.paired, beyond, question.margin, tail)


def _sides(design: Design) -> Sides:
    return "number" if design.n_against is None else "paired" if design.paired else "unpaired"


def _tail(question: Question, n_claims: int) -> float:
    """Which one-sided p-value is small enough."""
    return (1 - question.level) / 2 / (n_claims * question.n_looks) * ROUNDING


@lru_cache(maxsize=1000)
def _normal_power(kind: Kind, n: int, sides: Sides, sds: float, tail: float) -> float:
    if n == 0:
        return 0.0
    rng = np.random.default_rng(0)
    of, against = rng.normal(sds, 1.0, (N_SIMULATED, n)), np.zeros((N_SIMULATED, n))
    if sides == "unpaired":
        against = rng.normal(0.0, 1.0, (N_SIMULATED, n))
    if kind == "bounded" and sides != "number":
        p = _p_flips(of, tail) if sides == "paired" else _p_labels(of, against, tail)
        return float(np.mean(p <= tail))
    tests: list[Test] = [
        exact.signs(one)
        if sides == "number"
        else ranks.signed_ranks(one, other)
        if sides == "paired"
        else ranks.rank_sums(one, other)
        for one, other in zip(of, against, strict=True)
    ]
    return float(np.mean([test.p_greater(0.0) <= tail for test in tests]))


@lru_cache(maxsize=1000)
def _power_of_rates(n: int, paired: bool, beyond: float, margin: float, tail: float) -> float:
    """Of events whose rates differ by beyond + margin, as near to one half as they can be."""
    difference = beyond + margin
    if n == 0 or abs(difference) > 1:
        return 0.0
    rng = np.random.default_rng(0)
    of = (rng.random((N_SIMULATED, n)) < 0.5 + difference / 2).astype(float)
    against = (rng.random((N_SIMULATED, n)) < 0.5 - difference / 2).astype(float)
    if beyond:
        p = np.array([Bets(row, -1.0, 1.0).p_greater(beyond) for row in of - against])
    else:
        p = _p_flips(of - against, tail) if paired else _p_labels(of, against, tail)
    return float(np.mean(p <= tail))


@lru_cache(maxsize=1000)
def _power_of_chance(threshold: float, margin: float, n: int, tail: float) -> float:
    """Of a chance that lies the margin above the threshold, or is 1."""
    from scipy.stats import binom

    counts = [count for count in range(n + 1) if n and Proportion(count, n).p_greater(threshold) <= tail]
    return float(binom.pmf(counts, n, min(1.0, threshold + margin)).sum()) if counts else 0.0


def _p_flips(differences: np.ndarray, tail: float) -> np.ndarray:
    """The one-sided p-values of exact.sign_flips: (samples, n) -> (samples,); the flips are the same for all."""
    n, n_drawn = differences.shape[1], _n_drawn(tail)
    if 2**n <= n_drawn:
        flipped = (np.arange(2**n)[:, None] >> np.arange(n)) & 1
    else:
        flipped = np.random.default_rng(1).integers(2, size=(n_drawn, n))
        flipped[0] = 0
    # a flip leaves the sum as large or makes it larger if what it flips adds up to 0 or less
    return _share_below_zero(flipped, differences)


def _p_labels(of: np.ndarray, against: np.ndarray, tail: float) -> np.ndarray:
    """The same of exact.label_permutations."""
    n, n_of, n_drawn = of.shape[1] + against.shape[1], of.shape[1], _n_drawn(tail)
    places = np.random.default_rng(1).permuted(np.broadcast_to(np.arange(n), (n_drawn, n)), axis=1)[:, :n_of]
    is_ours = np.zeros((n_drawn, n), int)
    np.put_along_axis(is_ours, places, 1, axis=1)
    is_ours[0] = np.arange(n) < n_of
    # who leaves our side counts with his value, who comes with minus it
    return _share_below_zero((np.arange(n) < n_of) - is_ours, np.hstack([of, against]))


def _share_below_zero(changes: np.ndarray, samples: np.ndarray) -> np.ndarray:
    n_as_large = np.zeros(len(samples))
    for begin in range(0, len(changes), CHANGES_AT_ONCE):
        part = changes[begin : begin + CHANGES_AT_ONCE].astype(float)
        n_as_large += (part @ samples.T <= 1e-9).sum(axis=0)
    return n_as_large / len(changes)


def _n_drawn(tail: float) -> int:
    """Enough that the smallest p-value is a tenth of what is needed."""
    return max(N_DRAWN + 1, math.ceil(10 / tail))
