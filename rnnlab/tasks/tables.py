"""A table of numbers from a CSV file: its columns by name, and errors that name row and column.

Lines that begin with # are comments.  The first line is the header if nothing in it is a number.  A file without a
header takes the names of its columns from the last comment with as many fields; else they are 0, 1, 2, ...
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab.options import ConfigError


@dataclass(frozen=True)
class Table:
    """names of the columns; the fields as text; the line of the file that each row ends on, from 1."""

    path: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]

    def place(self, column: str, option: str) -> int:
        """The position of a column that is given by its name or its number from 0.  option: the one that gave it.
        Raises ConfigError."""
        if column in self.names:
            return self.names.index(column)
        if column.isdecimal() and int(column) < len(self.names):
            return int(column)
        raise ConfigError(
            f"task.{option}: {column!r}; no such column in {self.path}; there are {', '.join(self.names)}"
        )

    def numbers(self, places: Sequence[int]) -> np.ndarray:
        """(rows, columns) float64.  Raises ConfigError for the first field that is not a finite number."""
        numbers = np.empty((len(self.rows), len(places)))
        for n, row in enumerate(self.rows):
            for k, place in enumerate(places):
                numbers[n, k] = value = as_number(row[place])
                if not math.isfinite(value):
                    found = repr(row[place]) if row[place] else "nothing"
                    raise ConfigError(
                        f"task.path: {self.path!r}; line {self.lines[n]}, column {self.names[place]}: {found}, where a "
                        "finite number must be (task.columns says which columns are read)"
                    )
        return numbers


def as_number(field: str) -> float:
    """A field as a number; NaN for one that is not a number."""
    try:
        return math.nan if "_" in field else float(field)  # Python reads 1_000 as a number
    except ValueError:
        return math.nan


def read_table(path: str, text: str) -> Table:
    """The table in a file's text.  Raises ConfigError where it has none, or rows differ in length."""
    comments, kept, lines = [], [], []
    reader = csv.reader(io.StringIO(text))
    try:
        for row in reader:
            fields = tuple(field.strip() for field in row)
            if fields and fields[0].startswith("#"):
                comments.append((fields[0].removeprefix("#").strip(), *fields[1:]))
            elif any(fields):
                kept.append(fields)
                lines.append(reader.line_num)
    except csv.Error as error:
        raise ConfigError(f"task.path: {path!r}; line {reader.line_num} cannot be read ({error})") from None
    if not kept:
        raise ConfigError(f"task.path: {path!r}; the table is empty")
    n = len(kept[0])
    names = next((row for row in reversed(comments) if len(row) == n), tuple(map(str, range(n))))
    if all(math.isnan(as_number(field)) for field in kept[0]):
        names, *kept = kept
        lines = lines[1:]
    for fields, line in zip(kept, lines, strict=True):
        if len(fields) != n:
            raise ConfigError(f"task.path: {path!r}; line {line} has {len(fields)} fields, and the table {n} columns")
    return Table(path, names, tuple(kept), tuple(lines))
