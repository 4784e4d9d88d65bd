"""From run folders to a page, through five rooms; each knows only those before it.  No torch, no hydra.

reading/   a study's folder -> Study: its runs as plain data, and by name what cannot be read
           folders, read, study (the data), running (what is going on meanwhile), part (some of the runs), old_records,
           cache (what was read and made before, and from which files), processes (work that is shared)
judging/   Study -> View: numbers and verdicts, as plain data and without a sentence
           conditions (what the sweep varied), shape (which picture shows it), importance (what matters), labels,
           quantities (one number per run), samples (one number per seed), verdicts, pairs, estimates, standings (what
           is shown), view; their tests are in rnnlab/statistics
words/     what the numbers say, in sentences: answer, headlines, importance, of verdicts sentences, remarks and
           details, pairs, intervals, glossary, wording
figures/   numbers -> pictures with caption and alternative text: a file for each kind, found by registry
page/      all of it -> one HTML file, swapped in whole, with figures and tables beside it: write, page, folder, tables,
           run_table, texts (what a network spelled), running (what is going on), watch (the page kept fresh),
           templating, templates/; index (a page over all studies), compare
           (two folders, before and after); explore/ (data of the section Explore), scripts/ (what runs in the
           browser), vendor/ (the library that draws there)
findings/  the blocks of a page that somebody writes: rnnlab-report DIR --fill PAGE; its tables are stored beside it
load.py    pandas tables for people: rnnlab.load
command.py the command rnnlab-report
"""

from __future__ import annotations

from pathlib import Path


def write_report(folder: Path) -> Path:
    """Write the report of the study in `folder` and return the path of its page.

    Raises StudyError (rnnlab.report.reading.folders) when no run in it can be read, OSError when it cannot be written.
    """
    from rnnlab.report.page.write import write_report

    return write_report(folder)


def undecided_claims(folder: Path, precision: float | None = None) -> tuple[int, ...]:
    """The claims of the study in `folder`, by number, that more seeds could decide.  precision: instead, those with an
    interval that is wider than this.

    Raises StudyError when no run can be read."""
    from rnnlab.report.judging.conditions import design_of
    from rnnlab.report.judging.verdicts import judge, undecided
    from rnnlab.report.reading.read import read_study

    study = read_study(folder)
    return undecided(judge(study, design_of(study.members, study.following)), precision)
