"""What is going on in a study while it is read: from the small files that its command and its workers write."""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from rnnlab.records.progress import at_moment


@dataclass(frozen=True)
class UnderWay:
    """A run that is being trained.  curves: step, train_loss, eval_loss so far, by column."""

    folder: str
    step: int
    steps: int
    curves: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Running:
    """A study at one moment.  at: that moment, in UTC.  lines: how far each command is.  planned: the folders of runs
    that have not begun."""

    at: str
    lines: tuple[str, ...]
    under_way: tuple[UnderWay, ...]
    planned: tuple[str, ...] = ()
    is_sweep: bool = True

    @property
    def names(self) -> frozenset[str]:
        """The folders of all runs that have not ended."""
        return frozenset((*(run.folder for run in self.under_way), *self.planned))


def utc_now() -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime())


def running_in(folder: Path) -> Running | None:
    """What is being trained, without what is planned; None where nobody is at work.

    It is to be asked before the records are read: a run that ends in between is among them."""
    commands, packs = at_moment(folder)
    if not commands and not packs:
        return None
    under_way = {
        run.folder: UnderWay(run.folder, run.step, pack.steps, _curves(pack.curves.get(run.run_id, {})))
        for pack in packs
        for run in pack.runs
    }
    lines = tuple(command.line for command in commands if command.line)
    in_order = tuple(sorted(under_way.values(), key=lambda run: run.folder))
    is_sweep = any(command.is_sweep for command in commands) or not commands  # no command: jobs of a cluster
    return Running(utc_now(), lines, in_order, is_sweep=is_sweep)


def without_recorded(running: Running, expected: Collection[str], recorded: Collection[str]) -> Running:
    """The same moment with what is planned.  recorded: the folders of the runs that have ended, well or not."""
    under_way = tuple(run for run in running.under_way if run.folder not in recorded)
    names = {run.folder for run in under_way}
    asked = expected if running.is_sweep else ()
    planned = tuple(name for name in asked if name not in names and name not in recorded)
    return replace(running, under_way=under_way, planned=planned)


def _curves(rows: Mapping[str, object]) -> dict[str, np.ndarray]:
    """By column; nothing where they are not of one length."""
    try:
        found = {name: np.array(column, float) for name, column in rows.items()}
    except (TypeError, ValueError):
        return {}
    return found if len({column.shape for column in found.values()}) == 1 and "step" in found else {}
