"""The learning rate of each condition, chosen by other seeds than the one that is scored.

Each seed is scored at the rate with the highest mean score over the *other* seeds; among equal ones, at the lowest
rate.  So no run is scored at a rate that it helped to choose, and every seed is used.  The score is quantities.score,
of the validation loss.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnlab.report.judging.conditions import RATE
from rnnlab.report.judging.quantities import score
from rnnlab.report.reading.study import Run


def leave_one_out(scores: np.ndarray) -> np.ndarray:
    """(rates, seeds) -> (seeds,): the index of the rate at which each seed is scored.

    A run that is not there is NaN.  A rate is chosen by the seeds that have a run at it, and only for a seed that has
    one, too; -1 where there is no such rate.
    """
    known = ~np.isnan(scores)
    total = np.where(known, scores, 0.0).sum(axis=1, keepdims=True) - np.where(known, scores, 0.0)
    others = known.sum(axis=1, keepdims=True) - known
    mean = np.where(known & (others > 0), total / np.maximum(others, 1), -np.inf)
    return np.where(np.isfinite(mean).any(axis=0), np.argmax(np.round(mean, 12), axis=0), -1)


def tuned(runs: Sequence[Run]) -> dict[object, Run]:
    """From runs that differ in rate and seed only: by seed, the run at the rate that the other seeds chose."""
    by_rate: dict[float, dict[object, Run]] = {}
    for run in runs:
        if run.completed:
            by_rate.setdefault(run.config[RATE], {})[run.seed] = run
    rates, seeds = sorted(by_rate), sorted({seed for of_rate in by_rate.values() for seed in of_rate}, key=str)
    if len(rates) == 1:
        return by_rate[rates[0]]
    choice = leave_one_out(table(by_rate, rates, seeds))
    return {seed: by_rate[rates[n]][seed] for seed, n in zip(seeds, choice, strict=True) if n >= 0}


def table(by_rate: Mapping[float, Mapping[object, Run]], rates: Sequence[float], seeds: Sequence[object]) -> np.ndarray:
    """The scores (rates, seeds), NaN for a run that is not there."""
    return np.array(
        [[score(by_rate[rate][seed]) if seed in by_rate[rate] else np.nan for seed in seeds] for rate in rates]
    )
