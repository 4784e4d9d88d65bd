"""A folder that is replaced as a whole: a reader finds the old one or the new one, and no mixture."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rnnlab.records.temporaries import former, remove_left_over, temporary

ATTEMPTS = 5  # to put a folder at its place


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


def refresh_folder(place: Path, write: Callable[[Path], None]) -> None:
    """The same, file by file and index.html last, so that no file is gone for a moment: for a page that loads itself
    again.  A reader of the other files can find a mixture of old and new ones."""
    if not place.is_dir():
        write_folder(place, write)
        return
    remove_left_over([place.parent], place.name)
    building = temporary(place)
    try:
        shutil.rmtree(building, ignore_errors=True)
        building.mkdir()
        write(building)
        new = [path.relative_to(building) for path in building.rglob("*") if path.is_file()]
        for path in sorted(new, key=lambda path: path.name == "index.html"):
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (building / path).replace(place / path)
        for path in [path for path in place.rglob("*") if path.is_file() and path.relative_to(place) not in new]:
            path.unlink(missing_ok=True)
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _swap_in(new: Path, place: Path) -> None:
    """Put the folder `new` at `place`.  If that fails half-way, what was there before is put back.

    Another process may do the same at the same moment: the end of a sweep, and somebody who looks at it."""
    old = former(new)
    for attempt in range(ATTEMPTS):
        shutil.rmtree(old, ignore_errors=True)
        with suppress(FileNotFoundError):
            place.rename(old)
        try:
            new.rename(place)
            break
        except BaseException as error:
            if isinstance(error, OSError) and place.exists() and attempt + 1 < ATTEMPTS:
                continue  # the other one was quicker: its folder is replaced in turn
            if old.exists() and not place.exists():
                old.rename(place)
            raise
    shutil.rmtree(old, ignore_errors=True)
