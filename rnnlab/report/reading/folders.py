"""Which folders are studies, and which are run folders; no file of them is opened."""

from __future__ import annotations

import os
from pathlib import Path

from rnnlab.records import run as records
from rnnlab.report.reading import cache

SIGNS = (records.RUN, records.CURVES, records.PREDICTIONS, records.PROVENANCE, ".hydra")  # of a run folder


class StudyError(Exception):
    """A folder that no report can be made from; `reasons` says why for each run folder in it."""

    def __init__(self, message: str, reasons: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.reasons = reasons


def study_folders(folder: Path) -> list[Path]:
    """The studies in a folder; none if the folder is a study itself, or cannot be listed."""
    try:
        inside = _folders_in(folder)
    except OSError:
        return []
    if any((path / records.RUN).exists() for path in inside):
        return []
    return [path for path in inside if path.name != cache.REPORT and any(path.glob(f"*/{records.RUN}"))]


def run_folders(folder: Path) -> list[Path]:
    """Raises StudyError for a folder without one."""
    if not folder.exists():
        raise StudyError(f"{folder}: no such folder")
    if not folder.is_dir():
        raise StudyError(f"{folder}: not a folder")
    if (folder / records.RUN).exists():
        raise StudyError(f"{folder}: is the folder of a single run; name the folder above it, which holds the study")
    try:
        inside = [path for path in _folders_in(folder) if path.name not in (cache.REPORT, cache.PARTS)]
    except OSError as error:
        raise StudyError(f"{folder}: cannot be read ({error.strerror})") from None
    found = [path for path in inside if any(os.path.exists(f"{path}/{sign}") for sign in SIGNS)]
    if not found:
        raise StudyError(f"{folder}: no run folders in it (a run folder holds {records.RUN})")
    return found


def _folders_in(folder: Path) -> list[Path]:
    """The folders in a folder by name, without those that begin with a dot."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries if not entry.name.startswith(".") and entry.is_dir())
    return [folder / name for name in names]
