"""Damaged files are not overwritten: they are kept beside the new ones, as run.json.damaged, run.json.damaged2, ..."""

from __future__ import annotations

import os
from collections.abc import Iterable
from itertools import count
from pathlib import Path

DAMAGED = ".damaged"  # is appended to the names of what is kept


def set_aside(paths: Iterable[Path]) -> list[Path]:
    """Rename files, folders and links that are in the way of a record; their new places.

    What cannot be renamed stays: then nothing can be written there either, which is said where it is tried."""
    kept = []
    for path in dict.fromkeys(paths):
        place = next(place for n in count(1) if not os.path.lexists(place := _renamed(path, n)))
        try:
            path.rename(place)
        except OSError:
            continue
        kept.append(place)
    return kept


def _renamed(path: Path, n: int) -> Path:
    return path.with_name(f"{path.name}{DAMAGED}{n if n > 1 else ''}")
