"""Worlds of which the truth is known: what the seeds of a sweep do, drawn from a random stream.

Within a seed the sides share half of their variance, as they share data and first weights; `share` is the share of the
variance of a setting that the seed decides.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import ndtr, ndtri

from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.looks import planned
from rnnlab.statistics.per_seed import Numbers, PerSeed
from rnnlab.statistics.shift_tests import Test

ALPHA = 0.05
N_DRAWN = 999  # flips: fewer than in a report, as there are many tests and no small p-values
LOOKS = planned(80)

Draw = Callable[[np.random.Generator, int], tuple[np.ndarray, np.ndarray]]
"""(random stream, seeds) -> the numbers of both sides, (seeds,) each"""


@dataclass(frozen=True)
class Shape:
    kind: Kind
    of_z: Callable[[np.ndarray], np.ndarray]  # from standard normal numbers


def scores(z: np.ndarray) -> np.ndarray:
    return np.clip(0.5 + 0.1 * z, 0, 1)


def updates(z: np.ndarray, n_rows: int, never: float) -> np.ndarray:
    """The row of curves.csv in which a threshold is reached: few different values, so there are ties, and infinity."""
    u = ndtr(z)
    return np.where(u > 1 - never, np.inf, 100 * np.ceil(n_rows * u / (1 - never)))


SHAPES = {
    "scores, normal": Shape("bounded", scores),
    "scores, solved or not": Shape("bounded", lambda z: np.where(ndtr(z) < 0.4, 0.02, 0.98) + 0.01 * np.sin(9 * z)),
    "scores, 20 % diverge": Shape(
        "bounded", lambda z: np.where(ndtr(z) < 0.2, 0.0, scores(ndtri(np.clip(ndtr(z) / 0.8 - 0.25, 1e-9, 1 - 1e-9))))
    ),
    "diverged, 20 %": Shape("event", lambda z: (ndtr(z) < 0.2).astype(float)),
    "losses, t(1.5)": Shape("unbounded", lambda z: stats.t.ppf(ndtr(z), 1.5)),
    "losses, 20 % infinite": Shape("unbounded", lambda z: np.where(ndtr(z) < 0.2, np.inf, np.exp(z))),
    "updates to a threshold": Shape("unbounded", lambda z: updates(z, n_rows=10, never=0.4)),
    "updates, most never": Shape("unbounded", lambda z: updates(z, n_rows=4, never=0.8)),
}


def normals(rng: np.random.Generator, sides: int, n: int, settings: int = 1, share: float = 1.0) -> np.ndarray:
    """(sides, seeds, settings) of standard normal numbers; the sides of a seed are correlated."""
    common, own = rng.normal(size=(1, n, 1)), rng.normal(size=(sides, n, 1))
    seed = np.sqrt(0.5) * common + np.sqrt(0.5) * own
    return np.sqrt(share) * seed + np.sqrt(1 - share) * rng.normal(size=(sides, n, settings))


def normal(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Scores; `of` is better by .1, one standard deviation of a side and of their difference."""
    z = normals(rng, 2, n)[..., 0]
    return scores(z[0]) + 0.1, scores(z[1])


def solved(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    u = ndtr(normals(rng, 2, n)[..., 0])
    return (u[0] < 0.7).astype(float), (u[1] < 0.5).astype(float)


def heavy(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    z = SHAPES["losses, t(1.5)"].of_z(normals(rng, 2, n)[..., 0])
    return z[0] + 0.5, z[1]


def rare(rng: np.random.Generator, n: int, chance: float, advantage: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Both sides score .9 but for noise; `of` is better by `advantage` and fails altogether with a small chance."""
    against = np.clip(0.9 + 0.001 * rng.normal(size=n), 0, 1 - advantage)
    return np.where(rng.random(n) < chance, 0.0, against + advantage), against


def lucky(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray]:
    """`of` is worse by .02, but one seed in ten solves the task: the mean difference is .07."""
    against = 0.05 + 0.001 * rng.normal(size=n)
    return np.where(rng.random(n) < 0.1, against + 0.88, against - 0.02), against


def per_seed(shape: Shape, of: np.ndarray, against: np.ndarray, paired: bool = True) -> PerSeed:
    """From (seeds, settings) to the mean of each seed."""
    return PerSeed(of.mean(axis=-1), against.mean(axis=-1), shape.kind, paired)


def quick(numbers: Numbers, n_drawn: int = N_DRAWN) -> Test:
    return numbers.test(n_drawn, n_drawn + 1)


def cautious(numbers: Numbers) -> Test:
    """The test that knows of rare events, which needs no flips."""
    return numbers.test(1, 2).cautious


def stream(*name: object) -> np.random.Generator:
    """Every cell of a table has a random stream of its own, from its name."""
    return np.random.default_rng(zlib.crc32(repr(name).encode()))
