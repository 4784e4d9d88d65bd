"""The report of a study on disk: made where something has changed since it was made, and else left as it is.

    DIR/report/index.html   figures/*.png, figures/*.svg   tables/*.csv   (report.md)

The report is built in a folder of its own, which then takes the place of the old report: a reader finds one of the two.
What draws and judges takes more than a second to import, and is imported where a report is made.
"""

from __future__ import annotations

from pathlib import Path

from rnnlab.report.page.folder import refresh_folder, write_folder
from rnnlab.report.reading import cache
from rnnlab.report.reading.cache import PAGES, REPORT, Form
from rnnlab.report.reading.part import Part


def write_report(
    folder: Path, form: Form = "html", force: bool = False, reloads: bool = False, part: Part | None = None
) -> Path:
    """Read the study in `folder`, write DIR/report and return the path of its page.  Raises StudyError, OSError.

    A report that was made from the very same files by the same code is not made again, unless `force` is set.
    reloads: the page loads itself again every few seconds, and is replaced without being gone for a moment.
    part: report on these runs alone, in a folder of their own.  Raises ConfigError for a part that there is not."""
    place = folder / cache.PARTS / part.folder if part else folder / REPORT
    seen: dict[str, cache.Signature] = {}
    page, stamp = place / PAGES[form], cache.stamp_of(folder, seen)
    if force or reloads or not (page.exists() and cache.is_made_from(place, stamp)):
        from rnnlab.report.page.page import writer_of

        (refresh_folder if reloads else write_folder)(place, writer_of(folder, seen, form, reloads, part))
        if not reloads:
            cache.note_made(place, stamp)
    return page
