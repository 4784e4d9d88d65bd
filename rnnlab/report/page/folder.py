"""A folder that is replaced as a whole: a reader finds the old one or the new one, and no mixture."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from rnnlab.records.temporaries import remove_left_over, set_aside, temporary


def write_folder(place: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a new folder, then put it at `place` in one step; what was there before is replaced."""
    remove_left_over([place.parent], place.name)
    building = temporary(place)
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir(parents=True)
        write(building)
        _swap_in(building, place)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _swap_in(new: Path, place: Path) -> None:
    """Put the folder `new` at `place`.  If that fails half-way, what was there before is put back."""
    old = set_aside(new)
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
