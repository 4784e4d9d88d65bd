"""The record of a run: what the files of its folder hold, and how they are written and read back.

    run.json          what was run and how it ended (see `Record`)
    curves.csv        one row per evaluation: step, train_loss, eval_loss, batch_loss, grad_norm, clip_rate, then the
                      columns of nets/backends/diagnostics.py
    predictions.csv   the network's answers beside the truth; the task decides on the columns
    gradients.csv     of recurrent runs: step, layer, t, grad_norm, the norm of dL/dh[t] on the way back through time
    weights.safetensors  the trained weights, unless training.save_weights=false (see weights.py)
    provenance.json   when, where and with which versions the run was computed: what does not follow from the config

All files but provenance.json hold only what follows from the config, so the same config gives the same bytes on the
same machine.  Each file is written under a temporary name and then renamed, run.json last: a folder with a run.json is
a whole record.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.records.files import RecordError, to_json, write_bytes, write_text
from rnnlab.records.tables import read_table, to_csv
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
    return {**tables, **weights, RUN: to_json(head | summary | rest)}


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
        building = folder.with_name(f".{folder.name}.{os.getpid()}.tmp")
        try:
            for name, content in everything.items():
                _write_new(building / name, content)
            building.rename(folder)
        except BaseException:
            shutil.rmtree(building, ignore_errors=True)
            raise
        return
    for name in (RUN, GRADIENTS, WEIGHTS):  # while the tables are replaced, the folder is not a record
        (folder / name).unlink(missing_ok=True)
    for name in os.listdir(folder):
        if name.startswith(".") and name.endswith(".tmp"):  # left by a process that was killed while it wrote
            (folder / name).unlink(missing_ok=True)
    for name in sorted(everything, key=lambda name: name == RUN):
        (folder / name).parent.mkdir(exist_ok=True)
        content = everything[name]
        if isinstance(content, bytes):
            write_bytes(folder / name, content)
        else:
            write_text(folder / name, content)


def _write_new(path: Path, content: str | bytes) -> None:
    content = content if isinstance(content, bytes) else content.encode()
    try:
        path.write_bytes(content)
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_record(folder: Path) -> Record:
    """Read a run folder back.  Raises RecordError naming the file and the reason."""
    run = read_run(folder)
    try:
        task = TaskFacts(**run["task"])
    except TypeError as error:
        raise RecordError(f"{folder / RUN}: unexpected content of 'task' ({error})") from None
    entries: dict[str, Any] = {name: run[name] for name in SUMMARY}
    for table, file in TABLES.items():
        if file != GRADIENTS or (folder / file).exists():
            entries[table] = read_table(folder / file)
    if (folder / WEIGHTS).exists():
        entries["weights"] = read_weights(folder / WEIGHTS)
    return Record(run["run_id"], run["condition_id"], run["config"], task, RunResult(**entries), run["schema"])


def read_run(folder: Path) -> dict[str, Any]:
    """run.json alone, with its metrics as floats: most readers need no more.  Raises RecordError."""
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
    missing = {*SUMMARY, "run_id", "condition_id", "config", "task", "diverged"} - run.keys()
    if missing:
        raise RecordError(f"{path}: lacks {', '.join(sorted(missing))}")
    try:
        run["metrics"] = {name: float(value) for name, value in run["metrics"].items()}
    except (AttributeError, TypeError, ValueError):
        raise RecordError(f"{path}: metrics are not numbers: {run['metrics']!r}") from None
    return run


def check_files(folder: Path, run: Mapping[str, Any]) -> None:
    """Raise RecordError for a table whose size is not the one that `run` (see read_run) states, and for a file of
    weights whose size is not the one that its header states.  Weights that are not there are no error.

    A power failure can cut off files that were written last.  They are not flushed to the disk one by one against
    that: flushing the seven files of a run takes longer than many runs take to train."""
    for name, size in run.get("tables", {}).items():
        try:
            found = (folder / name).stat().st_size
        except OSError as error:
            raise RecordError(f"{folder / name}: cannot be read ({error.strerror})") from None
        if found != size:
            raise RecordError(f"{folder / name}: has {found} bytes of {size}")
    if (folder / WEIGHTS).exists():
        check_weights(folder / WEIGHTS)
