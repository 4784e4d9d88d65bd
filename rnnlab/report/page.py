"""The report on disk: view model and figures -> one self-contained page, with figures and tables as files beside it.

    DIR/report/index.html   figures/*.png, figures/*.svg   tables/conditions.csv, tables/runs.csv

The whole report is built in a folder of its own and then swapped in, so a reader finds the old one or the new one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import get_args

import jinja2
from markupsafe import Markup

from rnnlab import __version__
from rnnlab.report import figures, tables, wording
from rnnlab.report.figures.plate import Plate, Section, inlined, to_png, to_svg
from rnnlab.report.read import REPORT, Study, read_study
from rnnlab.report.statistics import MIN_RUNS_FOR_INTERVAL, N_RESAMPLES
from rnnlab.report.view import Estimate, Rate, View, view_of

PROBLEMS_SHOWN = 200  # the rest is counted; runs.csv and the folders themselves have them all


def write_report(folder: Path) -> Path:
    """Read the study in `folder`, write DIR/report and return the path of its page.  Raises StudyError, OSError."""
    study = read_study(folder)
    view = view_of(study)
    plates = figures.plates_of(study, view)
    building = folder / f".{REPORT}.{os.getpid()}.tmp"
    try:
        shutil.rmtree(building, ignore_errors=True)
        _write_files(building, study, view, plates)
        _swap_in(building, folder / REPORT)
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder / REPORT / "index.html"


def render(view: View, plates: Sequence[Plate], svgs: Mapping[str, str]) -> str:
    """The page as text; svgs holds each plate's SVG file by the plate's name.

    Everything that comes from a file is escaped; only the figures go in as they are.
    """
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("rnnlab.report", "."),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"estimate": _estimate, "rate": _rate, "number": wording.number, "counted": wording.counted}
    environment.filters |= {"score": _score, "metric_name": wording.metric_name, "loss_name": wording.loss_name}
    by_section = {section: [plate for plate in plates if plate.section == section] for section in get_args(Section)}
    return environment.get_template("template.html.j2").render(
        view=view,
        plates=by_section,
        svg=lambda plate: Markup(inlined(svgs[plate.name])),
        problems_shown=PROBLEMS_SHOWN,
        min_runs=MIN_RUNS_FOR_INTERVAL,
        n_resamples=N_RESAMPLES,
        version=__version__,
    )


def _write_files(folder: Path, study: Study, view: View, plates: Sequence[Plate]) -> None:
    (folder / "figures").mkdir(parents=True)
    (folder / "tables").mkdir()
    svgs = {plate.name: to_svg(plate) for plate in plates}
    for plate in plates:
        (folder / "figures" / f"{plate.name}.png").write_bytes(to_png(plate))
        (folder / "figures" / f"{plate.name}.svg").write_text(svgs[plate.name], encoding="utf-8")
    (folder / "tables" / "conditions.csv").write_text(tables.conditions_csv(view), encoding="utf-8")
    (folder / "tables" / "runs.csv").write_text(tables.runs_csv(study), encoding="utf-8")
    (folder / "index.html").write_text(render(view, plates, svgs), encoding="utf-8")


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


def _score(estimate: Estimate) -> tuple[str, str]:
    if not estimate.n:
        return "no run", ""
    return wording.near_one(estimate.median), " to ".join(map(wording.near_one, estimate.interval or ()))


def _estimate(estimate: Estimate, infinite: str = "diverged") -> tuple[str, str]:
    """The median and, on a line of its own, the interval; what an infinity means is up to the column."""
    if not estimate.n:
        return "no run", ""
    ends = [wording.ranked(end, infinite) for end in estimate.interval or ()]
    median = wording.ranked(estimate.median, infinite)
    return median, "" if ends == [infinite] * 2 else " to ".join(ends)  # "diverged to diverged" adds nothing


def _rate(rate: Rate) -> tuple[str, str]:
    if not rate.total:
        return "no run", ""
    return f"{rate.count}/{rate.total}", " to ".join(map(wording.percent, rate.interval))
