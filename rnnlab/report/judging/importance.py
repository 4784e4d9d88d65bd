"""What matters: how much each swept key has to do with the score of a run, and with whether it diverged.

A forest of extremely randomized trees learns the mean of each condition from all folds but one, and predicts the runs
of the fold that was held out.  The folds are of seeds, so that runs which share data and first weights are never on
both sides.  The importance of a key is what the forest loses when its values are shuffled among the held-out runs:

    importance = (squared error with the key shuffled - squared error) / (2 x variance of all runs)

It is the permutation importance of L. Breiman, Random Forests (2001), section 10.  The 2 makes it the share of the
variance that the key has to do with: 1 for a key that decides everything (the total effect of T. Homma and A. Saltelli,
Reliability Engineering and System Safety 52, 1996).  Here it is the mean over all ways to shuffle, not over some: a key
has few values, so that the forest can predict each.  P. Geurts et al., Extremely randomized trees (2006).

It describes these runs and their grid, and tests nothing.  Importances do not add up: what two keys do together counts
for both.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from rnnlab.report.judging.conditions import TASK, Condition, Design
from rnnlab.report.judging.labels import by_value, written
from rnnlab.report.judging.quantities import score

Quantity = Literal["score", "diverged"]
MOST_FOLDS, MOST_VALUES, N_TREES = 5, 24, 30
MOST_CONDITIONS = 2000  # of a random search: a forest of so many takes seconds


@dataclass(frozen=True)
class KeyImportance:
    """of_folds: by fold, the share of the variance between runs that the key has to do with; below 0 by chance."""

    key: str
    of_folds: tuple[float, ...]

    @property
    def mean(self) -> float:
        return float(np.mean(self.of_folds))

    @property
    def span(self) -> tuple[float, float]:
        """Over the folds, the lowest and the highest."""
        return min(self.of_folds), max(self.of_folds)


@dataclass(frozen=True)
class Importance:
    """explained: by fold, the share of the variance between runs that the forest predicts with no key shuffled."""

    quantity: Quantity
    keys: tuple[KeyImportance, ...]  # the most important first
    explained: tuple[float, ...]
    n_runs: int
    n_seeds: int


@dataclass(frozen=True)
class _Cells:
    """By fold and condition, (folds, conditions): the runs, the sum of what is predicted, and of its square."""

    count: np.ndarray
    total: np.ndarray
    squares: np.ndarray


def importances_of(design: Design) -> tuple[Importance, ...]:
    """For the score and for divergence.  Nothing where fewer than two keys were swept, where there are no two seeds to
    tell apart what is held out, and of what is the same in all runs."""
    if len(design.axes) < 2 or not 0 < len(design.conditions) <= MOST_CONDITIONS:
        return ()
    codes = np.column_stack([_codes(design.conditions, key) for key in design.axes])
    seeds = sorted({run.seed for condition in design.conditions for run in condition.completed}, key=by_value)
    n_folds = min(MOST_FOLDS, len(seeds))
    if n_folds < 2:
        return ()
    fold_of = {seed: n % n_folds for n, seed in enumerate(seeds)}
    found = []
    for quantity in ("score", "diverged"):
        cells = _cells(design.conditions, quantity, fold_of, n_folds)
        n = cells.count.sum()
        variance = cells.squares.sum() / n - (cells.total.sum() / n) ** 2 if n else 0.0
        if variance > 1e-12 and (cells.count.sum(axis=1) > 0).all():
            found.append(_importance(quantity, design.axes, codes, cells, variance, len(seeds)))
    return tuple(found)


def _codes(conditions: Sequence[Condition], key: str) -> np.ndarray:
    """Of each condition the place of its value among all values of the key."""
    values = [condition.task if key == TASK else condition.values.get(key) for condition in conditions]
    places = {text: n for n, text in enumerate(dict.fromkeys(map(written, sorted(values, key=by_value))))}
    return np.array([places[written(value)] for value in values])


def _cells(conditions: Sequence[Condition], quantity: Quantity, fold_of: dict[object, int], n_folds: int) -> _Cells:
    count, total, squares = np.zeros((3, n_folds, len(conditions)))
    for place, condition in enumerate(conditions):
        for run in condition.completed:
            value = score(run) if quantity == "score" else float(run.diverged)
            if not math.isnan(value):
                fold = fold_of[run.seed]
                count[fold, place] += 1
                total[fold, place] += value
                squares[fold, place] += value**2
    return _Cells(count, total, squares)


def _importance(
    quantity: Quantity, keys: Sequence[str], codes: np.ndarray, cells: _Cells, variance: float, n_seeds: int
) -> Importance:
    from sklearn.ensemble import ExtraTreesRegressor  # takes a second to import

    of_key: dict[str, list[float]] = {key: [] for key in keys}
    explained = []
    for fold, count in enumerate(cells.count):
        train = cells.count.sum(axis=0) - count
        seen = train > 0
        means = (cells.total.sum(axis=0) - cells.total[fold])[seen] / train[seen]
        forest = ExtraTreesRegressor(N_TREES, random_state=0)
        forest.fit(codes[seen], means, sample_weight=train[seen])

        def error(predicted: np.ndarray, fold: int = fold, count: np.ndarray = count) -> float:
            """Mean squared error of the held-out runs.  predicted: (conditions,)"""
            errors = cells.squares[fold] - 2 * predicted * cells.total[fold] + predicted**2 * count
            return float(errors.sum() / count.sum())

        values, shares = zip(*(_spread(column, count) for column in codes.T), strict=True)
        shuffled = [_with(codes, place, value) for place in range(len(keys)) for value in values[place]]
        intact, *others = np.split(forest.predict(np.vstack([codes, *shuffled])), 1 + len(shuffled))
        explained.append(float(1 - error(intact) / variance))
        each = iter(others)
        for key, of_values in zip(keys, shares, strict=True):
            mixed = sum(share * error(next(each)) for share in of_values)
            of_key[key].append(float(mixed - error(intact)) / (2 * variance))
    found = sorted((KeyImportance(key, tuple(own)) for key, own in of_key.items()), key=lambda one: -one.mean)
    return Importance(quantity, tuple(found), tuple(explained), int(cells.count.sum()), n_seeds)


def _spread(column: np.ndarray, count: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The values of a key among the held-out runs and their shares; of many, some that stand for the others."""
    values = np.unique(column)
    shares = np.array([count[column == value].sum() for value in values]) / count.sum()
    if len(values) <= MOST_VALUES:
        return values, shares
    quantiles = (np.arange(MOST_VALUES) + 0.5) / MOST_VALUES
    places = np.minimum(np.searchsorted(np.cumsum(shares), quantiles), len(values) - 1)
    return values[places], np.full(MOST_VALUES, 1 / MOST_VALUES)


def _with(codes: np.ndarray, place: int, value: int) -> np.ndarray:
    changed = codes.copy()
    changed[:, place] = value
    return changed
