"""From a study folder to a Study: every run that can be read, and by name every run that cannot.

A folder that cannot be read never stops the report: it is a `Problem` with a reason, and counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.options import dotted
from rnnlab.records import run as records
from rnnlab.records.checked import FILES, CheckedRecords, Signature, signature
from rnnlab.records.files import RecordError, in_utf8, read_json
from rnnlab.records.run import TaskFacts
from rnnlab.records.study import read_study_file
from rnnlab.records.weights import WEIGHTS
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import Entry
from rnnlab.report.reading.folders import StudyError, run_folders
from rnnlab.report.reading.old_records import acting
from rnnlab.report.reading.processes import shared_out
from rnnlab.report.reading.running import running_in, without_recorded
from rnnlab.report.reading.study import Problem, Run, Study

NUMERICS = f"{records.CODE}.numerics"  # 1 in records from before they stated it

AT_ONCE = 250  # run folders that a process reads, before it takes more
TABLES = "tables"  # of run.json: which files it has beside itself
OF_RUN = tuple(dict.fromkeys((*Run.__dataclass_fields__, TABLES)))  # what a report needs of run.json
MAY_LACK = (records.PREDICTIONS, records.GRADIENTS, WEIGHTS)  # what a report can do without

# Provenance that differs from run to run without meaning anything.
FLEETING = ("started", "finished", "time", "date", "pid", "host", "pack_width")


def read_study(folder: Path, seen: Mapping[str, Signature] | None = None) -> Study:
    """Read every run folder directly inside `folder`.  Raises StudyError if there is none that can be read.

    seen: sizes and times of the files of run folders, taken before; what has changed since is read again next time.
    It takes no lock: a command may be at work in the folder, and what it has not finished is in `Study.running`."""
    running = running_in(folder)
    file, notes = read_study_file(folder)
    expected = set(file.expected)
    places = sorted(run_folders(folder), key=lambda path: path.name not in expected)  # of equal runs they count
    known, entries, checked = cache.load(folder), {}, CheckedRecords(folder)
    members: dict[str, Run] = {}
    of_id: dict[str, Run] = {}
    problems: list[Problem] = []
    readable = [path for path in places if in_utf8(path.name) == path.name]
    stamps = {path.name: (seen or {}).get(path.name) or signature(path, cache.READ) for path in readable}
    new = [path for path in readable if path.name not in known or known[path.name].signature != stamps[path.name]]
    parts = [new[n : n + AT_ONCE] for n in range(0, len(new), AT_ONCE)]
    contents = {
        path.name: content
        for path, content in zip(new, chain(*shared_out([partial(_read, part) for part in parts])), strict=True)
    }
    for path in places:
        if path.name not in stamps:
            problems.append(Problem(in_utf8(path.name), "unreadable", "the name of the folder is no UTF-8"))
            continue
        try:
            entry = known.get(path.name)
            if path.name in contents:
                entry = _entry(path.name, contents.pop(path.name), stamps[path.name], checked)
            assert entry is not None
            run = _run(path, entry)
        except RecordError as error:
            # A folder without run.json is a run that was killed: it is missing, and will be run again.
            kind: Literal["unreadable", "missing"] = "unreadable" if (path / records.RUN).exists() else "missing"
            problems.append(Problem(path.name, kind, _reason(error, path)))
            continue
        entries[path.name] = entry
        if of_id.setdefault(run.run_id, run).identity != run.identity:
            reason = f"run.json: has the run_id of {of_id[run.run_id].folder}, and another config"
            problems.append(Problem(run.folder, "unreadable", reason))
            continue
        twin = members.setdefault(run.identity, run)
        if twin is not run:
            problems.append(Problem(run.folder, "repeated", _repeated(run, twin)))
        elif not run.completed:
            problems.append(Problem(run.folder, "failed", _last_line(run.error), run.error or ""))
    present = {path.name for path in places}
    absent = [name for name in file.expected if name not in present]
    problems += [Problem(name, "missing", "expected by the sweep, but there is no such folder") for name in absent]
    if running:
        running = without_recorded(running, file.expected, entries)
        problems = [problem for problem in problems if problem.kind != "missing" or problem.name not in running.names]
    if not members:
        reasons = tuple(f"{problem.name}: {problem.reason}" for problem in problems)
        raise StudyError(f"{folder}: none of its {len(places)} run folders can be read", reasons)
    if entries.keys() != known.keys() or any(entry is not known[name] for name, entry in entries.items()):
        cache.save(folder, entries)
    checked.save()
    extra = len(present - expected) if expected else 0
    if extra:
        notes += (f"{extra} of the runs shown are not part of the last sweep into this folder.",)
    counted = sorted(members.values(), key=lambda run: run.folder)
    completed = [run for run in counted if run.completed]
    untested = sum(not run.has_test_loss for run in completed)
    if untested:
        notes += (
            f"{untested} of {len(completed)} completed runs have no test loss, since an earlier version recorded them: "
            "their scores are of the validation loss, against the best constant answer. "
            "hydra.launcher.redo=all computes them again.",
        )
    read = [entries[run.folder] for run in counted]
    return Study(
        folder=folder,
        file=file,
        members=tuple(counted),
        curves={run.run_id: entry.curves for run, entry in zip(counted, read, strict=True) if entry.curves},
        problems=tuple(problems),
        notes=notes,
        provenance=_distinct(entry.provenance for entry in read),
        running=running,
    )


def _repeated(run: Run, counted: Run) -> str:
    """Why a run does not count: another one has the same options and seed."""
    by = " by other code (a plugin or the numerics of rnnlab have changed)" if run.code != counted.code else ""
    return f"the same run as {counted.folder}{by}, counted once"


@dataclass(frozen=True)
class _Content:
    """The files of one run folder.  rows: curves.csv, (columns, rows).  run: what a report needs of run.json."""

    run: Mapping[str, Any]
    provenance: Mapping[str, str]
    columns: tuple[str, ...]
    rows: np.ndarray


def _read(folders: Sequence[Path]) -> list[_Content | RecordError]:
    """The content of each folder, when all files of its record are as they were written; else why not."""
    found: list[_Content | RecordError] = []
    for folder in folders:
        try:
            run = records.read_checked_run(folder, MAY_LACK)
            curves = records.read_curves(folder)
            rows = np.array(list(curves.values()) or np.empty((0, 0)), float)
            run = {name: run[name] for name in OF_RUN if name in run}
            found.append(_Content(run, _read_provenance(folder), tuple(curves), rows))
        except RecordError as error:
            found.append(error)
    return found


def _entry(name: str, content: _Content | RecordError, stamp: Signature, checked: CheckedRecords) -> Entry:
    """Raises the RecordError that was found instead of a content."""
    if isinstance(content, RecordError):
        raise content
    checked.note(name, content.run, stamp[: len(FILES)])
    run = {name: entry for name, entry in content.run.items() if name != TABLES}
    return Entry(stamp, run, content.provenance, dict(zip(content.columns, content.rows, strict=True)))


def _run(folder: Path, entry: Entry) -> Run:
    """Raises RecordError for a config that no version of rnnlab has written."""
    content = entry.run
    try:
        config = {NUMERICS: 1, **acting(dotted(content["config"]))}
    except TypeError as error:
        raise RecordError(f"{folder / records.RUN}: the config cannot be understood ({error})") from None
    return Run(**(dict(content) | {"folder": folder.name, "config": config, "task": TaskFacts(**content["task"])}))


def _read_provenance(folder: Path) -> dict[str, str]:
    """What stays the same from run to run of provenance.json; a file that cannot be read says nothing."""
    try:
        entries = dotted(read_json(folder / records.PROVENANCE))
    except (RecordError, AttributeError):
        return {}
    lasting = (key for key in entries if (name := key.rpartition(".")[2]) not in FLEETING and not name.endswith("_s"))
    return {key: str(entries[key]) for key in lasting}


def _distinct(provenances: Iterable[Mapping[str, str]]) -> dict[str, tuple[str, ...]]:
    """Every entry with its distinct values."""
    values: dict[str, dict[str, None]] = {}
    for provenance in provenances:
        for key, value in provenance.items():
            values.setdefault(key, {})[value] = None
    return {key: tuple(distinct) for key, distinct in values.items()}


def _reason(error: RecordError, folder: Path) -> str:
    return str(error).removeprefix(f"{folder}/")


def _last_line(traceback: str | None) -> str:
    lines = (traceback or "").strip().splitlines()
    return lines[-1].strip() if lines else "no traceback was recorded"
