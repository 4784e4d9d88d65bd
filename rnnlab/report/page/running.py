"""The part of the page about what is running; and the whole page, as long as no run has ended.

The part stands between two marks, so that `rnnlab-report --watch` can replace it without making the page again.
"""

from __future__ import annotations

from pathlib import Path

from markupsafe import Markup

from rnnlab.records.study import read_study_file
from rnnlab.report.figures.partial import plate
from rnnlab.report.figures.plate import inlined, to_svg
from rnnlab.report.page.templating import SCRIPTS, render
from rnnlab.report.reading.running import Running, without_recorded
from rnnlab.report.reading.study import Study
from rnnlab.version import __version__

BEGIN, END = "<!-- what is running -->", "<!-- the end of what is running -->"
SHOWN = 100  # runs, of those that are trained and of those that are planned; the others are counted


def section(running: Running | None, n_ended: int, n_failed: int) -> Markup:
    """The section with its marks; the marks alone where nothing is running.

    n_ended: how many runs have a record.  n_failed: how many of them failed."""
    if running is None:
        return Markup(BEGIN + END)
    drawn = plate(running)
    text = render(
        "running.html.j2",
        running=running,
        n_total=n_ended + len(running.names),
        n_ended=n_ended,
        n_failed=n_failed,
        shown=SHOWN,
        plate=drawn,
        svg=Markup(inlined(to_svg(drawn))) if drawn else "",
    )
    return Markup(f"{BEGIN}{text}{END}")


def section_of_running(study: Study) -> Markup:
    return section(study.running, len(study.members), sum(not run.completed for run in study.members))


def replaced(page: str, new: Markup) -> str | None:
    """The page with another section; None for a page that has none."""
    begin, end = page.find(BEGIN), page.find(END)
    return page[:begin] + new + page[end + len(END) :] if 0 <= begin < end else None


def reloading() -> str:
    """The script of a page that loads itself again every few seconds."""
    return (SCRIPTS / "reload.js").read_text(encoding="utf-8")


def write_beginning(folder: Path, study: Path, running: Running, reloads: bool) -> None:
    """Write the page of a study of which no run has ended into `folder`."""
    file, _ = read_study_file(study)
    script = reloading() if reloads else ""
    there = section(without_recorded(running, file.expected, ()), n_ended=0, n_failed=0)
    text = render("beginning.html.j2", script, file=file, section=there, version=__version__)
    (folder / "index.html").write_text(text, encoding="utf-8")
