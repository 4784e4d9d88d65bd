"""Which runs of a study a command line means: names, and conditions (rnnlab.records.conditions)."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlab.options import ConfigError, did_you_mean
from rnnlab.records.conditions import SYNTAX, check, is_condition, meet, parse
from rnnlab.report.reading.part import results_of
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Run

SHORTEST = 4  # letters of a run_id that name a run


def add_arguments(parser: argparse.ArgumentParser, nargs: str) -> None:
    """The arguments of a subcommand that is about some runs of one study."""
    parser.add_argument("folder", metavar="DIR", type=Path, help="of a study")
    parser.add_argument(
        "words",
        metavar="RUN",
        nargs=nargs,
        help=f"the name of a run's folder, or the beginning of its run_id; or a condition: {SYNTAX}; "
        "several conditions are joined by and",
    )


def row(run: Run) -> dict[str, Any]:
    """Whatever a condition can ask for."""
    return dict(run.config) | results_of(run)


def select(folder: Path, words: Sequence[str]) -> list[Run]:
    """The runs that are named, or all where none is, and of them those that meet all conditions.

    Raises StudyError for a folder without runs, ConfigError for a name or a condition that fits none."""
    members = read_study(folder).members
    conditions = [parse(word) for word in words if is_condition(word)]
    check(conditions, [row(run) for run in members])
    named = {run.folder for word in words if not is_condition(word) for run in _named(word, members)}
    chosen = [run for run in members if run.folder in named] if named else members
    return [run for run in chosen if meet(row(run), conditions)]


def _named(word: str, members: Sequence[Run]) -> list[Run]:
    name = Path(word).name
    found = [run for run in members if run.folder == name]
    if not found and len(name) >= SHORTEST:
        found = [run for run in members if run.run_id.startswith(name)]
    if not found:
        near = did_you_mean(name, [run.folder for run in members])
        raise ConfigError(
            f"{word!r}: no such run{near}; a run is named by its folder, or by {SHORTEST} letters of its id"
        )
    return found


def varied(runs: Sequence[Run]) -> list[str]:
    """The settings in which the runs differ."""
    keys = dict.fromkeys(key for run in runs for key in run.config)
    return [key for key in keys if len({repr(run.config.get(key)) for run in runs}) > 1]


def ending(run: Run) -> str:
    """How a run ended, in a word."""
    return run.outcome or run.status
