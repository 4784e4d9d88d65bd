"""From a study folder to a Study: every run that can be read, and by name every run that cannot.

A folder that cannot be read never stops the report: it is a `Problem` with a reason, and counts as missing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Literal

from rnnlab.options import dotted
from rnnlab.records import run as records
from rnnlab.records.checked import FILES, CheckedRecords, Signature, signature
from rnnlab.records.files import RecordError, in_utf8, read_json
from rnnlab.records.run import TaskFacts
from rnnlab.records.study import read_study_file
from rnnlab.records.weights import WEIGHTS
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import Entry
from rnnlab.report.reading.old_records import acting
from rnnlab.report.reading.running import running_in, without_recorded
from rnnlab.report.reading.study import Problem, Run, Study

NUMERICS = f"{records.CODE}.numerics"  # 1 in records from before they stated it

MAY_LACK = (records.PREDICTIONS, records.GRADIENTS, WEIGHTS)  # what a report can do without

# Provenance that differs from run to run without meaning anything.
FLEETING = ("started", "finished", "time", "date", "pid", "host", "pack_width")


class StudyError(Exception):
    """A folder that no report can be made from; `reasons` says why for each run folder in it."""

    def __init__(self, message: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


def read_study(folder: Path, seen: Mapping[str, Signature] | None = None) -> Study:
    """Read every run folder directly inside `folder`.  Raises StudyError if there is none that can be read.

    seen: sizes and times of the files of run folders, taken before; what has changed since is read again next time.
    It takes no lock: a command may be at work in the folder, and what it has not finished is in `Study.running`."""
    running = running_in(folder)
    file, notes = read_study_file(folder)
    expected = set(file.expected)
    run_folders = sorted(_run_folders(folder), key=lambda path: path.name not in expected)  # of equal runs they count
    known, entries, checked = cache.load(folder), {}, CheckedRecords(folder)
    members: dict[str, Run] = {}
    of_id: dict[str, Run] = {}
    problems: list[Problem] = []
    for path in run_folders:
        if (name := in_utf8(path.name)) != path.name:
            problems.append(Problem(name, "unreadable", "the name of the folder is no UTF-8"))
            continue
        stamp = seen[path.name] if seen and path.name in seen else signature(path, cache.READ)
        entry = known.get(path.name)
        try:
            if entry is None or entry.signature != stamp:
                entry = _read_entry(path, stamp, checked)
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
    present = {path.name for path in run_folders}
    absent = [name for name in file.expected if name not in present]
    problems += [Problem(name, "missing", "expected by the sweep, but there is no such folder") for name in absent]
    if running:
        running = without_recorded(running, file.expected, entries)
        problems = [problem for problem in problems if problem.kind != "missing" or problem.name not in running.names]
    if not members:
        reasons = tuple(f"{problem.name}: {problem.reason}" for problem in problems)
        raise StudyError(f"{folder}: none of its {len(run_folders)} run folders can be read", reasons)
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


def _read_entry(folder: Path, stamp: Signature, checked: CheckedRecords) -> Entry:
    """Read the files of one run folder, when all of them are as they were written.  Raises RecordError."""
    content = checked.read(folder.name, MAY_LACK, stamp[: len(FILES)])
    curves = records.read_curves(folder)
    names = (*Run.__dataclass_fields__, "config", "task")
    run = {name: content[name] for name in dict.fromkeys(names) if name in content}
    return Entry(stamp, run, _read_provenance(folder), {name: column.astype(float) for name, column in curves.items()})


def _run(folder: Path, entry: Entry) -> Run:
    """Raises RecordError for a config that no version of rnnlab has written."""
    content = entry.run
    try:
        config = {NUMERICS: 1, **acting(dotted(content["config"]))}
    except TypeError as error:
        raise RecordError(f"{folder / records.RUN}: the config cannot be understood ({error})") from None
    return Run(**(dict(content) | {"folder": folder.name, "config": config, "task": TaskFacts(**content["task"])}))


def _run_folders(folder: Path) -> list[Path]:
    if not folder.exists():
        raise StudyError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise StudyError(f"{folder}: not a folder")
    if (folder / records.RUN).exists():
        raise StudyError(f"{folder}: is the folder of a single run; name the folder above it, which holds the study")
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError as error:
        raise StudyError(f"{folder}: cannot be read ({error.strerror})") from None
    signs = (records.RUN, records.CURVES, records.PREDICTIONS, records.PROVENANCE, ".hydra")
    found = [
        path
        for path in inside
        if path.name not in (cache.REPORT, cache.PARTS) and any((path / sign).exists() for sign in signs)
    ]
    if not found:
        raise StudyError(f"{folder}: no run folders in it (a run folder holds {records.RUN})")
    return found


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
