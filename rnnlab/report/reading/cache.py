"""What has been read and made of a study before, and from which files: known by their sizes and times of last change.

DIR/.report-cache.npz        what was read of each run, so that a report of 10,000 runs reads only what is new
DIR/report/.made-from        what the report was made from, so that the same report is not made again

Whatever is in doubt is read and made again: a cache of another version, one that cannot be read, a file that changed.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.records import checked, files, progress
from rnnlab.records import run as records
from rnnlab.records.checked import Signature, signature
from rnnlab.records.study import STUDY
from rnnlab.version import __version__

CACHE = ".report-cache.npz"
VERSION = f"2 {__version__}"  # of what an entry holds
READ = (*checked.FILES, records.PROVENANCE)  # the files of a run that are checked, or that an entry is made from

REPORT = "report"  # the folder of the report, beside those of the runs
EXPORT = "export"  # the folder of the exports, likewise
PARTS = "report-of-parts"  # the folder of the reports on parts of the study, a folder each
Form = Literal["html", "md"]
PAGES: Mapping[Form, str] = {"html": "index.html", "md": "report.md"}
MADE_FROM = ".made-from"
CODE = ("report", "records", "options.py")  # of rnnlab, whose outcome a report is
LIBRARIES = ("numpy", "scipy", "matplotlib", "jinja2")

Curves = Mapping[str, np.ndarray]


# What was read


@dataclass(frozen=True)
class Entry:
    """What was read of one run folder: plain data of run.json and provenance.json, and curves.csv by column."""

    signature: Signature
    run: Mapping[str, Any]
    provenance: Mapping[str, str]
    curves: Curves


def load(folder: Path) -> dict[str, Entry]:
    """The entries of a study folder by the names of its run folders; none when there is any doubt."""
    try:
        # Opened here, as np.load leaves what is no archive open.
        with open(folder / CACHE, "rb") as opened, np.load(opened, allow_pickle=False) as file:
            head = json.loads(file["head"].tobytes())
            if head["version"] != VERSION:
                return {}
            blocks = [file[f"curves{n}"] for n in range(len(head["blocks"]))]
            return dict(_entries(head, blocks))
    except Exception:  # a damaged archive can raise nearly anything
        return {}


def _entries(head: Mapping[str, Any], blocks: list[np.ndarray]) -> Iterable[tuple[str, Entry]]:
    begin = [0] * len(blocks)
    for name, stamp, run, provenance, block, n_rows in head["entries"]:
        columns = head["blocks"][block]
        rows = blocks[block][:, begin[block] : begin[block] + n_rows]
        begin[block] += n_rows
        stamp = tuple(tuple(one) if one else None for one in stamp)
        yield name, Entry(stamp, run, head["provenance"][provenance], dict(zip(columns, rows, strict=True)))


def save(folder: Path, entries: Mapping[str, Entry]) -> None:
    """Write the cache in one step: the curves as columns, all runs behind each other, and the summaries beside them.

    A folder that cannot be written to has none."""
    tables: dict[tuple[str, ...], list[np.ndarray]] = {}
    origins: dict[str, int] = {}
    lines = []
    for name, entry in entries.items():
        columns = tuple(entry.curves)
        tables.setdefault(columns, []).append(np.array(list(entry.curves.values()) or np.empty((0, 0)), float))
        n_rows = tables[columns][-1].shape[1]
        origin = origins.setdefault(json.dumps(entry.provenance), len(origins))
        lines.append((name, entry.signature, entry.run, origin, list(tables).index(columns), n_rows))
    head = {"version": VERSION, "blocks": list(tables), "entries": lines, "provenance": list(map(json.loads, origins))}
    arrays: dict[str, Any] = {f"curves{n}": np.concatenate(rows, axis=1) for n, rows in enumerate(tables.values())}
    arrays["head"] = np.frombuffer(json.dumps(head).encode(), np.uint8)
    try:
        with files.replace_file(folder / CACHE, "wb") as file:
            np.savez(file, **arrays)
    except OSError:
        pass


# What was made


def stamp_of(folder: Path, seen: dict[str, Signature] | None = None) -> str:
    """A hash of sizes and times of all that the report of a study is made from: its runs, study.json, and the code.

    "" for a folder that cannot be listed.  seen: takes the signature of each run folder, for `read_study`."""
    try:
        inside = (entry.name for entry in os.scandir(folder) if entry.is_dir())
        names = sorted(name for name in inside if name not in (REPORT, EXPORT, PARTS))
    except OSError:
        return ""
    found = hashlib.sha256(repr(_code()).encode())
    found.update(repr(signature(folder, [STUDY])).encode())
    found.update(progress.stamp(folder).encode())
    for name in names:
        if not name.startswith("."):
            begun = os.path.exists(f"{folder}/{name}/.hydra")
            stamp = signature(f"{folder}/{name}", READ)
            if seen is not None:
                seen[name] = stamp
            found.update(repr((name, stamp, begun)).encode())
    return found.hexdigest()


def note_made(report: Path, stamp: str) -> None:
    """Note in the folder of a report what it was made from, and the sizes of what was made."""
    files.write_text(report / MADE_FROM, json.dumps({"stamp": stamp, "files": _sizes(report)}))


def is_made_from(report: Path, stamp: str) -> bool:
    """Whether the report is there, whole and unchanged, and was made from files with this stamp."""
    try:
        noted = json.loads((report / MADE_FROM).read_text(encoding="utf-8"))
        return bool(stamp) and bool(noted == {"stamp": stamp, "files": _sizes(report)})
    except (OSError, ValueError):
        return False


def _code() -> list[object]:
    package = Path(__file__).parents[2]
    inside = [path for name in CODE for path in (package / name, *(package / name).rglob("*"))]
    code = sorted(path for path in inside if path.is_file() and path.suffix != ".pyc")
    return [__version__, *map(version, LIBRARIES), *(signature(path.parent, [path.name]) for path in code)]


def _sizes(report: Path) -> dict[str, int]:
    made = (path for path in report.rglob("*") if path.is_file() and path.name != MADE_FROM)
    return {path.relative_to(report).as_posix(): path.stat().st_size for path in sorted(made)}
