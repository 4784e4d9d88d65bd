"""Tables of numbers and text as CSV.  A float reads back to the same bits; nan, inf and -inf are spelled like that."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np

from rnnlab.records.files import RecordError, read_bytes


def to_csv(columns: Mapping[str, np.ndarray]) -> str:
    """Columns as CSV text.  float32 takes nine significant digits, which always read back to the same float32."""
    lengths = {name: len(column) for name, column in columns.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"columns of one table differ in length: {lengths}")
    if not columns:
        return ""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    if any(column.dtype.kind not in "iuf" for column in columns.values()):
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))
        return text.getvalue()
    entries = [_entries(column.dtype.str, column.tobytes()) for column in columns.values()]
    text.writelines(f"{','.join(row)}\n" for row in zip(*entries, strict=True))  # numbers need no quotes
    return text.getvalue()


@lru_cache(maxsize=64)  # the runs of a pack share their times and truths
def _entries(dtype: str, content: bytes) -> list[str]:
    """The numbers of a column as text."""
    column = np.frombuffer(content, dtype=dtype)
    if dtype != np.dtype(np.float32).str:
        return list(map(repr, column.tolist()))  # int exactly, float as the shortest text that reads back the same
    texts = ("%.9g " * len(column) % tuple(column.tolist())).split()
    with np.errstate(invalid="ignore"):  # a signalling NaN would warn
        whole = (np.abs(column) < 1e9) & (column == np.trunc(column))
    for n in np.flatnonzero(whole):  # without the point it would be read as an integer
        texts[n] += ".0"
    return texts


def read_table(path: Path) -> dict[str, np.ndarray]:
    """A CSV table as columns: int64 where every entry is a whole number, else float64, else str.

    Raises RecordError."""
    content = read_bytes(path)
    try:
        rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    except (ValueError, csv.Error) as error:
        raise RecordError(f"{path}: cannot be read ({error})", [path]) from None
    if not rows:
        return {}
    header, *body = rows
    if any(len(row) != len(header) for row in body):
        raise RecordError(f"{path}: a row has another number of fields than the header", [path])
    if len(set(header)) < len(header):
        raise RecordError(f"{path}: two columns have the same name", [path])
    columns = zip(*body, strict=True) if body else [()] * len(header)
    return {name: _column(entries) for name, entries in zip(header, columns, strict=True)}


def _column(entries: Sequence[str]) -> np.ndarray:
    for number, kind in ((int, np.int64), (float, np.float64)):  # numpy reads text in three times as long
        try:
            return np.array([number(entry) for entry in entries], dtype=kind)
        except (ValueError, OverflowError):
            pass
    return np.array(entries, dtype=str)
