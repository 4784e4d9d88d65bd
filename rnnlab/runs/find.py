"""rnnlab-runs find DIR CONDITION...: the runs of a study that meet conditions."""

from __future__ import annotations

import argparse

from rnnlab.options import counted
from rnnlab.runs import selection
from rnnlab.runs.output import show

HELP = "find runs by their settings and results: find DIR cell.activation=relu 'training.steps>1000' outcome=diverged"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    selection.add_arguments(parser, nargs="*")
    parser.add_argument("--names", action="store_true", help="only the names of the folders, a line each")


def run(arguments: argparse.Namespace) -> int:
    """Print the runs with the settings in which they differ, and how they ended.  1: there are none."""
    found = selection.select(arguments.folder, arguments.words)
    if arguments.names:
        for one in found:
            print(one.folder)
        return 0 if found else 1
    keys = selection.varied(found)
    rows = [
        [
            one.folder,
            *(one.config.get(key) for key in keys),
            selection.ending(one),
            one.steps_done,
            one.metrics.get("test_loss"),
        ]
        for one in found
    ]
    show(
        ("run", *keys, "outcome", "steps_done", "test_loss"),
        rows,
        f"{counted(len(found), 'run')} of {arguments.folder}",
    )
    return 0 if found else 1
