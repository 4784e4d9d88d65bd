"""rnnlab-runs compare DIR RUN RUN: what differs between runs, in their settings and in how they ended."""

from __future__ import annotations

import argparse

from rnnlab.options import ConfigError, counted
from rnnlab.report.reading.part import results_of
from rnnlab.runs import selection
from rnnlab.runs.output import show

HELP = "compare runs: the settings and results in which they differ"
MOST = 12  # columns that a person can read


def add_arguments(parser: argparse.ArgumentParser) -> None:
    selection.add_arguments(parser, nargs="+")


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError unless two runs or more are meant, and not too many."""
    found = selection.select(arguments.folder, arguments.words)
    if not 2 <= len(found) <= MOST:
        raise ConfigError(f"{counted(len(found), 'run')} found; compare needs 2 to {MOST}")
    results = [results_of(one) for one in found]
    names = dict.fromkeys(name for result in results for name in result if name not in ("run_id", "folder"))
    rows = [("setting", key, *(one.config.get(key) for one in found)) for key in selection.varied(found)]
    beside = {name: [result.get(name) for result in results] for name in names}
    rows += [("result", name, *values) for name, values in beside.items() if len(set(map(repr, values))) > 1]
    show(("what", "name", *(one.folder for one in found)), rows)
    if not rows:
        print("they do not differ")
    return 0
