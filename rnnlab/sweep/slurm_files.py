"""The folder of a job array of engine=slurm.  It has the name of the job, and all nodes see it.

    <study>/.slurm/rnnlab-0123456789ab/note.json       {"format": 1, "runs": [[run_id, ...] of every task]}
                                       0.pack.json     what task 0 computes, and
                                       0.result.json   its result: both as in elsewhere.py
                                       0.error         or why its node cannot compute packs
                                       0.log           what task 0 printed

The note is written last, before the array is submitted, and removed last: a folder without a note is one that a command
has not submitted, or was removing, when it was killed.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab.records.aside import DAMAGED
from rnnlab.records.files import to_json, write_text

NAMES = "rnnlab-*"  # of arrays
NOTE = "note.json"
FORMAT = 1  # of the note


@dataclass(frozen=True)
class Task:
    """A task of an array.  array: its folder."""

    array: Path
    index: int

    @property
    def key(self) -> tuple[str, str]:
        """How squeue names it: the name of the job, and the index."""
        return self.array.name, str(self.index)

    @property
    def pack(self) -> Path:
        return self.array / f"{self.index}.pack.json"

    @property
    def result(self) -> Path:
        return self.array / f"{self.index}.result.json"

    @property
    def error(self) -> Path:
        return self.array / f"{self.index}.error"

    @property
    def log(self) -> Path:
        return self.array / f"{self.index}.log"

    def logged(self) -> str:
        """What it has printed so far."""
        try:
            return self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""


def write_array(array: Path, packs: Sequence[str], runs: Sequence[Sequence[str]]) -> list[Task]:
    """Make the folder of a new array.  packs: the text of every task's pack.  runs: its run_ids.  Raises OSError."""
    tasks = [Task(array, index) for index in range(len(packs))]
    array.mkdir(parents=True)
    for task, text in zip(tasks, packs, strict=True):
        write_text(task.pack, text)
    write_text(array / NOTE, to_json({"format": FORMAT, "runs": runs}))
    return tasks


def arrays_in(folder: Path) -> list[Path]:
    """The arrays that were submitted, or may have been.  What was never submitted is removed."""
    arrays = sorted(path for path in folder.glob(NAMES) if path.is_dir() and DAMAGED not in path.name)
    for array in arrays:
        if not (array / NOTE).exists():
            remove_array(array)
    return [array for array in arrays if (array / NOTE).exists()]


def read_note(array: Path) -> list[list[str]]:
    """The run_ids of every task.  Raises OSError, and ValueError for a damaged note."""
    try:
        note = json.loads((array / NOTE).read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("nested too deeply") from None
    if not isinstance(note, dict) or note.get("format") != FORMAT:
        raise ValueError(f"not of format {FORMAT}")
    runs = note.get("runs")
    if not isinstance(runs, list) or not all(isinstance(task, list) for task in runs):
        raise ValueError("no list of lists of runs")
    if not all(isinstance(run_id, str) for task in runs for run_id in task):
        raise ValueError("no list of lists of runs")
    return runs


def remove_array(array: Path) -> None:
    """What cannot be removed, as a log into which a job still writes, is tried again by the next command."""
    with contextlib.suppress(OSError):
        for path in sorted(array.iterdir(), key=lambda path: path.name == NOTE):
            path.unlink(missing_ok=True)
        array.rmdir()
