"""A table from a CSV file: its columns by name, its fields as text, and errors that name line and column.

Lines that begin with # are comments.  The first line is the header if nothing in it is a number or a date.  A file
without a header takes the names of its columns from the last comment with as many fields; else they are 0, 1, 2, ...

What separates the fields, and whether decimals have a point or a comma, is recognised unless it is named.  Fields are
split by the csv module of Python, which counts lines; pandas.read_csv does not say from which line a row comes.
"""

from __future__ import annotations

import csv
import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rnnlab.options import ConfigError
from rnnlab.tasks.dates import is_date
from rnnlab.tasks.files import decoded, recognized_encoding

SEPARATORS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ",", "space": " "}
RECOGNIZED = ("tab", "semicolon", "bar", "comma")  # in this order: a comma may stand in the numbers of the others
DECIMALS = ("point", "comma")
FALLBACK_ENCODING = "cp1252"  # of what is not UTF-8: spreadsheets write it in Western Europe
MISSING = frozenset(("", "na", "n/a", "#n/a", "nan", "null", "none", "-", "?"))  # what stands for no value, in any case

WITH_POINT = re.compile(r"[+-]?\d*\.\d+([eE][+-]?\d+)?|[+-]?\d+\.")
WITH_COMMA = re.compile(r"[+-]?\d*,\d+([eE][+-]?\d+)?|[+-]?\d+,")
IN_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+")


@dataclass(frozen=True)
class Table:
    """names of the columns; the fields as text; the line of the file that each row ends on, from 1.

    separator, decimal, encoding: how it was read, by the names of SEPARATORS, DECIMALS and Python."""

    path: str
    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    lines: tuple[int, ...]
    separator: str = "comma"
    decimal: str = "point"
    encoding: str = "utf-8"

    def place(self, column: str, option: str) -> int:
        """The position of a column that is given by its name or its number from 0.  option: the one that gave it.
        Raises ConfigError."""
        if self.names.count(column) > 1:
            raise ConfigError(
                f"task.{option}: {column!r}; {self.path} has several such columns, give its number from 0"
            )
        if column in self.names:
            return self.names.index(column)
        if column.isdecimal() and int(column) < len(self.names):
            return int(column)
        raise ConfigError(
            f"task.{option}: {column!r}; no such column in {self.path}; there are {', '.join(self.names)}"
        )

    def column(self, place: int) -> list[str]:
        """The fields of a column."""
        return [row[place] for row in self.rows]

    def numbers(self, place: int) -> np.ndarray:
        """A column as numbers, (rows,) float64; NaN for a field that is not a number."""
        column = self.column(place)
        try:  # in nearly all tables this is enough, and ten times as fast
            if self.decimal == "point" and not any("_" in field for field in column):
                return np.array(list(map(float, column)))
        except ValueError:
            pass
        return np.array([as_number(field, self.decimal) for field in column])


def as_number(field: str, decimal: str) -> float:
    """A field as a number; NaN for one that is not a number."""
    if decimal == "comma":
        if "." in field:
            return math.nan
        field = field.replace(",", ".", 1)
    try:
        return math.nan if "_" in field else float(field)  # Python reads 1_000 as a number
    except ValueError:
        return math.nan


def is_missing(field: str) -> bool:
    """Whether a field stands for no value."""
    return field.lower() in MISSING


def read_table(
    path: str, content: bytes, separator: str | None = None, decimal: str | None = None, encoding: str | None = None
) -> Table:
    """The table in a file's content.  separator, decimal, encoding: their names; None: recognised.

    Raises ConfigError where there is no table, where rows differ in length, and where decimals are not clear."""
    encoding = encoding or recognized_encoding(content) or FALLBACK_ENCODING
    text = decoded("path", path, content, encoding)
    separator = separator or _separator_of(text)
    comments, kept, lines = [], [], []
    try:
        for row, line in _rows(text, separator):
            if row[0].startswith("#"):
                comments.append((row[0].removeprefix("#").strip(), *row[1:]))
            else:
                kept.append(row)
                lines.append(line)
    except csv.Error as error:
        raise ConfigError(f"task.path: {path!r}; cannot be read as a table ({error})") from None
    if not kept:
        raise ConfigError(f"task.path: {path!r}; the table is empty")
    n = len(kept[0])
    for fields, line in zip(kept, lines, strict=True):
        if len(fields) != n:
            raise ConfigError(
                f"task.path: {path!r}; line {line} has {len(fields)} fields, and the table {n} columns "
                f"(separated by {separator}, see task.separator)"
            )
    decimal = decimal or _decimal_of(path, kept, lines)
    names = next((row for row in reversed(comments) if len(row) == n), tuple(map(str, range(n))))
    if all(math.isnan(as_number(field, decimal)) and not is_date(field) for field in kept[0]):
        names, *kept = kept
        lines = lines[1:]
    return Table(path, names, tuple(kept), tuple(lines), separator, decimal, encoding.removesuffix("-sig"))


def _rows(text: str, separator: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """The fields of each row that is not empty, and the line it ends on.  Raises csv.Error."""
    reader = csv.reader(io.StringIO(text), delimiter=SEPARATORS[separator], skipinitialspace=True)
    for row in reader:
        fields = tuple(field.strip() for field in row)
        if any(fields):
            yield fields, reader.line_num


def _separator_of(text: str) -> str:
    """The first separator that gives all rows the same number of fields, two or more; else the first one that splits
    the first row; else a comma."""
    splitting = None
    for separator in RECOGNIZED:
        reader = csv.reader(io.StringIO(text), delimiter=SEPARATORS[separator], skipinitialspace=True)
        lengths = (len(row) for row in reader if any(map(str.strip, row)) and not row[0].lstrip().startswith("#"))
        try:
            if (n := next(lengths, 0)) > 1:
                splitting = splitting or separator
                if all(length == n for length in lengths):
                    return separator
        except csv.Error:
            continue
    return splitting or "comma"


def _decimal_of(path: str, rows: list[tuple[str, ...]], lines: list[int]) -> str:
    """A comma where numbers have one and no number has a point."""
    with_comma = [
        (field, line)
        for row, line in zip(rows, lines, strict=True)
        for field in row
        if "," in field and WITH_COMMA.fullmatch(field)
    ]
    if not with_comma or any(WITH_POINT.fullmatch(field) for row in rows for field in row):
        return "point"
    if all(IN_THOUSANDS.fullmatch(field) for field, _ in with_comma):
        field, line = with_comma[0]
        raise ConfigError(
            f"task.path: {path!r}; line {line}: {field!r} can be {field.replace(',', '.')} or "
            f"{field.replace(',', '')}; write numbers without separators of thousands, or set task.decimal=comma"
        )
    return "comma"
