"""The table of all runs on the page: a row for each run, and the columns in which runs differ."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab.report.page.explore.blocks import ROWS_AT_ONCE
from rnnlab.report.page.explore.columns import Column


@dataclass(frozen=True)
class RunTable:
    """What stands in the page itself, for readers without JavaScript: the first rows."""

    columns: tuple[Column, ...]

    @property
    def n_runs(self) -> int:
        return len(self.columns[0].values)

    @property
    def rows(self) -> Iterator[tuple[Any, ...]]:
        """Numbers and text; None where a run does not have the entry."""
        return zip(*(column.values[:ROWS_AT_ONCE] for column in self.columns), strict=True)


def run_table(columns: Sequence[Column]) -> RunTable:
    return RunTable(tuple(column for column in columns if column.in_table))
