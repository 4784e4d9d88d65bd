"""From run folders to a page: read -> statistics -> view model -> figures -> page.  Imports no torch and no hydra.

read.py          a study folder: runs, and by name what cannot be read (study_file.py, cache.py)
load.py          the same as pandas tables, for people: rnnlab.load
conditions.py    what the sweep varied: axes, constants, groups of runs
statistics.py    pure functions on arrays; estimates.py, effects.py: their results as plain data
selection.py     the learning rate of each condition, chosen by other seeds; standings.py: what is compared
verdicts.py      whether the study's claims hold; sentences.py: in words
view.py          what the page says, without HTML; headlines.py: its sentences
figures/         data -> matplotlib Figure, with caption and alt text; texts.py: decoded text
tables.py        the same numbers as CSV; run_table.py: the table of all runs
page.py          view model + figures -> one page, swapped in whole, unless it is fresh (freshness.py)
index.py         a page over all studies; compare.py: two folders, before and after
command.py       rnnlab-report
"""

from pathlib import Path


def write_report(folder: Path) -> Path:
    """Write the report of the study in `folder` and return the path of its page.

    Raises StudyError (rnnlab.report.read) when no run in it can be read, OSError when it cannot be written.
    """
    from rnnlab.report.page.page import write_report

    return write_report(folder)
