"""Rare failures that were not among the seeds: what "supported" can promise of a mean, and what caution costs.

Sign flips test whether the sides are exchangeable.  A side that is a little better in almost every seed and fails in
few of them is not, and its mean can be lower all the same.  Three rules for "supported":

    flips             as it is: the sides differ, and typical seeds are higher
    and above -.05    besides, the interval with rare events lies above -margin: the mean is not lower by what matters
    above 0           the interval with rare events lies above 0: the mean is higher
"""

from __future__ import annotations

import numpy as np
from tables import Table, share_of
from worlds import ALPHA, normals, quick, rare, stream

from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import Test

SIZES = (10, 20, 40, 80)
RULES = {"flips": None, "and above -.1": -0.1, "and above -.05": -0.05, "above 0": 0.0}


def supports(test: Test, least: float | None) -> bool:
    by_flips = 2 * test.p_greater(0.0) <= ALPHA
    return by_flips and (least is None or 2 * test.cautious.p_greater(least) <= ALPHA)


def caution_needed(repetitions: int) -> Table:
    def row(chance: float) -> list[str]:
        mean = (1 - chance) * 0.02 - 0.9 * chance
        cells: dict[str, list[str]] = {rule: [] for rule in RULES}
        for n in SIZES:
            rng = stream("caution", chance, n)
            tests = [quick(PerSeed(*rare(rng, n, chance, 0.02), "bounded", True)) for _ in range(repetitions)]
            for rule, least in RULES.items():
                cells[rule].append(share_of([supports(test, least) for test in tests]))
        return [f"{chance:.0%}", f"{mean:+.3f}", *(" / ".join(cells[rule]) for rule in RULES)]

    return Table(
        "Rare failures: how often a side is said to be higher that is lower on average",
        f"One side scores better by .02, but fails altogether in few seeds; at {', '.join(map(str, SIZES))} seeds. "
        "Typical seeds are higher indeed; a statement on the mean is wrong from 5 % on.",
        ("fail", "mean difference", *RULES),
        [(chance,) for chance in (0.02, 0.05, 0.1, 0.2)],
        row,
    )


def caution_costs(repetitions: int) -> Table:
    def row(difference: float) -> list[str]:
        cells: dict[str, list[str]] = {rule: [] for rule in RULES}
        for n in SIZES:
            rng, tests = stream("costs", difference, n), []
            for _ in range(repetitions):
                z = 0.1 * normals(rng, 2, n)[..., 0]
                x, y = np.clip(0.5 + difference + z[0], 0, 1), np.clip(0.5 + z[1], 0, 1)
                tests.append(quick(PerSeed(x, y, "bounded", True)))
            for rule, least in RULES.items():
                cells[rule].append(share_of([supports(test, least) for test in tests]))
        return [f"{difference:g}", *(" / ".join(cells[rule]) for rule in RULES)]

    return Table(
        "What caution costs: how often a true difference is supported",
        f"Normal scores, standard deviation of a difference .1; at {', '.join(map(str, SIZES))} seeds.",
        ("true difference", *RULES),
        [(difference,) for difference in (0.05, 0.1, 0.2, 0.4)],
        row,
    )
