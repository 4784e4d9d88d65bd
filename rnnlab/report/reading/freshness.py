"""Whether a report is still the one that its files would give.  In doubt it is not."""

from __future__ import annotations

import hashlib
import json
import os
from importlib.metadata import version
from pathlib import Path

from rnnlab.records import run as records
from rnnlab.records.files import write_text
from rnnlab.records.study import STUDY
from rnnlab.report.reading.cache import signature
from rnnlab.report.reading.read import GRADIENTS, REPORT

STAMP = ".made-from"
INPUTS = (records.RUN, records.CURVES, records.PREDICTIONS, records.PROVENANCE, GRADIENTS)
LIBRARIES = ("rnnlab", "numpy", "scipy", "matplotlib", "jinja2")


def stamp(folder: Path) -> str:
    """A hash of sizes and times of everything that a report is made from: runs, study.json, and the code itself."""
    try:
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir() and entry.name != REPORT)
    except OSError:
        return ""
    found = hashlib.sha256(repr(_code()).encode())
    found.update(repr(signature(folder, [STUDY])).encode())
    for name in names:
        if not name.startswith("."):
            found.update(repr((name, signature(folder / name, INPUTS), (folder / name / ".hydra").exists())).encode())
    return found.hexdigest()


def _code() -> list[object]:
    package = Path(__file__).parents[1]
    files = sorted(path for path in (package / "report").rglob("*") if path.suffix != ".pyc" and path.is_file())
    files += [package / name for name in ("claims.py", "records.py", "options.py")]
    return [*map(version, LIBRARIES), *(signature(path.parent, [path.name]) for path in files)]


def leave(report: Path, stamp: str) -> None:
    """Note beside the report what it was made from, and the sizes of what was made."""
    write_text(report / STAMP, json.dumps({"stamp": stamp, "files": _sizes(report)}))


def is_fresh(report: Path, stamp: str) -> bool:
    try:
        noted = json.loads((report / STAMP).read_text(encoding="utf-8"))
        return bool(stamp) and noted == {"stamp": stamp, "files": _sizes(report)}
    except (OSError, ValueError):
        return False


def _sizes(report: Path) -> dict[str, int]:
    files = (path for path in report.rglob("*") if path.is_file() and path.name != STAMP)
    return {path.relative_to(report).as_posix(): path.stat().st_size for path in sorted(files)}
