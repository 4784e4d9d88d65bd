"""rnnlab-report DIR --watch: the page is kept fresh until the sweep has ended.

The page loads itself again, and this process replaces its file.  So nothing listens on a port, no token is needed, and
the page can be opened wherever the folder can be seen.  The study is only read: no lock is taken.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from rnnlab.records.files import write_text
from rnnlab.records.progress import at_moment, commands
from rnnlab.report.page.folder import write_folder
from rnnlab.report.page.running import replaced, section_of_running, write_beginning
from rnnlab.report.page.write import write_report
from rnnlab.report.reading.cache import PAGES, REPORT
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.running import Running, utc_now
from rnnlab.report.reading.study import Study

EVERY_S = 5.0
SHARE = 10  # at most one part in so many of the time is spent on the page: the processors are the sweep's


def watch(folder: Path, say: Callable[[Path], None], wait: Callable[[float], None] = time.sleep) -> Path:
    """Keep the page of the study fresh until nobody is at work in it; its path.  Raises StudyError and OSError.

    say: is told the path when the page is there for the first time."""
    page = write_report(folder, reloads=True)
    say(page)
    n_made, due, pause_s = -1, 0.0, EVERY_S
    try:
        while is_at_work(folder):
            wait(pause_s)
            started = time.monotonic()
            study = _read(folder)
            n_ended = len(study.members) if study else -1
            with suppress(FileNotFoundError):  # the sweep puts its own report into this place: the next look sees it
                if study is None or (n_ended != n_made and started >= due):  # the figures take seconds
                    with suppress(StudyError):  # the sweep has ended, and no run has
                        write_report(folder, reloads=True)
                    n_made, due = n_ended, time.monotonic() + SHARE * (time.monotonic() - started)
                elif new := replaced(page.read_text(encoding="utf-8"), section_of_running(study)):
                    write_text(page, new)
            pause_s = max(EVERY_S, SHARE * (time.monotonic() - started) if study is None else EVERY_S)
    except KeyboardInterrupt:
        _end(folder)
        raise
    return _end(folder)


def is_at_work(folder: Path) -> bool:
    """Whether a command, or a job of a cluster, is at work in the study; also while a sweep makes its own report."""
    return bool(commands(folder) or at_moment(folder)[1])


def _read(folder: Path) -> Study | None:
    """None as long as no run has ended."""
    try:
        return read_study(folder)
    except StudyError:
        return None


def _end(folder: Path) -> Path:
    """The page as it stays: it does not load itself again.  Without any run that has ended it says so."""
    try:
        return write_report(folder)
    except StudyError:
        page = folder / REPORT / PAGES["html"]
        ended = Running(utc_now(), ("No command is at work any longer, and no run has ended",), ())
        write_folder(page.parent, lambda building: write_beginning(building, folder, ended, reloads=False))
        return page
