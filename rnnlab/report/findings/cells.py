"""The runs that one cell of a table is about.

Where settings are tuned, a cell chooses them as a claim does: the first seeds (rates.TUNING_SHARE of them) by their
validation losses; then only the runs of the other seeds at these settings count.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlab.report.findings.queries import TUNING, Table
from rnnlab.report.findings.stored import SEED, Key, Row
from rnnlab.report.judging.labels import by_value
from rnnlab.report.judging.samples import is_at_edge
from rnnlab.statistics.rates import choose, split


@dataclass(frozen=True)
class Cell:
    """runs: those that count.  n_choosing: the seeds that chose settings and do not count."""

    runs: tuple[Row, ...]
    chosen: Mapping[str, Any]
    n_choosing: int = 0
    at_edge: bool = False  # the first or the last of three values or more was chosen

    @property
    def n_seeds(self) -> int:
        return len({run[SEED] for run in self.runs})


def cells_of(table: Table, runs: Iterable[Row], rows: Sequence[Key], columns: Sequence[Key]) -> dict[Key, Cell]:
    """By the values of a row and a column together."""
    own: dict[Key, list[Row]] = {(*row, *column): [] for row in rows for column in columns}
    for run in runs:
        own[tuple(run.get(key) for key in (*table.rows, *table.columns))].append(run)
    return {
        values: _tuned(found, table.tuned) if table.tuned and found else Cell(tuple(found), {})
        for values, found in own.items()
    }


def _tuned(runs: Sequence[Row], keys: Sequence[str]) -> Cell:
    """The runs of the scoring seeds at the settings that the tuning seeds choose."""
    groups: dict[Key, dict[Any, list[Row]]] = {}
    for run in runs:
        groups.setdefault(tuple(run.get(key) for key in keys), {}).setdefault(run[SEED], []).append(run)
    alternatives = sorted(groups, key=lambda values: [by_value(value) for value in values])
    seeds = sorted(set.intersection(*(set(seeds) for seeds in groups.values())), key=by_value)
    if len(seeds) < 2:  # of a single seed no other seed can choose
        return Cell((), {})
    choosing, scoring = split(seeds)
    scores = [[_mean_score(groups[each][seed]) for seed in choosing] for each in alternatives]
    best = alternatives[choose(np.array(scores)).index]
    counted_runs = tuple(run for seed in scoring for run in groups[best][seed])
    tried = [sorted({each[n] for each in alternatives}, key=by_value) for n in range(len(keys))]
    at_edge = any(len(own) > 2 and is_at_edge(value, own) for own, value in zip(tried, best, strict=True))
    return Cell(counted_runs, dict(zip(keys, best, strict=True)), len(choosing), at_edge)


def _mean_score(runs: Sequence[Row]) -> float:
    return float(np.mean([run[TUNING] for run in runs]))
