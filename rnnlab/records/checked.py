"""Which records of a study have been checked against their digests, so that a resume does not read them all again.

    STUDY/.checked    by run folder the stamp of its files and how the run ended, as JSON; its digest in the first line

A record whose files have the sizes and times of last change that they had when they were checked is not read again.
`rnnlab-runs verify` reads everything.  Records from before there were digests are never in the file.  A file that is
damaged is as good as none.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from rnnlab.records.digests import SUMS
from rnnlab.records.files import RecordError, read_bytes, write_text
from rnnlab.records.run import CURVES, GRADIENTS, PREDICTIONS, RUN, WEIGHTS, Status, read_checked_run

CHECKED = ".checked"
VERSION = 1  # of the file's form
FILES = (RUN, SUMS, CURVES, PREDICTIONS, GRADIENTS, WEIGHTS)


class Ended(NamedTuple):
    """How a recorded run has ended: what a resume needs of its record.  eval_loss: None where there is none."""

    run_id: str
    status: Status
    diverged: bool
    eval_loss: float | None


def ended(run: Mapping[str, Any]) -> Ended:
    """run: a run.json, from `read_run`."""
    return Ended(run["run_id"], run["status"], run["diverged"], run["metrics"].get("eval_loss"))


class CheckedRecords:
    """The records of a study's folder that have been checked.  They are read when the object is made."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._changed = folder, False
        self._known: dict[str, list[Any]] = {}
        try:
            digest, text = read_bytes(folder / CHECKED).decode().split("\n", 1)
            content = json.loads(text) if digest == _digest(text) else {}
        except (RecordError, ValueError):
            content = {}
        if content.get("version") == VERSION:
            self._known = content["records"]

    def known(self, name: str) -> Ended | None:
        """How the run of a folder has ended, if its record has been checked and not been changed since."""
        entry = self._known.get(name)
        if entry is None or entry[0] != _stamp(f"{self._folder}/{name}"):
            return None
        return Ended(*entry[1:])

    def read(self, name: str, may_lack: Collection[str] = (WEIGHTS,), seen: Signature | None = None) -> dict[str, Any]:
        """The run.json of a folder, when all files of the record have been checked.  Raises RecordError.

        may_lack: the files that somebody may have removed.  seen: the signature of FILES, taken before."""
        place = self._folder / name
        seen = signature(place, FILES) if seen is None else seen  # before they are read: a later change is seen
        run = read_checked_run(place, may_lack)
        self.note(name, run, seen)
        return run

    def note(self, name: str, run: Mapping[str, Any], seen: Signature) -> None:
        """Of a record that was checked elsewhere.  run: its run.json.  seen: the signature of FILES, taken before."""
        there = {file for file, size in zip(FILES, seen, strict=True) if size}
        if {SUMS, *run.get("tables", {})} <= there:
            self._known[name] = [_digest(repr(seen)), *ended(run)]
            self._changed = True

    def save(self) -> None:
        """Write what has been checked.  A folder that cannot be written to has no such file."""
        if self._changed:
            text = json.dumps({"version": VERSION, "records": self._known})
            with suppress(OSError):
                write_text(self._folder / CHECKED, f"{_digest(text)}\n{text}")


Signature = tuple[tuple[int, int] | None, ...]


def signature(folder: Path | str, names: Iterable[str]) -> Signature:
    """Size and time of last change of a folder's files; None for one that is not there."""
    found: list[tuple[int, int] | None] = []
    for name in names:
        try:
            stat = os.stat(f"{folder}/{name}")  # a third of the time of Path.stat
        except OSError:
            found.append(None)
        else:
            found.append((stat.st_size, stat.st_mtime_ns))
    return tuple(found)


def _stamp(folder: str) -> str:
    return _digest(repr(signature(folder, FILES)))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]
