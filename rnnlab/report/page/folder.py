"""A folder that is replaced as a whole: a reader finds the old one or the new one, and no mixture."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path


def write_folder(place: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a new folder, then put it at `place` in one step; what was there before is replaced."""
    building = place.with_name(f".{place.name}.{os.getpid()}.tmp")
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        write(building)
        _swap_in(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _swap_in(new: Path, place: Path) -> None:
    """Put the folder `new` at `place`.  If that fails half-way, what was there before is put back."""
    old = new.with_suffix(".old")
    shutil.rmtree(old, ignore_errors=True)
    had_one = place.exists()
    if had_one:
        place.rename(old)
    try:
        new.rename(place)
    except BaseException:
        if had_one:
            old.rename(place)
        raise
    shutil.rmtree(old, ignore_errors=True)
