"""rnnlab-runs delete DIR RUN...: remove runs with everything that belongs to them.

A sweep's study.json still names them, so the report says that they are missing, and the same command computes them
again: who could take runs out of a study without a trace could make its claims come out as he likes.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from rnnlab.options import ConfigError
from rnnlab.records.conditions import is_condition
from rnnlab.records.run import RUN
from rnnlab.records.temporaries import temporary
from rnnlab.report.reading.folders import StudyError
from rnnlab.runs import selection
from rnnlab.runs.disk import bytes_of
from rnnlab.runs.output import size

HELP = "delete runs: their records and their checkpoints; asks before it does, unless --yes is given"
SHOWN = 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    selection.add_arguments(parser, nargs="+")
    parser.add_argument("--yes", action="store_true", help="do not ask")


def run(arguments: argparse.Namespace) -> int:
    """1: nothing was deleted.  Raises ConfigError where another command is at work in the study."""
    folder: Path = arguments.folder
    places = _folders(folder, arguments.words)
    if not places:
        print("no run meets these conditions", file=sys.stderr)
        return 1
    for place in places[:SHOWN]:
        print(place)
    if len(places) > SHOWN:
        print(f"and {len(places) - SHOWN} more")
    words = f"{len(places)} run{'s' if len(places) > 1 else ''}, {size(sum(map(bytes_of, places)))}"
    if not arguments.yes and not _agreed(f"delete {words}? [y/N] "):
        print("nothing was deleted", file=sys.stderr)
        return 1
    _delete(folder, places)
    print(f"deleted: {words}")
    return 0


def _folders(folder: Path, words: Sequence[str]) -> list[Path]:
    """The folders of the runs that are meant.  A folder that is named exactly need not hold a record that can be
    read."""
    exact = [folder / Path(word).name for word in words if not is_condition(word)]
    if exact and len(exact) == len(words) and all(_is_of_a_run(place) for place in exact):
        return list(dict.fromkeys(exact))
    try:
        return [folder / one.folder for one in selection.select(folder, words)]
    except StudyError as error:
        raise ConfigError(f"{error}; a run without a record is named by its whole folder") from None


def _is_of_a_run(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink() and any((place / sign).exists() for sign in (RUN, ".hydra"))


def _agreed(question: str) -> bool:
    try:
        return input(question).strip().lower() in ("y", "yes")
    except EOFError:
        return False


def _delete(folder: Path, places: Sequence[Path]) -> None:
    """Under the study's lock.  A folder is gone in one step; when the command is killed, the next one removes the
    rest."""
    from rnnlab.sweep.folder import CHECKPOINTS, locked
    from rnnlab.training.checkpoints import forget_runs

    with locked(folder):
        forget_runs(folder / CHECKPOINTS, {place.name.rpartition("-")[2] for place in places})
        for place in places:
            gone = temporary(place)
            place.rename(gone)
            shutil.rmtree(gone)
