"""From run folders to a page: read -> statistics -> view model -> figures -> page.  Imports no torch and no hydra.

    read.py          a study folder as data frames; what cannot be read, by name
    conditions.py    what the sweep varied: axes, constants, groups of runs
    statistics.py    pure functions on arrays
    view.py          what the page says, without HTML; headlines.py: its sentences
    figures/         data -> matplotlib Figure, with caption and alt text
    tables.py        the same numbers as CSV
    page.py          view model + figures -> one HTML file, swapped in whole
    command.py       rnnlab-report DIR

Verdicts on claims belong between view.py and page.py, in a claims.py of their own.
"""

from pathlib import Path


def write_report(folder: Path) -> Path:
    """Write the report of the study in `folder` and return the path of its page.

    Raises StudyError (rnnlab.report.read) when no run in it can be read, OSError when it cannot be written.
    """
    from rnnlab.report.page import write_report  # pandas and matplotlib take a second to import

    return write_report(folder)
