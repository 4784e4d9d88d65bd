"""Tables of simulations: one row for each case, all rows computed on all cores, printed in order as Markdown."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from textwrap import wrap
from typing import Any

import numpy as np

LINE = 120  # letters


@dataclass(frozen=True)
class Table:
    title: str
    note: str  # how to read it
    head: Sequence[str]
    cases: Sequence[Sequence[Any]]
    row: Callable[..., Sequence[str]]  # of one case


_TABLES: list[Table] = []  # what the forked workers compute: functions within functions cannot be sent to them


def printed(tables: Sequence[Table]) -> Iterator[str]:
    """The lines of all tables, each as soon as it is known."""
    _TABLES[:] = tables
    jobs = [(place, case) for place, table in enumerate(tables) for case in range(len(table.cases))]
    with get_context("fork").Pool() as pool:
        for (place, case), row in zip(jobs, pool.imap(_row, jobs), strict=True):
            table = tables[place]
            if case == 0:
                yield from ("", f"## {table.title}", "", *wrap(table.note, LINE, break_on_hyphens=False), "")
                yield from (f"| {' | '.join(table.head)} |", f"|{'---|' * len(table.head)}")
            yield f"| {' | '.join(row)} |"


def _row(job: tuple[int, int]) -> list[str]:
    table = _TABLES[job[0]]
    row = list(table.row(*table.cases[job[1]]))
    if len(row) != len(table.head):
        raise ValueError(f"{table.title}: {len(row)} cells under {len(table.head)} heads")
    return row


def share_of(hits: Sequence[bool]) -> str:
    return f"{np.mean(hits):.3f}" if len(hits) else "-"


def most(alpha: float, repetitions: int) -> float:
    """A share of alpha plus two standard errors."""
    return alpha + 2 * math.sqrt(alpha * (1 - alpha) / repetitions)


def yes(value: bool) -> str:
    return "yes" if value else "no"
