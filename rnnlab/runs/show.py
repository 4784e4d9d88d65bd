"""rnnlab-runs show DIR RUN: all that is known of one run."""

from __future__ import annotations

import argparse

from rnnlab.options import ConfigError, counted, dotted
from rnnlab.records.files import RecordError, read_json
from rnnlab.records.run import PROVENANCE
from rnnlab.report.reading.part import results_of
from rnnlab.runs import selection
from rnnlab.runs.output import show, size

HELP = "show one run: its settings, how it ended, its metrics, how it was made, its files"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    selection.add_arguments(parser, nargs="+")


def run(arguments: argparse.Namespace) -> int:
    """Raises ConfigError unless exactly one run is meant."""
    found = selection.select(arguments.folder, arguments.words)
    if len(found) != 1:
        named = f": {', '.join(one.folder for one in found[:5])}" + (" ..." if len(found) > 5 else "")
        raise ConfigError(
            f"{counted(len(found), 'run')} found{named if found else ''}; show needs one, compare several"
        )
    (one,) = found
    folder = arguments.folder / one.folder
    try:
        provenance = dotted(read_json(folder / PROVENANCE))
    except (RecordError, AttributeError):
        provenance = {}
    rows = [("setting", key, value) for key, value in one.config.items()]
    rows += [("result", key, value) for key, value in results_of(one).items() if value is not None]
    rows += [("provenance", key, value) for key, value in provenance.items()]
    files = sorted(path for path in folder.iterdir() if path.is_file())
    rows += [("file", path.name, size(path.stat().st_size)) for path in files]
    show(("what", "name", "value"), rows)
    if one.error:
        print(one.error)
    return 0
