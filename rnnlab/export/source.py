"""What a target reads of a study: its runs, when they were computed, their tables, and the files of the report."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Mapping
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.records.files import RecordError, read_json
from rnnlab.records.run import PROVENANCE, RUN
from rnnlab.report import write_report
from rnnlab.report.reading.study import Problem, Run, Study

Value = bool | int | float | str  # what every tool can hold as a setting


class Source:
    """A study to be exported.

    study      the runs, read by the same code as the report reads them
    report     the folder of the study's report
    problems   the failed, missing and unreadable runs, and tables that turned out to be unreadable on the way
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        self._unreadable: dict[str, Problem] = {}

    @property
    def problems(self) -> tuple[Problem, ...]:
        return (*self.study.problems, *self._unreadable.values())

    def cannot_read(self, run: Run, error: RecordError) -> None:
        """Note a table of a run that cannot be read: the export goes on without it."""
        reason = str(error).removeprefix(f"{self.study.folder / run.folder}/")
        problem = Problem(run.folder, "unreadable", reason)
        self._unreadable[f"{run.folder} {reason}"] = problem

    @cached_property
    def report(self) -> Path:
        """DIR/report, written first where it is not up to date.  Raises OSError when it cannot be written."""
        return write_report(self.study.folder).parent

    @cached_property
    def figures(self) -> Mapping[str, Path]:
        """The figures of the report as PNG files, by name."""
        return {path.stem: path for path in sorted((self.report / "figures").glob("*.png"))}

    def runs(self) -> Iterator[Run]:
        """The runs one after the other.  On a terminal a bar on stderr shows how far the export is."""
        from rich.console import Console
        from rich.progress import track

        console = Console(stderr=True)
        shown = sys.stderr.isatty()
        yield from track(self.study.members, "exporting", console=console, transient=True, disable=not shown)

    def times(self, run: Run) -> tuple[float, float]:
        """Begin and end of a run, in seconds since 1970.

        They are those of its pack, in provenance.json.  A record without them has the time at which its run.json was
        last changed, twice.
        """
        folder = self.study.folder / run.folder
        try:
            provenance = read_json(folder / PROVENANCE)
            end = datetime.fromisoformat(provenance["finished"]).timestamp()
            return end - float(provenance.get("pack_wall_s", 0.0)), end
        except (RecordError, ValueError, KeyError, TypeError, OverflowError):
            changed = (folder / RUN).stat().st_mtime
            return changed, changed

    @cached_property
    def last_time(self) -> float:
        """When the last run ended, in seconds since 1970."""
        return max(self.times(run)[1] for run in self.study.members)


def settings(run: Run) -> dict[str, Value]:
    """The config of a run as hyperparameters: keys with dots.  A key that was left null is not there.

    An infinite number is the text "inf": TensorBoard can show no hyperparameter at all where one is infinite."""
    found = {key: setting(value) for key, value in run.config.items() if value is not None}
    return {key: value if value not in (math.inf, -math.inf) else str(value) for key, value in found.items()}


def setting(value: Any) -> Value:
    """A value of a config or a table as plain Python: a list becomes its JSON text."""
    value = value.item() if isinstance(value, np.generic) else value
    return value if isinstance(value, bool | int | float | str) else json.dumps(value, ensure_ascii=False, default=str)


def scalars(run: Run) -> dict[str, float]:
    """The final metrics of a run, and beside them steps_done and diverged (0 or 1)."""
    return {**run.metrics, "steps_done": float(run.steps_done), "diverged": float(run.diverged)}
