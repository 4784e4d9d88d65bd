"""One claim: how often something is concluded that is not so."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import numpy as np
from scipy.special import ndtri
from tables import Table, share_of, yes
from worlds import (
    ALPHA,
    LOOKS,
    N_DRAWN,
    SHAPES,
    Draw,
    heavy,
    lucky,
    normal,
    normals,
    per_seed,
    quick,
    scores,
    solved,
    stream,
)

from rnnlab.statistics import exact, ranks
from rnnlab.statistics.decision import Question
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.looks import taken
from rnnlab.statistics.per_seed import Numbers, PerSeed
from rnnlab.statistics.shift_tests import two_sided

SIZES = (5, 10, 20, 40)


def at_any_look(question: Question, numbers: Numbers) -> bool:
    """Whether a difference is concluded at one of the looks; question.n_looks: how many."""
    return any(question.p_difference(quick(part)) <= ALPHA for part in taken(numbers, LOOKS))


def false_positives(repetitions: int) -> Table:
    def row(name: str, design: tuple[bool, int, float]) -> list[str]:
        paired, settings, share = design
        cells = []
        for n in SIZES:
            rng, hits, shape = stream(name, *design, n), [], SHAPES[name]
            for _ in range(repetitions):
                x, y = shape.of_z(normals(rng, 2, n, settings, share))
                y = y if paired else shape.of_z(normals(rng, 1, n, settings, share))[0]
                hits.append(two_sided(quick(per_seed(shape, x, y, paired)), 0.0) <= ALPHA)
            cells.append(share_of(hits))
        return [name, yes(paired), str(settings), f"{share:g}", *cells]

    designs = ((True, 1, 1.0), (True, 4, 1.0), (True, 4, 0.5), (False, 1, 1.0))
    return Table(
        "False positives: both sides alike",
        "How often a difference is concluded that is not there, by number of seeds; `share`: the share of a setting's "
        "variance that the seed decides.",
        ("quantity", "paired", "settings", "share", *map(str, SIZES)),
        list(product(SHAPES, designs)),
        row,
    )


def looks(repetitions: int) -> Table:
    question = Question("higher", n_looks=len(LOOKS))

    def row(name: str, paired: bool) -> list[str]:
        rng, shape, hits, naive = stream("looks", name, paired), SHAPES[name], [], []
        for _ in range(repetitions):
            x, y = shape.of_z(normals(rng, 2, LOOKS[-1]))
            y = y if paired else shape.of_z(normals(rng, 1, LOOKS[-1]))[0]
            tests = [quick(part) for part in taken(per_seed(shape, x, y, paired), LOOKS)]
            hits.append(min(question.p_difference(test) for test in tests) <= ALPHA)
            naive.append(min(two_sided(test, 0.0) for test in tests) <= ALPHA)
        return [name, yes(paired), share_of(hits), share_of(naive)]

    return Table(
        f"False positives at any of the looks {LOOKS}",
        "How often a difference that is not there is concluded at one of the looks; without the correction for looks "
        "it would be the last column.",
        ("quantity", "paired", "p times 4", "not corrected"),
        list(product(SHAPES, (True, False))),
        row,
    )


def sides(repetitions: int) -> Table:
    def row(kind: Kind, numbers: tuple[int, int], spreads: tuple[float, float]) -> list[str]:
        rng, equally_many, all_seeds = stream("sides", kind, numbers, spreads), [], []
        for _ in range(repetitions):
            x, y = (
                np.clip(0.5 + spread * rng.normal(size=n), 0, 1) for n, spread in zip(numbers, spreads, strict=True)
            )
            equally_many.append(two_sided(quick(PerSeed(x, y, kind)), 0.0) <= ALPHA)
            all_seeds.append(all_seeds_p(x, y, kind) <= ALPHA)
        return [
            kind,
            " and ".join(map(str, numbers)),
            " and ".join(map(str, spreads)),
            share_of(equally_many),
            share_of(all_seeds),
        ]

    designs = [
        ((20, 20), (0.1, 0.1)),
        ((10, 10), (0.05, 0.2)),
        ((20, 20), (0.05, 0.2)),
        ((10, 40), (0.1, 0.1)),
        ((10, 40), (0.15, 0.05)),
        ((20, 40), (0.15, 0.05)),
        ((40, 20), (0.15, 0.05)),
    ]
    return Table(
        "False positives: sides that do not pair, with unequal numbers of seeds or unequal spread",
        "Both sides have the same mean and median. Equally many seeds of both sides are compared, the first ones; the "
        "last column is what all seeds would do.",
        ("quantity", "seeds", "standard deviations", "as judged", "all seeds"),
        [(kind, *design) for kind, design in product(("bounded", "unbounded"), designs)],
        row,
    )


def all_seeds_p(x: np.ndarray, y: np.ndarray, kind: Kind) -> float:
    if kind == "unbounded":
        return two_sided(ranks.rank_sums(x, y), 0.0)
    return two_sided(exact.label_permutations(x, y, np.random.default_rng(0), N_DRAWN), 0.0)


def thresholds(repetitions: int) -> Table:
    def skewed(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
        return rng.exponential(size=n), np.full(n, np.log(2) - 0.5)

    worlds: list[tuple[str, Kind, Draw, float]] = [
        ("scores, normal", "bounded", normal, 0.1),
        ("solved in 70 and 50 %", "event", solved, 0.2),
        ("one seed in ten solves it, else worse", "bounded", lucky, 0.07),
        ("losses, t(1.5)", "unbounded", heavy, 0.5),
        ("losses, exponential: the Hodges-Lehmann shift", "unbounded", skewed, 0.839 - np.log(2) + 0.5),
        ("losses, exponential: the median", "unbounded", skewed, 0.5),
    ]

    def row(name: str, kind: Kind, draw: Draw, by: float, paired: bool) -> list[str]:
        def sample(rng: np.random.Generator, n: int) -> PerSeed:
            x, y = draw(rng, n)
            return PerSeed(x, y if paired else draw(rng, n)[1], kind, paired)

        question, cells = Question("higher", threshold=by), []
        for n in SIZES:
            rng = stream("thresholds", name, paired, n)
            cells.append(share_of([question.p_difference(quick(sample(rng, n))) <= ALPHA for _ in range(repetitions)]))
        rng, looked = stream("thresholds", name, paired), Question("higher", threshold=by, n_looks=len(LOOKS))
        at_looks = share_of([at_any_look(looked, sample(rng, LOOKS[-1])) for _ in range(repetitions)])
        return [name, f"{by:.3g}", yes(paired), *cells, at_looks]

    return Table(
        "Claims of at least so much (`by`), where the difference is just that",
        "How often such a claim is supported or refuted, by number of seeds, and at any of the looks "
        f"{LOOKS}. Signed ranks are about the Hodges-Lehmann shift, which is the median only where differences are "
        "symmetric: the last row is beyond their promise.",
        ("quantity", "by", "paired", *map(str, SIZES), "any look"),
        [(*world, paired) for world, paired in product(worlds, (True, False)) if paired or world[2] is not skewed],
        row,
    )


def numbers(repetitions: int) -> Table:
    def shares(rng: np.random.Generator, n: int) -> np.ndarray:
        return (rng.random((n, 4)) < 0.2).mean(axis=1)

    def of_shape(name: str) -> Callable[[np.random.Generator, int], np.ndarray]:
        return lambda rng, n: SHAPES[name].of_z(rng.normal(size=n))

    worlds: list[tuple[str, Kind, Callable[[np.random.Generator, int], np.ndarray], float]] = [
        ("scores, normal: median", "bounded", lambda rng, n: scores(rng.normal(size=n)), 0.5),
        ("losses, t(1.5): median", "unbounded", of_shape("losses, t(1.5)"), 0.0),
        ("losses, 20 % infinite: median", "unbounded", of_shape("losses, 20 % infinite"), float(np.exp(ndtri(0.7)))),
        ("diverged, 20 %: chance", "event", of_shape("diverged, 20 %"), 0.2),
        ("diverged, 4 settings: chance", "event", shares, 0.2),
    ]

    def row(name: str, kind: Kind, draw: Callable[..., np.ndarray], truth: float) -> list[str]:
        cells = []
        for n in SIZES:
            rng = stream("numbers", name, n)
            tests = (PerSeed(draw(rng, n), None, kind).test() for _ in range(repetitions))
            cells.append(share_of([two_sided(test, truth) <= ALPHA for test in tests]))
        rng, question = stream("numbers", name), Question("higher", threshold=truth, centre=truth, n_looks=len(LOOKS))
        many = (PerSeed(draw(rng, LOOKS[-1]), None, kind) for _ in range(repetitions))
        return [name, *cells, share_of([at_any_look(question, sample) for sample in many])]

    return Table(
        "False positives against a number: the truth",
        "How often the true median or chance is rejected, by number of seeds, and at any of the looks.",
        ("quantity", *map(str, SIZES), "any look"),
        worlds,
        row,
    )
