"""What `rnnlab.load`, `sweep` and `run` return: records as tables, and the trained networks."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from rnnlab import plugins
from rnnlab.options import ConfigError, check_choice, did_you_mean
from rnnlab.records.metrics import metric_of
from rnnlab.report import load as tables
from rnnlab.report.reading.read import read_study

if TYPE_CHECKING:
    from rnnlab.networks.network import Network

VALIDATION = "eval_"  # what the names of metrics of the validation split begin with


class Result(tables.Result):
    """The record of one run (docs/python.md), and its network (docs/network.md)."""

    def network(self) -> Network:
        """The trained network.  Raises what rnnlab.networks.record.network_of raises."""
        from rnnlab.networks.record import network_of

        return network_of(self.folder)


class Results(tables.Results):
    """The runs of a study folder as tables (docs/python.md), and their networks (docs/network.md)."""

    def network(self, run_id: str) -> Network:
        """The trained network of a run.  Raises ConfigError for an id that no run has, and what
        rnnlab.networks.record.network_of raises."""
        from rnnlab.networks.record import network_of

        folders = {run.run_id: run.folder for run in self._study.members}
        if run_id not in folders:
            raise ConfigError(f"run_id: {run_id!r}; no such run in {self._study.folder}{did_you_mean(run_id, folders)}")
        return network_of(self._study.folder / folders[run_id])

    def best(self, task: str | None = None, by: str = "eval_loss") -> Network:
        """The network of the run that is best on the validation split.  Of equal runs it is the first one in `runs`.

        task: may be left out where the study has one.  by: a metric of the validation split, "eval_...".  The test
        split chooses nothing: of the best run of many, a score on the data that it was chosen by is too good.

        A run that failed or diverged is never the best one.  Raises ConfigError where no run can be chosen, and what
        `network` raises."""
        runs = [run for run in self._study.members if run.completed]
        names = list(dict.fromkeys(run.task.name for run in runs))
        if task is None and len(names) > 1:
            raise ConfigError(f"task: must be given, the study has {', '.join(names)}")
        if task is not None:
            check_choice("task", task, names)
        runs = [run for run in runs if task in (None, run.task.name)]
        known = dict.fromkeys(name for run in runs for name in run.metrics if name.startswith(VALIDATION))
        if by not in known:
            raise ConfigError(f"by: {by!r}; must be a metric of the validation split, one of {', '.join(known)}")
        metric = metric_of(by)
        if metric is None or metric.better is None:
            raise ConfigError(f"by: {by!r}; rnnlab/records/metrics.py does not say which side of it is better")
        sign = 1 if metric.better == "lower" else -1
        able = [run for run in runs if not run.diverged and not math.isnan(run.metrics.get(by, math.nan))]
        if not able:
            raise ConfigError(f"by: {by!r}; none of {len(runs)} runs can be chosen, they diverged or do not have it")
        return self.network(min(able, key=lambda run: sign * run.metrics[by]).run_id)


def load(folder: str | PathLike[str], use: Sequence[str | PathLike[str]] = ()) -> Results:
    """The records below a study folder, outputs/<study>.  use: plugins that its networks need.

    Raises StudyError where no run can be read, and ConfigError for a plugin that cannot be imported."""
    if use:
        plugins.use([os.fspath(name) for name in use], Path())
    return Results(read_study(Path(folder)))


def load_run(folder: str | PathLike[str]) -> Result:
    """The record in a run's folder.  Raises RecordError."""
    return Result(Path(folder))
