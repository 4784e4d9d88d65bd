"""What was read of a study before, so that a report of 10,000 runs reads only what is new.

DIR/.report-cache.npz holds the curves as columns, all runs behind each other, and the summaries beside them.  An entry
is used when the files it was made from have the sizes and times they had then; a cache that is of another version or
cannot be read is as good as none.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab import __version__
from rnnlab.records import files
from rnnlab.records import run as records

CACHE = ".report-cache.npz"
VERSION = f"1 {__version__}"  # of what an entry holds
FILES = (records.RUN, records.CURVES, records.PROVENANCE)

Curves = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Entry:
    """What was read of one run folder: plain data of run.json and provenance.json, and curves.csv by column."""

    signature: tuple
    run: Mapping[str, Any]
    provenance: Mapping[str, str]
    curves: Curves


def signature(folder: Path, names: Iterable[str] = FILES) -> tuple:
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
    """Write the cache in one step.  A folder that cannot be written to has none."""
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
    arrays = {f"curves{n}": np.concatenate(rows, axis=1) for n, rows in enumerate(tables.values())}
    try:
        with files.replace_file(folder / CACHE, "wb") as file:
            np.savez(file, head=np.frombuffer(json.dumps(head).encode(), np.uint8), **arrays)
    except OSError:
        pass
