"""rnnlab-runs disk DIR...: how much of the disk studies take, and what for."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from rnnlab.records.files import RecordError
from rnnlab.records.run import RUN
from rnnlab.report.reading.cache import EXPORT, PARTS, REPORT
from rnnlab.runs.output import show, size

HELP = "how much of the disk studies take: records, checkpoints, reports and exports"
KINDS = {".checkpoints": "checkpoints", REPORT: "reports", PARTS: "reports", EXPORT: "exports"}
COLUMNS = ("records", "checkpoints", "reports", "exports", "other")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folders", metavar="DIR", nargs="+", type=Path, help="of a study, or of several studies")


def run(arguments: argparse.Namespace) -> int:
    """A row for each study.  Raises RecordError for a folder in which there is no record."""
    rows = []
    for folder in arguments.folders:
        studies = [folder] if _is_study(folder) else sorted(path for path in _inside(folder) if _is_study(path))
        if not studies:
            raise RecordError(f"{folder}: no study in it (a study holds folders with a {RUN})")
        for study in studies:
            used = dict.fromkeys(COLUMNS, 0)
            n_runs = 0
            for path in study.iterdir():
                is_run = (path / RUN).exists()
                n_runs += is_run
                used["records" if is_run else KINDS.get(path.name, "other")] += bytes_of(path)
            rows.append((study, n_runs, *map(size, used.values()), size(sum(used.values()))))
    show(("study", "runs", *COLUMNS, "together"), rows)
    return 0


def bytes_of(path: Path) -> int:
    """The sizes of the files in a folder, and in those inside of it, or of one file.  Links are not followed."""
    if not path.is_dir() or path.is_symlink():
        return path.lstat().st_size
    return sum(os.lstat(os.path.join(place, name)).st_size for place, _, names in os.walk(path) for name in names)


def _inside(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")]


def _is_study(folder: Path) -> bool:
    return any((path / RUN).exists() for path in _inside(folder))
