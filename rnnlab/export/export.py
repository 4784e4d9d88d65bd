"""One export: a study, a target, and the folder that the export is swapped into when it is whole."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

from rnnlab.export.errors import ExportError
from rnnlab.export.source import Source
from rnnlab.export.targets import targets
from rnnlab.records.files import RecordError, to_json, write_text
from rnnlab.report.page.folder import write_folder
from rnnlab.report.reading.cache import EXPORT
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Problem

MADE_FROM = ".rnnlab-export.json"  # in the folder of an export: which study it is of


def export(folder: Path, to: str, out: Path | None = None, force: bool = False) -> tuple[Path, tuple[Problem, ...]]:
    """Export the study in `folder`; the place of the export, and what the study has of problems.

    to: the name of a target.  out: the folder of the export, DIR/export/<to> where it is None.  It must be empty or not
    there; with `force` it may also hold an earlier export of this study to this target, which is replaced.

    Raises StudyError when no run can be read, ExportError when the export cannot be made, OSError when it cannot be
    written.  Whatever is raised, the folder of the export is as it was.
    """
    target = targets()[to]
    if target.library and find_spec(target.library) is None:
        raise ExportError(f"--to {to}: {target.library} is not installed here: pip install 'rnnlab[{target.extra}]'")
    source = Source(read_study(folder))
    place = folder / EXPORT / to if out is None else out
    made_from = {"study": source.study.file.study, "to": to}
    _check_place(place, folder, made_from, force)

    def write(building: Path) -> None:
        target.write(source, building, place)
        write_text(building / MADE_FROM, to_json(made_from))

    try:
        write_folder(place, write)
    except RecordError as error:
        raise ExportError(f"{error}; it has changed while it was exported") from error
    return place, source.problems


def _check_place(place: Path, folder: Path, made_from: dict[str, str], force: bool) -> None:
    """Raise ExportError for a folder that must not be replaced, or that would be taken for a run of the study."""
    inside = place.resolve().relative_to(folder.resolve()).parts if _is_inside(place, folder) else None
    if inside is not None and not (len(inside) > 1 and inside[0] == EXPORT):
        raise ExportError(
            f"--out {place}: is in the folder of the study, where folders are runs; "
            f"choose one in {folder / EXPORT}, or elsewhere"
        )
    if place.exists() and not place.is_dir():
        raise ExportError(f"--out {place}: is a file; an export is a folder")
    if not place.exists() or not any(place.iterdir()):
        return
    if _earlier(place) != made_from:
        raise ExportError(f"{place}: is not empty, and holds no export of this study; choose another folder by --out")
    if not force:
        raise ExportError(f"{place}: holds an earlier export of this study; --force replaces it")


def _is_inside(place: Path, folder: Path) -> bool:
    return place.resolve().is_relative_to(folder.resolve())


def _earlier(place: Path) -> object:
    """Which study a folder is an export of; None for a folder that is no export."""
    try:
        return json.loads((place / MADE_FROM).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
