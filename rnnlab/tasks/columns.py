"""The columns of a table that a series reads: numbers, and words as one-hot; gaps in them; the rows in order of time.

What cannot be used is named in one line, by file, line and column, with all that must be set.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab.options import ConfigError, written
from rnnlab.tasks.dates import Axis, Order, date_axis, is_compact_date, is_date, number_axis, order_of, parsed
from rnnlab.tasks.tables import WITH_COMMA, Table, is_missing

NO_DATE = "none"  # task.date=none: no column is the axis
MISSING_WAYS = ("error", "interpolate", "drop")


@dataclass(frozen=True)
class Chosen:
    """Positions of columns in a table.  target: one of numbers.  date: of the x axis; None: the rows are numbered.
    remarks: what a person should know of the choice."""

    numbers: tuple[int, ...]
    words: tuple[int, ...]
    target: int
    date: int | None
    remarks: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Inputs:
    """What is read of a table: a row for each of its rows, the oldest first.

    names: of the inputs; that of a category is "column=word".  values: (rows, inputs) float64, NaN where there is none.
    is_word: (inputs,), True for one-hot inputs.  lines: (rows,), of the file.  target: the input that is predicted.
    axis: None where the rows are numbered.  remarks: what a person should know."""

    names: tuple[str, ...]
    values: np.ndarray
    is_word: np.ndarray
    lines: np.ndarray
    target: int
    axis: Axis | None
    remarks: tuple[str, ...]


def choose(
    table: Table,
    columns: Sequence[str] | None,
    categories: Sequence[str] | None,
    target: str | None,
    date: str | None,
    date_format: str | None,
) -> Chosen:
    """The columns that the options of these names choose.  Raises ConfigError where they do not fit the table.

    Where date is null, the first column whose first field is a date is the x axis.  Where the columns to read are
    named, it must do for an axis, or the rows are numbered."""
    remarks: tuple[str, ...] = ()
    at = None if date in (None, NO_DATE) else table.place(str(date), "date")
    if date is None and table.rows:
        at = next((place for place, field in enumerate(table.rows[0]) if is_date(field)), None)
        if at is not None and columns is not None:
            try:
                _axis_and_order(table, at, date_format)
            except ConfigError as error:
                remarks, at = (f"column {table.names[at]} is not the x axis: {error}",), None
    words = tuple(table.place(name, "categories") for name in categories or ())
    named = None if columns is None else [table.place(name, "columns") for name in columns]
    if at is not None and at in (*words, *(named or ())):
        raise ConfigError(
            f"task.date: {table.names[at]!r}; is the x axis, and cannot be one of task.columns or task.categories "
            f"(task.date={NO_DATE}: no column is the x axis)"
        )
    numbers = tuple(place for place in named or range(len(table.names)) if place not in (at, *words))
    if not numbers:
        raise ConfigError(f"task.columns: {written(columns)}; there is no column of numbers to predict")
    predicted = table.place(target, "target") if target is not None else numbers[-1]
    if predicted not in numbers:
        among = "task.columns, and none of task.categories" if predicted in words else "task.columns"
        raise ConfigError(f"task.target: {target!r}; must be one of {among}")
    return Chosen(numbers, words, predicted, at, remarks)


def read_inputs(
    table: Table, chosen: Chosen, missing: str, date_format: str | None, newest_first: bool, n_train: int
) -> Inputs:
    """The chosen columns as numbers.  n_train: rows of the training part; its words are the categories.

    Raises ConfigError for fields that cannot be used, and for dates that are none or that are equal."""
    numbers = {place: table.numbers(place) for place in chosen.numbers}
    _check_fields(table, chosen, numbers, missing)
    axis: Axis | None = None
    order: Order
    if chosen.date is None:
        order = slice(None, None, -1 if newest_first else 1)
    else:
        axis, order = _axis_and_order(table, chosen.date, date_format)
    values = [np.stack([numbers[place] for place in chosen.numbers], axis=1)[order]]
    names = [table.names[place] for place in chosen.numbers]
    remarks = list(axis.remarks) if axis else []
    for place in chosen.words:
        words = np.array(table.column(place))[order].tolist()
        known = sorted({word for word in words[:n_train] if not is_missing(word)})
        values.append(np.array([[math.nan if is_missing(word) else word == one for one in known] for word in words]))
        names += [f"{table.names[place]}={word}" for word in known]
        unknown = Counter(word for word in words if word not in known and not is_missing(word))
        if unknown:
            remarks.append(
                f"task.categories: words of column {table.names[place]} that are not in the training part have inputs "
                f"of 0 only: {in_examples(unknown)}"
            )
    together = np.concatenate(values, axis=1) if len(values) > 1 else values[0]
    is_word = np.arange(len(names)) >= len(chosen.numbers)
    lines = np.array(table.lines)[order]
    return Inputs(tuple(names), together, is_word, lines, chosen.numbers.index(chosen.target), axis, tuple(remarks))


def interpolated(inputs: Inputs) -> np.ndarray:
    """The values with gaps filled: a number lies on the line between the values before and after it (in time, where
    there are dates), a word is the word before.  Gaps at the beginning and at the end stay."""
    values = inputs.values.copy()
    positions = inputs.axis.positions if inputs.axis else np.arange(len(values), dtype=float)
    for column, is_word in zip(values.T, inputs.is_word, strict=True):
        known = np.flatnonzero(~np.isnan(column))
        if not known.size:
            continue
        between = np.arange(known[0], known[-1] + 1)
        if is_word:
            column[between] = column[known[np.searchsorted(known, between, side="right") - 1]]
        else:
            gaps = between[np.isnan(column[between])]
            column[gaps] = np.interp(positions[gaps], positions[known], column[known])
    return values


def in_examples(found: Counter[str], at_most: int = 5) -> str:
    """The most frequent ones, "'a' (3), 'b' (1), ..." """
    shown = ", ".join(f"{word!r} ({n})" for word, n in sorted(found.items(), key=lambda kv: (-kv[1], kv[0]))[:at_most])
    return shown + (", ..." if len(found) > at_most else "")


def _check_fields(table: Table, chosen: Chosen, numbers: Mapping[int, np.ndarray], missing: str) -> None:
    """Raise ConfigError for fields that are no numbers, and for gaps unless task.missing allows them: all in one line,
    each kind with its first place.  numbers: the columns of numbers, by their places."""
    complaints, gaps = {}, []
    for place in sorted((*chosen.numbers, *chosen.words)):
        column = table.column(place)
        suspects = (
            range(len(column)) if place in chosen.words else np.flatnonzero(~np.isfinite(numbers[place])).tolist()
        )
        empty = {n for n in suspects if is_missing(column[n])}
        gaps += [(n, place) for n in empty]
        wrong = [n for n in suspects if n not in empty]
        if wrong and place not in chosen.words:
            all_wrong = len(wrong) + len(empty) == len(column)
            complaints[wrong[0], place] = _advice(table, chosen, place, wrong, all_wrong)
    if gaps and missing == "error":
        which = "the only gap" if len(gaps) == 1 else f"the first of {len(gaps)} gaps"
        complaints[min(gaps)] = f"{which}; task.missing=interpolate fills them, drop reads no window that has one"
    if complaints:
        found = "; ".join(_complaint(table, n, place, complaints[n, place]) for n, place in sorted(complaints))
        raise ConfigError(f"task.path: {table.path!r}; {found}")


def _complaint(table: Table, n: int, place: int, advice: str) -> str:
    field = table.rows[n][place]
    found = repr(field) if field else "nothing"
    return f"line {table.lines[n]}, column {table.names[place]}: {found}, where a finite number must be ({advice})"


def _advice(table: Table, chosen: Chosen, place: int, wrong: list[int], all_wrong: bool) -> str:
    if all_wrong and len(wrong) > 1:
        others = ",".join(_typed(table, other) for other in chosen.numbers if other != place)
        return (
            f"no field of the column is one; task.categories=[{_typed(table, place)}] reads its words, "
            f"task.columns=[{others}] leaves it out"
        )
    if any(WITH_COMMA.fullmatch(table.rows[n][place]) for n in wrong) and table.decimal == "point":
        return "numbers with a decimal point stand elsewhere; task.decimal says which it is"
    return "task.columns says which columns are read" if len(wrong) == 1 else f"the first of {len(wrong)} such fields"


def _axis_and_order(table: Table, at: int, date_format: str | None) -> tuple[Axis, Order]:
    """The axis of a column, the oldest first, and what puts the rows in this order.  Raises ConfigError."""
    name, fields = table.names[at], table.column(at)

    def where(n: int) -> str:
        return f"task.path: {table.path!r}; line {table.lines[n]}, column {name}"

    numbers = table.numbers(at)
    if date_format is None and np.isfinite(numbers).all() and not is_compact_date(fields[0]):
        order = order_of(numbers.tolist())
        axis = number_axis(numbers[order], name)
    else:
        dates = parsed(fields, date_format, where)
        order = order_of(dates)
        axis = date_axis([dates[n] for n in np.arange(len(dates))[order].tolist()], name)
    equal = np.flatnonzero(np.diff(axis.positions) == 0)
    if equal.size:
        earlier, later = sorted(np.arange(len(fields))[order][[equal[0], equal[0] + 1]])
        raise ConfigError(
            f"{where(later)}: {fields[later]!r} stands in line {table.lines[earlier]}, too; every date "
            f"must be there once (task.date={NO_DATE}: no column is the x axis)"
        )
    return axis, order


def _typed(table: Table, place: int) -> str:
    """A column as one types it on the command line: its name, or its number where the name would need quotes."""
    name = table.names[place]
    return name if re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII) and table.names.count(name) == 1 else str(place)
