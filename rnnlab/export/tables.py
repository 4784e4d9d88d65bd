"""The tables of rnnlab.load as blocks of columns.  Predictions and gradients are read run by run, never all at once.

    runs          one row per run                      verdicts   one row per comparison of a claim
    curves        one row per run and evaluation       pairs      one row per task and pair of what is compared
    predictions   one row per run and answer           problems   what failed, is missing or cannot be read
    gradients     one row per run, step, layer and time step

docs/python.md lists their columns.  The columns of a table are those of all runs together, in the order of their first
appearance.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from rnnlab.export.source import Source, Value, setting
from rnnlab.records.files import RecordError
from rnnlab.report.judging.conditions import design_of
from rnnlab.report.judging.pairs import pairs_of
from rnnlab.report.judging.verdicts import judge
from rnnlab.report.page.tables import pair_rows, verdict_rows
from rnnlab.report.reading.study import Run

Kind = type[bool] | type[int] | type[float] | type[str]
Block = Mapping[str, Sequence[Any]]  # columns of equal length; None stands for an entry that is not there
ROWS = 1000  # of a block of a table that is in memory
KINDS: dict[str, Kind] = {"i": int, "f": float, "U": str}  # of the columns that records.tables.read_table gives


@dataclass(frozen=True)
class Table:
    """columns: the kind of each.  blocks() begins at the first block at every call."""

    name: str
    columns: Mapping[str, Kind]
    blocks: Callable[[], Iterator[Block]]


def tables(source: Source) -> Iterator[Table]:
    """All tables that have rows.  problems comes last: it holds what could not be read of the tables before it."""
    study = source.study
    design = design_of(study.members, study.following)
    found = [
        _of_rows("runs", study.rows()),
        _of_runs("curves", source, lambda run: _curves(study.curves.get(run.run_id, {}))),
        _of_runs("predictions", source, lambda run: study.predictions(run.run_id)),
        _of_runs("gradients", source, lambda run: study.gradients(run.run_id)),
        _of_rows("verdicts", verdict_rows(judge(study, design))),
        _of_rows("pairs", pair_rows(pairs_of(study, design))),
        _of_rows("problems", map(asdict, source.problems)),
    ]
    yield from (table for table in found if table.columns)


def _curves(curves: Mapping[str, np.ndarray]) -> Mapping[str, np.ndarray]:
    """What is read of curves.csv is float; step is a whole number."""
    return {name: column.astype(np.int64) if name == "step" else column for name, column in curves.items()}


def _of_rows(name: str, rows: Iterable[Mapping[str, Any]]) -> Table:
    rows = list(rows)
    found: dict[str, set[Kind]] = {}
    for row in rows:
        for key, value in row.items():
            kinds = found.setdefault(key, set())
            if value is not None:
                kinds.add(_kind_of(setting(value)))
    columns = {key: _kind(kinds) for key, kinds in found.items()}

    def blocks() -> Iterator[Block]:
        for start in range(0, len(rows), ROWS):
            part = rows[start : start + ROWS]
            yield {key: [_entry(row.get(key), kind) for row in part] for key, kind in columns.items()}

    return Table(name, columns, blocks)


def _of_runs(name: str, source: Source, read: Callable[[Run], Mapping[str, np.ndarray]]) -> Table:
    """A table that is read twice, run by run: first for its columns, then for its rows."""
    found: dict[str, set[Kind]] = {}
    runs = []
    for run in source.study.members:
        try:
            table = read(run)
        except RecordError as error:
            source.cannot_read(run, error)
            continue
        if table:
            runs.append(run)
            for key, column in table.items():
                found.setdefault(key, set()).add(KINDS[column.dtype.kind])
    columns = {key: _kind(kinds) for key, kinds in found.items()}

    def blocks() -> Iterator[Block]:
        for run in runs:
            table = read(run)
            entries = {key: _column(column, columns[key]) for key, column in table.items()}
            yield {"run_id": [run.run_id] * len(next(iter(table.values()))), **entries}

    return Table(name, {"run_id": str, **columns} if columns else {}, blocks)


def _kind_of(value: Value) -> Kind:
    return next(kind for kind in (bool, int, float, str) if isinstance(value, kind))  # a bool is an int, too


def _kind(kinds: set[Kind]) -> Kind:
    """The kind that holds them all: whole numbers are numbers; anything else that is mixed is text."""
    if len(kinds) == 1:
        return next(iter(kinds))
    return float if kinds == {int, float} else str


def _column(column: np.ndarray, kind: Kind) -> list[Any]:
    entries = column.tolist()
    return entries if KINDS[column.dtype.kind] is kind else list(map(kind, entries))


def _entry(value: Any, kind: Kind) -> Any:
    return None if value is None else kind(setting(value))
