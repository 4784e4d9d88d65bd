"""Learning rates chosen by the data: how often sides that are equally good at their best rates are told apart."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import Literal

import former
import numpy as np
from tables import Table, share_of
from worlds import ALPHA, LOOKS, N_DRAWN, cautious, normals, quick, stream

from rnnlab.statistics import rates
from rnnlab.statistics.decision import Question
from rnnlab.statistics.kinds import Kind
from rnnlab.statistics.looks import taken
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.shift_tests import two_sided

N_SLOW = 400  # repetitions of what the lab did before and of what it does not do, at most: they take long

DESIGNS = {
    "1": ((0.5,), (0.5,)),
    "2 equal": ((0.5,) * 2, (0.5,) * 2),
    "2 unequal": ((0.5, 0.45), (0.5, 0.45)),
    "4 equal": ((0.5,) * 4, (0.5,) * 4),
    "4 unequal": ((0.5, 0.48, 0.45, 0.3), (0.5, 0.48, 0.45, 0.3)),
    "1 against 4 unequal": ((0.5,), (0.5, 0.46, 0.45, 0.44)),
    "4 equal against one good": ((0.5,) * 4, (0.5, 0.3, 0.3, 0.3)),
    "4, the best ones differ": ((0.5, 0.45, 0.3, 0.2), (0.2, 0.3, 0.45, 0.5)),
    "4 unequal, 1 sd better": ((0.6, 0.58, 0.55, 0.4), (0.5, 0.48, 0.45, 0.3)),
    "4, the best ones differ, 1 sd better": ((0.6, 0.55, 0.4, 0.3), (0.2, 0.3, 0.45, 0.5)),
}


def sides(rng: np.random.Generator, name: str, n: int, better: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """The scores of both sides, (rates, seeds); half of a score's variance is that of its seed."""
    ours, theirs = DESIGNS[name]
    z = 0.1 * normals(rng, 2, n, max(len(ours), len(theirs)), 0.5)
    x, y = (np.clip(z[k].T[: len(side)] + np.array(side)[:, None], 0.01, 0.9) for k, side in enumerate((ours, theirs)))
    return x + better, y


def tuning_seeds(x: np.ndarray, y: np.ndarray) -> float:
    tuning, scoring = rates.split(range(x.shape[1]))
    one, other = rates.choose(x[:, tuning]).index, rates.choose(y[:, tuning]).index
    return two_sided(quick(PerSeed(x[one, scoring], y[other, scoring], "bounded", True)), 0.0)


def every_rate(x: np.ndarray, y: np.ndarray) -> float:
    return two_sided(quick(rates.Tuned(x, y, x, y, "bounded", True, "higher")), 0.0)


def every_rate_of_losses(x: np.ndarray, y: np.ndarray) -> float:
    return two_sided(quick(rates.Tuned(-np.log(x), -np.log(y), x, y, "unbounded", True, "lower")), 0.0)


def all_pairs_of_rates(x: np.ndarray, y: np.ndarray) -> float:
    return two_sided(quick(rates.Tuned(x, y, x, y, "bounded", True)), 0.0)


def left_one_out_inside(x: np.ndarray, y: np.ndarray) -> float:
    """Each seed at the rate that the other seeds choose, the choice repeated in every permutation."""
    flips = np.random.default_rng(0).integers(2, size=(N_DRAWN, 1, x.shape[1])).astype(bool)
    flips[0] = False
    found = _left_out(np.where(flips, y, x)) - _left_out(np.where(flips, x, y))
    return float(np.mean(np.abs(found) >= abs(found[0]) - 1e-12))


def _left_out(scores: np.ndarray) -> np.ndarray:
    """(flips, rates, seeds) -> (flips,)"""
    rate = np.argmax(np.round(scores.sum(axis=2, keepdims=True) - scores, 10), axis=1)[:, None, :]
    return np.asarray(np.take_along_axis(scores, rate, axis=1)[:, 0, :].mean(axis=1))


METHODS = {
    "tuning seeds": tuning_seeds,
    "every rate of the other": every_rate,
    "the same, losses by ranks": every_rate_of_losses,
    "all pairs of rates": all_pairs_of_rates,
    "left one out, in each flip": left_one_out_inside,
    "former": former.tuned_p,
}


SAME_RATES = ("left one out, in each flip",)  # needs as many rates on both sides


def learning_rates(repetitions: int) -> Table:
    sizes = (10, 20, 40)

    def row(name: str, method: str) -> list[str]:
        cells, many = (
            [],
            min(N_SLOW, repetitions) if method in ("left one out, in each flip", "former") else repetitions,
        )
        for n in sizes:
            rng = stream("rates", name, n)
            cells.append(share_of([METHODS[method](*sides(rng, name, n)) <= ALPHA for _ in range(many)]))
        return [name, method, *cells]

    return Table(
        "Learning rates: how often two tuned sides are told apart",
        "Both sides are equally good at their best rate, except in the last two designs, where it is power. Judged is "
        "by every rate of the other side; by all pairs where a quantity has no better side; the rest was not taken.",
        ("rates of each side", "chosen", *map(str, sizes)),
        [(name, method) for name, method in product(DESIGNS, METHODS) if method not in SAME_RATES or "1 a" not in name],
        row,
    )


def rates_at_looks(repetitions: int) -> Table:
    quantities: dict[Kind, tuple[Callable[[np.ndarray], np.ndarray], Literal["higher", "lower"]]] = {
        "bounded": (lambda score: score, "higher"),
        "event": (lambda score: (score > 0.45).astype(float), "higher"),  # learned
        "unbounded": (lambda score: np.where(score < 0.35, np.inf, -np.log(score)), "lower"),  # 7 % diverge
    }

    def row(name: str, kind: Kind) -> list[str]:
        rng, found, denied = stream("rates at looks", name, kind), [], []
        of_score, better = quantities[kind]
        question = Question("higher", n_looks=len(LOOKS), margin=0.1)
        for _ in range(repetitions):
            x, y = sides(rng, name, LOOKS[-1])
            parts = taken(rates.Tuned(of_score(x), of_score(y), x, y, kind, True, better), LOOKS)
            found.append(any(question.p_difference(quick(part)) <= ALPHA for part in parts))
            if kind == "bounded":
                x, y = sides(rng, name, LOOKS[-1], better=0.1)
                parts = taken(rates.Tuned(x, y, x, y, kind, True, better), LOOKS)
                denied.append(any(question.p_no_difference(cautious(part)) <= ALPHA for part in parts))
        return [name, kind, share_of(found), share_of(denied)]

    designs = [name for name in DESIGNS if name != "1" and "better" not in name]
    return Table(
        f"Learning rates chosen anew at each of the looks {LOOKS}",
        'How often two sides that are equally good at their best rates are told apart at any look; and how often "no '
        'difference that matters" is concluded at any look where one side is better by the margin, .1, at all rates.',
        ("rates of each side", "quantity", "false difference", "false none"),
        list(product(designs, quantities)),
        row,
    )
