"""The record of a run: what the files of its folder hold, and how they are written and read back.

    run.json          what was run and how it ended (see `Record`)
    curves.csv        one row per evaluation: step, train_loss, eval_loss, batch_loss, grad_norm, clip_rate, then the
                      columns of nets/backends/diagnostics.py
    predictions.csv   the network's answers beside the truth; the task decides on the columns
    gradients.csv     of recurrent runs: step, layer, t, grad_norm, the norm of dL/dh[t] on the way back through time
    weights.safetensors  the trained weights, unless training.save_weights=false (see weights.py)
    sha256sums        the digests of the files above (see digests.py)
    provenance.json   when, where and with which versions the run was computed: what does not follow from the config

All files but provenance.json hold only what follows from the config, so the same config gives the same bytes on the
same machine.  Each file is written under a temporary name and then renamed, run.json last: a folder with a run.json is
a whole record.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import asdict, dataclass, field, fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.records import content
from rnnlab.records.digests import SUMS, differing, read_sums, to_sums
from rnnlab.records.files import RecordError, UnknownSchemaError, read_json, to_json, write_bytes, write_text
from rnnlab.records.tables import read_table, to_csv
from rnnlab.records.temporaries import remove_left_over, temporary
from rnnlab.records.weights import WEIGHTS, Weights, check_weights, read_weights, to_bytes

SCHEMA = 1
RUN, CURVES, PREDICTIONS, PROVENANCE = "run.json", "curves.csv", "predictions.csv", "provenance.json"
GRADIENTS = "gradients.csv"  # only where there is something in it
CODE = "code"  # in a config: what computes the run beside its options, the number of the numerics and the plugins used
TABLES = {"curves": CURVES, "predictions": PREDICTIONS, "gradients": GRADIENTS}  # fields of RunResult -> files
CURVE_COLUMNS = ("step", "train_loss", "eval_loss", "batch_loss", "grad_norm", "clip_rate")

Status = Literal["completed", "failed"]
Outcome = Literal["learned", "not_learned", "diverged"]


@dataclass(frozen=True)
class RunResult:
    """What one run produced: plain numbers, no tensors.

    curves, predictions and gradients map a column's name to a 1-D array; all columns of one table have the same length.
    A run that diverged is a completed run.  A failed run is one that raised; `error` holds its traceback.

    weights: those that the last losses and the predictions were computed with.  Of a run that diverged they are the
    last ones before it did, which are finite.  None: they were not to be kept, or the run failed.
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
    weights: Weights | None = None

    @property
    def diverged(self) -> bool:
        return self.diverged_at_step is not None


SUMMARY = tuple(f.name for f in fields(RunResult) if f.name not in (*TABLES, "weights"))  # what run.json holds of it


@dataclass(frozen=True)
class TaskFacts:
    """What a reader of the record must know about its task, without importing the task.

    predictions: how predictions.csv is laid out: "series" (t, truth, one_step, closed_loop), "classes"
    (index, label, predicted, output) or "text" (sample, position, truth, predicted), one token a row.  t is a number or
    a date as text, with a Z in UTC; a series that is forecast many steps ahead has columns step_2, step_3, ... too.
    Classes are numbers or names.
    score: the metric that a person would name first.
    scored_against: the answer without training whose loss has a score of 0, by its name in the metrics
    <answer>_loss and <answer>_test_loss: "naive", the best constant answer, or "persistence".
    """

    name: str
    loss: str
    predictions: str
    score: str
    higher_is_better: bool
    scored_against: str = "naive"  # records from before this field know of no other


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


def render(record: Record) -> dict[str, str | bytes]:
    """The record's files without provenance.json: name -> content."""
    result = record.result
    summary = {name: getattr(result, name) for name in SUMMARY}
    head = {"schema": record.schema, "run_id": record.run_id, "condition_id": record.condition_id}
    columns = {file: getattr(result, table) for table, file in TABLES.items()}
    tables = {file: to_csv(table) for file, table in columns.items() if table or file != GRADIENTS}
    sizes = {name: len(text.encode()) for name, text in tables.items()}
    rest = {"diverged": result.diverged, "tables": sizes, "task": asdict(record.task), "config": record.config}
    weights = {WEIGHTS: to_bytes(result.weights)} if result.weights else {}
    files: dict[str, str | bytes] = {**tables, **weights, RUN: to_json(head | summary | rest)}
    return {SUMS: to_sums(files), **files}


def write_files(
    folder: Path,
    files: Mapping[str, str | bytes],
    provenance: Mapping[str, Any],
    beside: Mapping[str, str] | None = None,
) -> None:
    """Write the files that `render` made, run.json last: without it the folder is not a record.  Raises OSError.

    beside: other files that belong into the folder, relative path -> text."""
    everything = {PROVENANCE: to_json(provenance), **(beside or {}), **files}
    if not folder.exists():  # all at once
        building = temporary(folder)
        try:
            for name, held in everything.items():
                _write_new(building / name, held)
            building.rename(folder)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return
    remove_left_over([folder])
    for name in (RUN, SUMS, GRADIENTS, WEIGHTS):  # while the tables are replaced, the folder is not a record
        (folder / name).unlink(missing_ok=True)
    for name in sorted(everything, key=lambda name: name == RUN):
        (folder / name).parent.mkdir(exist_ok=True)
        held = everything[name]
        if isinstance(held, bytes):
            write_bytes(folder / name, held)
        else:
            write_text(folder / name, held)


def _write_new(path: Path, held: str | bytes) -> None:
    held = held if isinstance(held, bytes) else held.encode()
    try:
        path.write_bytes(held)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)


def read_record(folder: Path) -> Record:
    """Read a run folder back.  Raises RecordError naming the file and the reason."""
    run = read_run(folder)
    task = TaskFacts(**run["task"])
    entries: dict[str, Any] = {name: run[name] for name in SUMMARY}
    entries |= {"curves": read_curves(folder), "predictions": read_predictions(folder, task.predictions)}
    if (folder / GRADIENTS).exists():
        entries["gradients"] = read_gradients(folder)
    if (folder / WEIGHTS).exists():
        entries["weights"] = read_weights(folder / WEIGHTS)
    return Record(run["run_id"], run["condition_id"], run["config"], task, RunResult(**entries), run["schema"])


def read_run(folder: Path) -> dict[str, Any]:
    """run.json alone, with its metrics as floats: most readers need no more.  Its entries have the types that
    content.py says.  Raises RecordError; UnknownSchemaError where another version has written it."""
    path = folder / RUN
    run = read_json(path)
    if not isinstance(run, dict) or type(run.get("schema")) is not int:
        raise RecordError(f"{path}: not a run record (no schema number)", [path])
    if run["schema"] != SCHEMA:
        raise UnknownSchemaError(f"{path}: schema {run['schema']!r}; this version reads schema {SCHEMA}", [path])
    try:
        content.check_run(run, tuple(TABLES.values()))
        TaskFacts(**run["task"])
    except (TypeError, ValueError) as error:
        raise RecordError(f"{path}: {error}", [path]) from None
    run["metrics"] = {name: float(value) for name, value in run["metrics"].items()}
    return run


def read_curves(folder: Path) -> dict[str, np.ndarray]:
    """curves.csv by column, with the types that content.py says.  Raises RecordError."""
    return _read_table(folder / CURVES, content.check_curves)


def read_gradients(folder: Path) -> dict[str, np.ndarray]:
    """gradients.csv, likewise."""
    return _read_table(folder / GRADIENTS, content.check_gradients)


def read_predictions(folder: Path, layout: str) -> dict[str, np.ndarray]:
    """predictions.csv, likewise.  layout: TaskFacts.predictions."""
    return _read_table(folder / PREDICTIONS, partial(content.check_predictions, layout=layout))


def _read_table(path: Path, check: Callable[[content.Columns], None]) -> dict[str, np.ndarray]:
    table = read_table(path)
    try:
        check(table)
    except ValueError as error:
        raise RecordError(f"{path}: {error}", [path]) from None
    return table


def read_checked_run(folder: Path, may_lack: Collection[str] = (WEIGHTS,)) -> dict[str, Any]:
    """run.json, as `read_run` reads it, of a record whose files are all as they were written.  Raises RecordError.

    may_lack: the files that somebody may have removed.  A record from before there were digests is checked for the
    sizes of its files."""
    if (folder / SUMS).exists():
        _check_sums(folder, may_lack)  # first: a schema with a wrong digit is damage, and no other version
        return read_run(folder)
    run = read_run(folder)
    check_sizes(folder, run, may_lack)
    return run


def _check_sums(folder: Path, may_lack: Collection[str]) -> None:
    sums = read_sums(folder)
    if RUN not in sums:
        raise RecordError(f"{folder / SUMS}: has been cut off", [folder / SUMS])
    if errors := differing(folder, sums, may_lack):
        more = f", and {len(errors) - 1} more of its files" if len(errors) > 1 else ""
        raise RecordError(f"{errors[0]}{more}", [path for error in errors for path in error.damaged])


def check_sizes(folder: Path, run: Mapping[str, Any], may_lack: Collection[str] = (WEIGHTS,)) -> None:
    """Raise RecordError for a table whose size is not the one that `run` (see read_run) states, and for a file of
    weights whose size is not the one that its header states.

    A power failure can cut off files that were written last.  They are not flushed to the disk one by one against
    that: flushing the files of a run takes longer than many runs take to train."""
    for name, size in run.get("tables", {}).items():
        path = folder / name
        try:
            found = path.stat().st_size
        except FileNotFoundError:
            if name in may_lack:
                continue
            raise RecordError(f"{path}: no such file") from None
        except OSError as error:
            raise RecordError(f"{path}: cannot be read ({error.strerror})", [path]) from None
        if found != size:
            raise RecordError(f"{path}: has {found} bytes of {size}", [path])
    if (folder / WEIGHTS).exists():
        check_weights(folder / WEIGHTS)
