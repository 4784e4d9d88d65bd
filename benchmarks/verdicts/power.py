"""Power side by side: rejections and seeds of a side, for procedures of the lab and of others."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import former
import numpy as np
from scipy import stats
from tables import Table
from tuning import N_SLOW
from worlds import ALPHA, LOOKS, Draw, quick, stream

from rnnlab.statistics.looks import planned
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import Test, two_sided


def toy(case: int, delta: float) -> Draw:
    """Cases 1 and 2 of Mathieu et al. (2024), section 5.1: a mixture of two normals against one normal."""
    means = np.array([-delta / 2, delta / 2] if case == 1 else [0.0, delta])

    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return means[rng.integers(2, size=n)] + 0.1 * rng.normal(size=n), 0.1 * rng.normal(size=n)

    return draw


def apart(by: float) -> Draw:
    def draw(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return by + rng.normal(size=n), rng.normal(size=n)

    return draw


CASES = {
    "normal, equal": apart(0.0),
    "normal, 0.5 sd": apart(0.5),
    "normal, 1 sd": apart(1.0),
    "normal, 2 sd": apart(2.0),
    "toy 1, delta 1 (equal means)": toy(1, 1.0),
    "toy 2, delta 2/9": toy(2, 2 / 9),
    "toy 2, delta 4/9": toy(2, 4 / 9),
    "toy 2, delta 1": toy(2, 1.0),
}
Method = Callable[[np.random.Generator, Draw], tuple[bool, int]]
"""-> rejected, and after how many seeds a side"""


def at_fixed(n: int, p: Callable[[np.ndarray, np.ndarray], float]) -> Method:
    return lambda rng, draw: (p(*draw(rng, n)) <= ALPHA, n)


def flips(x: np.ndarray, y: np.ndarray) -> Test:
    """Brought within 0 and 1: only the sign flips are asked for here."""
    return quick(PerSeed(np.clip(0.5 + x / 100, 0, 1), np.clip(0.5 + y / 100, 0, 1), "bounded", True))


def ranks(x: np.ndarray, y: np.ndarray) -> Test:
    return PerSeed(x, y, "unbounded", True).test()


def until_decided(looked: Sequence[int], make: Callable[[np.ndarray, np.ndarray], Test]) -> Method:
    def run(rng: np.random.Generator, draw: Draw) -> tuple[bool, int]:
        x, y = draw(rng, looked[-1])
        for n in looked:
            if two_sided(make(x[:n], y[:n]), 0.0, len(looked)) <= ALPHA:
                return True, n
        return False, looked[-1]

    return run


METHODS = {
    "Welch's t, 20 seeds": at_fixed(20, lambda x, y: float(stats.ttest_ind(x, y, equal_var=False).pvalue)),
    "Mann-Whitney, 20 seeds": at_fixed(20, lambda x, y: float(stats.mannwhitneyu(x, y).pvalue)),
    "sign flips, 20 seeds": at_fixed(20, lambda x, y: two_sided(flips(x, y), 0.0)),
    "signed ranks, 20 seeds": at_fixed(20, lambda x, y: two_sided(ranks(x, y), 0.0)),
    "former procedure, 20 seeds": at_fixed(20, former.p),
    "sign flips, looks 10 20 40 80": until_decided(LOOKS, flips),
    "sign flips, looks 10 20 40": until_decided(planned(40), flips),
    "sign flips, looks 10 20 25": until_decided(planned(25), flips),
    "signed ranks, looks 10 20 40 80": until_decided(LOOKS, ranks),
}
HOW = "How often two sides are told apart, and in brackets after how many seeds of each on average; with equal "


def power(repetitions: int) -> Table:
    def row(name: str) -> list[str]:
        many = min(repetitions, N_SLOW) if "former" in name else repetitions
        return [name, *(_rejections(case, METHODS[name], many) for case in CASES)]

    note = HOW + "means, these are errors, and sides that do not pair here lose nothing by being paired as they come."
    return Table("Power", note, ("procedure", *CASES), [(name,) for name in METHODS], row)


def adastop(repetitions: int) -> Table:
    """adastop 0.1.3 with n = 5, K = 5 rejects two equal normal sides in 13 %, with alpha = .02 in 5 %: hence both."""
    from adastop import MultipleAgentsComparator

    def row(n: int, k: int, alpha: float) -> list[str]:
        def run(rng: np.random.Generator, draw: Draw) -> tuple[bool, int]:
            x, y = draw(rng, n * k)
            seed = int(rng.integers(2**31))
            comparator = MultipleAgentsComparator(n=n, K=k, B=1000, alpha=alpha, seed=seed)
            for look in range(1, k + 1):
                comparator.partial_compare({"x": x[: n * look], "y": y[: n * look]}, verbose=False)
                if comparator.is_finished:
                    break
            return next(iter(comparator.decisions.values())) in ("larger", "smaller"), n * look

        return [f"AdaStop, n = {n}, K = {k}, alpha = {alpha}", *(_rejections(case, run, repetitions) for case in CASES)]

    cases = ((5, 5, 0.05), (5, 5, 0.02), (10, 8, 0.05))
    return Table("Power of AdaStop", HOW + "means, these are errors.", ("procedure", *CASES), cases, row)


def _rejections(case: str, method: Method, repetitions: int) -> str:
    rng = stream("power", case)
    found = [method(rng, CASES[case]) for _ in range(repetitions)]
    return f"{np.mean([hit for hit, _ in found]):.3f} ({np.mean([n for _, n in found]):.0f})"
