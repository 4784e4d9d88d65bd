"""A study folder as data: every run that can be read, and by name every run that cannot.

    study = read_study(Path("outputs/activations"))
    study.runs          one row per run: config keys with dots, then how it ended, then its metrics
    study.curves        one row per run and evaluation
    study.predictions(run_id)

A folder that cannot be read never stops the report: it is a `Problem` with a reason, and counts as missing.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from rnnlab import records
from rnnlab.records import RecordError, TaskFacts

STUDY = "study.json"
STUDY_SCHEMA = 1
REPORT = "report"  # the folder that the report itself is written to

# Which activation a parameter acts on.  A sweep of the slope leaves tanh untouched, and a run that repeats another
# one under a different slope must not count twice.
PARAMETER_OF = {"leaky_relu": "cell.negative_slope", "elu": "cell.alpha", "celu": "cell.alpha"}


class StudyError(Exception):
    """A folder that no report can be made from; `reasons` says why for each run folder in it."""

    def __init__(self, message: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


@dataclass(frozen=True)
class Run:
    """One readable run, without its tables.  config is flat: {"cell.activation": "tanh", ...}."""

    folder: str
    run_id: str
    task: TaskFacts
    config: Mapping[str, Any]
    status: records.Status
    outcome: records.Outcome | None
    diverged: bool
    diverged_at_step: int | None
    divergence_reason: str | None
    steps_done: int
    metrics: Mapping[str, float]
    error: str | None

    @property
    def seed(self) -> Any:
        return self.config.get("seed")

    @property
    def completed(self) -> bool:
        return self.status == "completed"

    @property
    def settings(self) -> dict[str, Any]:
        """What makes two runs comparable: the config without the seed and without parameters that do not act."""
        idle = set(PARAMETER_OF.values()) - {PARAMETER_OF.get(self.config.get("cell.activation"))}
        return {key: value for key, value in self.config.items() if key != "seed" and key not in idle}


@dataclass(frozen=True)
class Problem:
    """A run that is in no number of the report.  repeated: the same run as another one, so nothing is lost."""

    name: str
    kind: Literal["failed", "missing", "unreadable", "repeated"]
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class StudyFile:
    """study.json: what was asked and what was expected.  Optional, as is each of its entries."""

    study: str
    question: str = ""
    source: str = ""
    command: str = ""
    study_sha256: str = ""
    expected: tuple[str, ...] = ()


@dataclass(frozen=True)
class Study:
    folder: Path
    file: StudyFile
    members: tuple[Run, ...]
    curves: pd.DataFrame
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @cached_property
    def runs(self) -> pd.DataFrame:
        """One row per run.  A metric that the run's task does not have and one that is nan both read NaN here."""
        return pd.DataFrame(list(self.rows()))

    def rows(self) -> Iterator[dict[str, Any]]:
        """The rows of `runs` as dicts, each with the entries that its run has, and no others."""
        ended = ("status", "outcome", "diverged", "diverged_at_step", "divergence_reason", "steps_done")
        for run in self.members:
            row = {"run_id": run.run_id, "folder": run.folder} | dict(run.config)
            yield row | {name: getattr(run, name) for name in ended} | dict(run.metrics)

    def predictions(self, run_id: str) -> pd.DataFrame:
        """predictions.csv of one run, read when asked for.  Raises RecordError."""
        folder = next(run.folder for run in self.members if run.run_id == run_id)
        return pd.DataFrame(records.read_table(self.folder / folder / records.PREDICTIONS))


def read_study(folder: Path) -> Study:
    """Read every run folder directly inside `folder`.  Raises StudyError if there is none that can be read."""
    run_folders = _run_folders(folder)
    file, notes = _read_study_file(folder)
    members, tables, problems = {}, [], []
    for path in run_folders:
        try:
            run, curves = read_run(path)
        except RecordError as error:
            # A folder without run.json is a run that was killed: it is missing, and will be run again.
            kind = "unreadable" if (path / records.RUN).exists() else "missing"
            problems.append(Problem(path.name, kind, _reason(error, path)))
            continue
        twin = members.setdefault(_identity(run), run)
        if twin is not run:
            problems.append(Problem(run.folder, "repeated", f"the same run as {twin.folder}, counted once"))
            continue
        if not run.completed:
            problems.append(Problem(run.folder, "failed", _last_line(run.error), run.error or ""))
        if curves:
            tables.append(pd.DataFrame(curves).assign(run_id=run.run_id))
    present = {path.name for path in run_folders}
    absent = [name for name in file.expected if name not in present]
    problems += [Problem(name, "missing", "expected by the sweep, but there is no such folder") for name in absent]
    if not members:
        reasons = tuple(f"{problem.name}: {problem.reason}" for problem in problems)
        raise StudyError(f"{folder}: none of its {len(run_folders)} run folders can be read", reasons)
    extra = len(present - set(file.expected)) if file.expected else 0
    if extra:
        notes += (f"{extra} of the runs shown are not part of the last sweep into this folder.",)
    return Study(
        folder=folder,
        file=file,
        members=tuple(members.values()),
        curves=pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=["run_id", "step"]),
        problems=tuple(problems),
        notes=notes,
        provenance=_read_provenance([folder / run.folder for run in members.values()]),
    )


def read_run(folder: Path) -> tuple[Run, dict[str, np.ndarray]]:
    """One run folder: its summary and its curves.  Raises RecordError, whatever is wrong with the files."""
    content = records.read_run(folder)
    try:
        curves = records.read_table(folder / records.CURVES)
    except (ValueError, csv.Error) as error:
        raise RecordError(f"{folder / records.CURVES}: cannot be read ({error})") from None
    try:
        entries = {name: content[name] for name in Run.__dataclass_fields__ if name in content}
        entries |= {"folder": folder.name, "config": flatten(content["config"]), "task": TaskFacts(**content["task"])}
        run = Run(**entries)
    except (TypeError, AttributeError) as error:
        raise RecordError(f"{folder / records.RUN}: unexpected content ({error})") from None
    if run.status not in ("completed", "failed"):
        raise RecordError(f"{folder / records.RUN}: status {run.status!r}; one of completed, failed")
    if not all(isinstance(text, str) for text in (run.task.name, run.task.loss, run.task.predictions, run.task.score)):
        raise RecordError(f"{folder / records.RUN}: the facts of its task are not text: {content['task']!r}")
    if curves and "step" not in curves:
        raise RecordError(f"{folder / records.CURVES}: has no column step")
    if not all(np.issubdtype(column.dtype, np.number) for column in curves.values()):
        raise RecordError(f"{folder / records.CURVES}: holds something that is not a number")
    return run, curves


def flatten(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"cell": {"activation": "tanh"}} -> {"cell.activation": "tanh"}; a list becomes its JSON text."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= flatten(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, list) else value
    return flat


def _run_folders(folder: Path) -> list[Path]:
    if not folder.exists():
        raise StudyError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise StudyError(f"{folder}: not a folder")
    if (folder / records.RUN).exists():
        raise StudyError(f"{folder}: is the folder of a single run; a report is made from the folder above it")
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise StudyError(f"{folder}: cannot be read ({error.strerror})") from None
    signs = (records.RUN, records.CURVES, records.PREDICTIONS, records.PROVENANCE, ".hydra")
    found = [path for path in inside if path.name != REPORT and any((path / sign).exists() for sign in signs)]
    if not found:
        raise StudyError(f"{folder}: no run folders in it (a run folder holds {records.RUN})")
    return found


def _read_study_file(folder: Path) -> tuple[StudyFile, tuple[str, ...]]:
    default = StudyFile(study=folder.resolve().name)
    try:
        content = json.loads((folder / STUDY).read_text(encoding="utf-8"))
        if not isinstance(content, dict) or content.get("schema") != STUDY_SCHEMA:
            return default, (f"{STUDY} is left out: this version reads schema {STUDY_SCHEMA}.",)
    except FileNotFoundError:
        return default, ()
    except (OSError, ValueError) as error:
        return default, (f"{STUDY} is left out: it cannot be read ({error}).",)
    names = ("study", "question", "source", "command", "study_sha256")
    texts = {name: str(content[name]) for name in names if content.get(name)}
    expected = content.get("expected") or ()
    expected = tuple(map(str, expected)) if isinstance(expected, list) else ()
    return StudyFile(**{"study": default.study, **texts, "expected": expected}), ()


def _read_provenance(folders: list[Path]) -> dict[str, tuple[str, ...]]:
    """Every entry of the provenance files with its distinct values; a file that cannot be read says nothing."""
    values: dict[str, dict[str, None]] = {}
    for folder in folders:
        try:
            content = json.loads((folder / records.PROVENANCE).read_text(encoding="utf-8"))
            entries = flatten(content)
        except (OSError, ValueError, AttributeError):
            continue
        for key, value in entries.items():
            values.setdefault(key, {})[str(value)] = None
    return {key: tuple(distinct) for key, distinct in values.items()}


def _identity(run: Run) -> str:
    return json.dumps([run.settings, run.seed], sort_keys=True, default=str)


def _reason(error: RecordError, folder: Path) -> str:
    return str(error).removeprefix(f"{folder}/")


def _last_line(traceback: str | None) -> str:
    lines = (traceback or "").strip().splitlines()
    return lines[-1].strip() if lines else "no traceback was recorded"
