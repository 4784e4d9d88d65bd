"""A table of conditions from the stored runs: for each row and column what its runs came to, over all their seeds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnlab.options import ConfigError
from rnnlab.records.conditions import check, meet
from rnnlab.records.groups import full, near
from rnnlab.records.metrics import labelled, metric_of, title_of
from rnnlab.report.findings.cells import Cell, cells_of
from rnnlab.report.findings.queries import CHOSEN, DIVERGED_AT, Query, Table, Value
from rnnlab.report.findings.stored import OUTCOME, RUNS, Key, Stored, values_of
from rnnlab.report.judging.conditions import TASK
from rnnlab.report.judging.labels import short, written
from rnnlab.report.page import markdown
from rnnlab.report.words.intervals import value_words
from rnnlab.report.words.sentences import words
from rnnlab.report.words.wording import number, spanned
from rnnlab.statistics import summaries
from rnnlab.statistics.survival import reached


@dataclass(frozen=True)
class Filled:
    """A table whose keys have their full names.  cells: by the values of a row and a column together.  loss: of the
    task of the table, "" of several."""

    table: Table
    rows: Sequence[Key]
    columns: Sequence[Key]
    cells: Mapping[Key, Cell]
    loss: str


def table_lines(query: Query, table: Table, stored: Stored) -> list[str]:
    """Markdown.  Raises ConfigError for a key, a condition or a value that the stored runs do not have."""
    filled = fill_table(query, table, stored)
    table, columns, cells, loss = filled.table, filled.columns, filled.cells, filled.loss
    heads = [short(key, stored.axes) for key in table.rows] + (["published"] if table.published else [])
    for column in columns:
        of = words(dict(zip(table.columns, column, strict=True)))
        titles = [_title(value, loss) for value in table.values]
        heads += [f"{of}: {title}" for title in titles] if of and len(titles) > 1 else [of] if of else titles
    lines = [markdown.row(heads), "|" + "---|" * len(heads)]
    for row in filled.rows:
        names = tuple(map(written, row))
        entries = [table.published.get(names, "")] if table.published else []
        entries += [_entry(value, cells[*row, *column]) for column in columns for value in table.values]
        lines.append(markdown.row([*names, *entries]))
    shown = [cell for cell in cells.values() if cell.runs]
    return [*lines, "", _note(table, shown, loss)]


def fill_table(query: Query, table: Table, stored: Stored) -> Filled:
    """Raises ConfigError as `table_lines` does."""
    table = _with_full_names(query, table, stored)
    runs = [run for run in stored.completed if meet(run, table.where)]
    if not runs:
        raise ConfigError(f"{query.place}: where={' '.join(c.text for c in table.where)!r}; no run meets all of it")
    rows, columns = (values_of(keys, runs) for keys in (table.rows, table.columns))
    losses = {stored.facts["losses"].get(run[TASK], "") for run in runs}
    loss = losses.pop() if len(losses) == 1 else ""
    cells = cells_of(table, runs, rows, columns)
    if not any(cell.runs for cell in cells.values()):
        raise ConfigError(f"{query.place}: tuned={','.join(table.tuned)!r}; not two seeds have runs at all settings")
    there = [",".join(map(written, row)) for row in rows]
    for own in map(",".join, table.published):
        if own not in there:
            raise ConfigError(
                f"{query.place}: published={own!r}; no such row; there is {'; '.join(there)}{near(own, there)}"
            )
    return Filled(table, rows, columns, cells, loss)


def published_rows(query: Query, table: Table, stored: Stored) -> list[tuple[str, str, str, str]]:
    """Of each row with a published number: its condition, the title of the value, what is published, what is here."""
    filled = fill_table(query, table, stored)
    (column,), value = filled.columns, table.values[0]
    rows = {tuple(map(written, row)): row for row in filled.rows}
    found = []
    for names, number_there in table.published.items():
        condition = words(dict(zip(filled.table.rows, rows[names], strict=True)))
        median = _entry(replace(value, spread=""), filled.cells[*rows[names], *column])
        found.append((condition, _title(value, filled.loss), number_there, median))
    return found


def _with_full_names(query: Query, table: Table, stored: Stored) -> Table:
    """The table with `task` for task.name and so on.  Raises ConfigError for what is not there."""

    def known(part: str) -> tuple[str, ...]:
        keys = tuple(full(key, stored.axes) for key in getattr(table, part))
        for key in keys:
            if key not in stored.axes:
                there = ", ".join(stored.axes)
                raise ConfigError(f"{query.place}: {part}={key!r}; no such key was swept; there is {there}"
                                  f"{near(key, stored.axes)}")  # fmt: skip
        return keys

    rows, columns, tuned = map(known, ("rows", "columns", "tuned"))
    settings = [{axis: run[axis] for axis in stored.axes if axis in run} for run in stored.completed]
    try:
        check(table.where, settings)  # who chooses runs by their results can show anything
    except ConfigError as error:
        raise ConfigError(f"{query.place}: where: {error}") from None
    for name in table.recorded:
        if not any(name in run for run in stored.runs):
            raise ConfigError(
                f"{query.place}: values={name!r}; {stored.folder / RUNS} has no such column: fill the page from the "
                "records (rnnlab-report DIR --fill PAGE)"
            )
    return replace(table, rows=rows, columns=columns, tuned=tuned)


def _entry(value: Value, cell: Cell) -> str:
    runs = cell.runs
    if not runs:
        return ""
    if value.name == CHOSEN:
        return words(cell.chosen) if len(cell.chosen) > 1 else ", ".join(map(written, cell.chosen.values()))
    if value.name in ("learned", "diverged"):
        return f"{sum(run[OUTCOME] == value.name for run in runs)} of {len(runs)}"
    numbers = np.array([run[value.name] for run in runs if value.name in run], float)
    if not numbers.size:
        return ""
    if _is_event(value.name):
        return f"{int((numbers == 1).sum())} of {numbers.size}"
    if value.threshold:
        there = reached(numbers)
        return f"{_median_words(there.median)} ({there.n_reached} of {there.n})"
    infinite = [run for run in runs if math.isinf(run.get(value.name, math.nan))]
    shown = _shown(value.name, all(run[OUTCOME] == "diverged" for run in infinite))
    text = shown(summaries.median(numbers))
    if not value.spread:
        return text
    low, high = summaries.quartiles(numbers) if value.spread == "quartiles" else (numbers.min(), numbers.max())
    if np.isinf([low, high]).all():  # then a spread says nothing
        return text
    spread = f"{shown(low)} to {shown(high)}"
    return f"{text} [{spread}]" if value.spread == "quartiles" else f"{text} ({spread})"


def _shown(name: str, is_divergence: bool) -> Callable[[float], str]:
    """How a number is written.  is_divergence: whether it was a divergence that made every infinite number so."""

    def words_of(value: float) -> str:
        if math.isinf(value):
            return "diverged" if is_divergence else number(value)
        return value_words(value, name)

    return words_of


def _median_words(median: float) -> str:
    return "not by half" if math.isinf(median) else number(median)


def _is_event(name: str) -> bool:
    metric = metric_of(name)
    return metric is not None and metric.is_event


def _title(value: Value, loss: str) -> str:
    if value.threshold:
        ((name, threshold),) = value.threshold.items()
        of = "validation score" if name == "score" else title_of(name)
        return f"updates to {of} {written(threshold)}"
    if value.name == DIVERGED_AT:
        return "updates to divergence"
    return value.name if value.name in (CHOSEN, "learned", "diverged") else labelled(value.name, loss)


def _note(table: Table, cells: Sequence[Cell], loss: str) -> str:
    """What the numbers of the table are."""
    said = []
    names, choosing = [value.name for value in table.values], [cell.n_choosing for cell in cells]
    keys = ", ".join(short(key, table.tuned) for key in table.tuned)
    n_edges = sum(cell.at_edge for cell in cells)
    edges = f" {n_edges} of {len(cells)} choices are the first or the last value that was tried." if n_edges else ""
    if names == [CHOSEN]:
        return f"The {keys} that {spanned(choosing, 'seed')} chose by their validation losses.{edges}"
    if len(names) == 1 and table.columns:  # then no head of a column says it
        title = _title(table.values[0], loss)
        said.append(f"{title[0].upper()}{title[1:]}.")
    runs, seeds = [len(cell.runs) for cell in cells], [cell.n_seeds for cell in cells]
    same = (min(seeds), max(seeds)) == (min(runs), max(runs))
    of = spanned(runs, "run") + ("" if same else f" ({spanned(seeds, 'seed')})")
    if any(name not in ("learned", "diverged", CHOSEN) and not _is_event(name) for name in names):
        said.append(f"Medians of {of}." if not all(value.threshold for value in table.values) else f"Of {of}.")
    else:
        said.append(f"Counts of {of}.")
    spreads = {value.spread for value in table.values}
    said += ["In brackets the quartiles."] if "quartiles" in spreads else []
    said += ["In parentheses the least and the greatest."] if "range" in spreads else []
    if any(value.threshold for value in table.values):
        said.append("Updates: the Kaplan-Meier median, and in parentheses how many runs got there.")
    if DIVERGED_AT in names:
        said.append("Updates to divergence: of the runs that diverged.")
    if table.tuned:
        said.append(f"At the {keys} that {spanned(choosing, 'other seed')} chose by their validation losses.{edges}")
    return " ".join(said)
