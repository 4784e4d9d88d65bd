"""The files of a run folder: what they hold, how they are written and read back.

    run.json          what was run and how it ended (see `Record`)
    curves.csv        one row per evaluation: step, train_loss, eval_loss, batch_loss, grad_norm, clip_rate, then what
                      diagnostics.py measures
    predictions.csv   what the network said, beside the truth; the columns belong to the task
    gradients.csv     of recurrent runs: step, layer, t, grad_norm, the norm of dL/dh[t] on the way back through time
    provenance.json   when, where and with which versions: everything that does *not* follow from the config

A record holds only what follows from the config, so the same config gives the same bytes on the same machine.
Each file is written under a temporary name and renamed, run.json last: a folder with a run.json is a whole
record.  Floats read back to the same bits.  Not-a-number and the infinities are spelled nan, inf and -inf, in CSV
as they are and in JSON as strings, because JSON has no word for them.
"""

from __future__ import annotations

import csv
import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

SCHEMA = 1
RUN, CURVES, PREDICTIONS, PROVENANCE = "run.json", "curves.csv", "predictions.csv", "provenance.json"
GRADIENTS = "gradients.csv"  # only where there is something in it
TABLES = {"curves": CURVES, "predictions": PREDICTIONS, "gradients": GRADIENTS}  # fields of RunResult -> files
CURVE_COLUMNS = ("step", "train_loss", "eval_loss", "batch_loss", "grad_norm", "clip_rate")

Status = Literal["completed", "failed"]
Outcome = Literal["learned", "not_learned", "diverged"]


class RecordError(Exception):
    """A run folder that cannot be read as a record; the message says which file and why."""


@dataclass(frozen=True)
class RunResult:
    """What one run produced: plain numbers, no tensors.

    curves, predictions and gradients map a column's name to a 1-D array; all columns of one table have the same length.
    A run that diverged is a completed run.  A failed run is one that raised; `error` holds its traceback.
    """

    status: Status
    steps_done: int
    diverged_at_step: int | None = None
    divergence_reason: str | None = None
    outcome: Outcome | None = None
    metrics: Mapping[str, float] = field(default_factory=dict)
    curves: Mapping[str, np.ndarray] = field(default_factory=dict)
    predictions: Mapping[str, np.ndarray] = field(default_factory=dict)
    gradients: Mapping[str, np.ndarray] = field(default_factory=dict)
    error: str | None = None

    @property
    def diverged(self) -> bool:
        return self.diverged_at_step is not None


@dataclass(frozen=True)
class TaskFacts:
    """What a reader of the record must know of its task, without importing the task.

    predictions: how predictions.csv is laid out: "series" (t, truth, one_step, closed_loop), "classes"
    (index, label, predicted, output) or "text" (sample, position, truth, predicted), one token a row.
    score: the metric that a person would name first.
    """

    name: str
    loss: str
    predictions: str
    score: str
    higher_is_better: bool


@dataclass(frozen=True)
class Record:
    """One run folder in memory.  config is the resolved RunConfig as plain data."""

    run_id: str
    condition_id: str
    config: Mapping[str, Any]
    task: TaskFacts
    result: RunResult
    schema: int = SCHEMA


def write_record(folder: Path, record: Record, provenance: Mapping[str, Any]) -> None:
    """Write the record's files into `folder`, made if need be.  Raises OSError when that cannot be done."""
    write_files(folder, render(record), provenance)


def render(record: Record) -> dict[str, str]:
    """The text of the record's files, all that follows from the config, by name."""
    result = record.result
    summary = {f.name: getattr(result, f.name) for f in fields(result) if f.name not in TABLES}
    head = {"schema": record.schema, "run_id": record.run_id, "condition_id": record.condition_id}
    columns = {file: getattr(result, table) for table, file in TABLES.items()}
    tables = {file: to_csv(table) for file, table in columns.items() if table or file != GRADIENTS}
    sizes = {name: len(text.encode()) for name, text in tables.items()}
    rest = {"diverged": result.diverged, "tables": sizes, "task": asdict(record.task), "config": record.config}
    return {**tables, RUN: to_json(head | summary | rest)}


def write_files(folder: Path, files: Mapping[str, str], provenance: Mapping[str, Any]) -> None:
    """Write what `render` made.  run.json comes last: without it the folder is not a record."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (RUN, GRADIENTS):  # while the tables are replaced, the folder is not a record
        (folder / name).unlink(missing_ok=True)
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(".tmp"):  # of a process that was killed while it wrote
            (folder / name).unlink(missing_ok=True)
    write_text(folder / PROVENANCE, to_json(provenance))
    for name in sorted(files, key=lambda name: name == RUN):
        write_text(folder / name, files[name])


def read_record(folder: Path) -> Record:
    """Read a run folder back.  Raises RecordError naming the file and the reason."""
    run = read_run(folder)
    try:
        task = TaskFacts(**run["task"])
    except TypeError as error:
        raise RecordError(f"{folder / RUN}: unexpected content of 'task' ({error})") from None
    return Record(
        run_id=run["run_id"],
        condition_id=run["condition_id"],
        config=run["config"],
        task=task,
        result=RunResult(
            **{
                table: read_table(folder / file)
                for table, file in TABLES.items()
                if file != GRADIENTS or (folder / file).exists()
            },
            **{f.name: run[f.name] for f in fields(RunResult) if f.name not in TABLES},
        ),
        schema=run["schema"],
    )


def read_run(folder: Path) -> dict[str, Any]:
    """run.json alone, with its metrics as floats: what most readers need.  Raises RecordError."""
    path = folder / RUN
    try:
        run = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        raise RecordError(f"{path}: cannot be read ({error})") from None
    if not isinstance(run, dict) or "schema" not in run:
        raise RecordError(f"{path}: not a run record (no schema number)")
    if run["schema"] != SCHEMA:
        raise RecordError(f"{path}: schema {run['schema']!r}; this version reads schema {SCHEMA}")
    names = {f.name for f in fields(RunResult)} - TABLES.keys()
    missing = (names | {"run_id", "condition_id", "config", "task", "diverged"}) - run.keys()
    if missing:
        raise RecordError(f"{path}: lacks {', '.join(sorted(missing))}")
    try:
        run["metrics"] = {name: float(value) for name, value in run["metrics"].items()}
    except (AttributeError, TypeError, ValueError):
        raise RecordError(f"{path}: metrics are not numbers: {run['metrics']!r}") from None
    return run


def check_tables(folder: Path, run: Mapping[str, Any]) -> None:
    """Raise RecordError for a table that is not there as `run`, of read_run, says: a disk can lose what was written
    last when the power goes.  No file is flushed for that: seven a run would take longer than many a run."""
    for name, size in run.get("tables", {}).items():
        try:
            found = (folder / name).stat().st_size
        except OSError as error:
            raise RecordError(f"{folder / name}: cannot be read ({error.strerror})") from None
        if found != size:
            raise RecordError(f"{folder / name}: has {found} bytes of {size}")


def read_table(path: Path) -> dict[str, np.ndarray]:
    """A CSV table as columns: int64 where every entry is a whole number, else float64, else str."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.reader(file))
    except (OSError, ValueError, csv.Error) as error:
        raise RecordError(f"{path}: cannot be read ({getattr(error, 'strerror', None) or error})") from None
    if not rows:
        return {}
    header, *body = rows
    if any(len(row) != len(header) for row in body):
        raise RecordError(f"{path}: a row has another number of fields than the header")
    return {name: _column([row[i] for row in body]) for i, name in enumerate(header)}


def _column(entries: list[str]) -> np.ndarray:
    for kind in (np.int64, np.float64):
        try:
            return np.array(entries, dtype=kind)
        except (ValueError, OverflowError):
            pass
    return np.array(entries, dtype=str)


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


@lru_cache(maxsize=16)  # the runs of a pack have their times and truths in common
def _entries(dtype: str, content: bytes) -> list[str]:
    """The numbers of a column as text."""
    column = np.frombuffer(content, dtype=dtype)
    if dtype != np.dtype(np.float32).str:
        return list(map(repr, column.tolist()))  # int exactly, float as the shortest text that reads back the same
    texts = ("%.9g " * len(column) % tuple(column.tolist())).split()
    with np.errstate(invalid="ignore"):  # of a signalling NaN
        whole = (np.abs(column) < 1e9) & (column == np.trunc(column))
    for n in np.flatnonzero(whole):  # else it would read as an integer
        texts[n] += ".0"
    return texts


def to_json(data: Mapping[str, Any]) -> str:
    """Strict JSON, keys in the order given, nan, inf and -inf as strings."""
    return json.dumps(_finite(data), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step: a reader sees the old file or the new one, never a part."""
    with replace_file(path, "w") as file:
        file.write(text)


@contextmanager
def replace_file(path: Path, mode: Literal["w", "wb"]) -> Iterator[Any]:
    """A file to write into that takes the place of `path` when the block ends well, and leaves no trace when not."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = {"encoding": "utf-8", "newline": ""} if mode == "w" else {}
    try:
        with temporary.open(mode, **text) as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
