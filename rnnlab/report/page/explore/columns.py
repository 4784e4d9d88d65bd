"""The runs of one study, or of several, as a table of plain columns.

The section Explore draws any of the columns against any other one; the table of runs on the page shows some of them.
A column holds what was measured, also of a run that diverged.  `worst` says how such a run counts where runs are
ranked: as the worst there is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from rnnlab.records.metrics import labelled
from rnnlab.report.figures.palette import styles
from rnnlab.report.judging.conditions import COMPARED, TASK
from rnnlab.report.judging.labels import ABSENT, by_value, short, written
from rnnlab.report.judging.quantities import better_side, last, score
from rnnlab.report.reading.cache import Curves
from rnnlab.report.reading.study import Run

Role = Literal["name", "study", "setting", "seed", "ended", "outcome", "score", "metric", "diagnostic", "steps"]
DIGITS = 5  # of a number in the page
LAST = "last_"  # before the name of a column of curves.csv: its last value


@dataclass(frozen=True)
class Member:
    """A run, the study that it belongs to, and its curves."""

    study: str
    run: Run
    curves: Curves


@dataclass(frozen=True)
class Column:
    """values: by run, a number or a text; None where a run does not have the entry.

    title: in words, with the unit.  worst: +1 or -1 where a run that diverged counts as +infinity or -infinity, else 0.
    in_table: whether the table of runs shows it."""

    name: str
    title: str
    role: Role
    values: tuple[Any, ...]
    worst: int = 0
    in_table: bool = False

    @cached_property
    def numeric(self) -> bool:
        words = {"nan", "inf", "-inf", ABSENT}
        return all(value is None or isinstance(value, (int, float)) or value in words for value in self.values)

    @property
    def varies(self) -> bool:
        return len(set(self.values)) > 1

    def as_data(self) -> dict[str, Any]:
        """For JSON.  A text is the number of a word; words stand in their order, numbers among them by size."""
        head = {"name": self.name, "title": self.title, "role": self.role, "numeric": self.numeric}
        head |= {"worst": self.worst, "table": self.in_table}
        if self.numeric or self.role == "name":
            return head | {"values": self.values}
        words = sorted({value for value in self.values if value is not None}, key=by_value)
        place: dict[Any, int | None] = {word: n for n, word in enumerate(words)} | {None: None}
        colors = {}
        if self.name in COMPARED:
            colors = {word: style.color for word, style in styles(map(str, words)).items()}
            words = list(colors)  # in the order of the figures
            place = {word: n for n, word in enumerate(words)} | {None: None}
        codes = [place[value if value is None else str(value)] if colors else place[value] for value in self.values]
        return head | {"words": words, "codes": codes, "colors": colors}


def columns_of(members: Sequence[Member], axes: Iterable[str], studies: bool = False) -> tuple[Column, ...]:
    """The columns, those of the table first and in its order.  axes: the keys that the sweeps varied.

    studies: whether there is a column for the name of the study."""
    runs = [member.run for member in members]
    axes = [axis for axis in axes if axis != TASK]
    settings = [run.settings for run in runs]
    losses = (["test_loss"] if any(run.has_test_loss for run in runs) else []) + ["eval_loss", "train_loss"]
    shown = [name for name in dict.fromkeys(run.task.score for run in runs) if name not in losses] + losses
    measured = dict.fromkeys(name for run in runs for name in run.metrics)
    found = [Column("run", "run", "name", tuple(run.folder for run in runs), in_table=True)]
    if studies:
        found.append(Column("study", "study", "study", tuple(member.study for member in members)))
    found.append(Column("task", "task", "setting", tuple(run.task.name for run in runs), in_table=True))
    for axis in axes:
        values = tuple(_entry(own.get(axis)) for own in settings)
        found.append(Column(axis, short(axis, axes), "setting", values, in_table=True))
    found += [
        Column("seed", "seed", "seed", tuple(_entry(run.seed) for run in runs), in_table=True),
        Column("ended", "how it ended", "ended", tuple(map(_ended, runs)), in_table=True),
        Column("score", "score", "score", tuple(_number(score(run)) for run in runs), in_table=True),
        *(_metric(runs, name, in_table=True) for name in shown),
        Column("steps", "optimiser steps done", "steps", tuple(run.steps_done for run in runs), in_table=True),
        Column("outcome", "outcome", "outcome", tuple(map(_outcome, runs))),
        *(_metric(runs, name) for name in measured if name not in shown),
    ]
    return (*found, *_diagnostics(members, set(measured)))


def _metric(runs: Sequence[Run], name: str, in_table: bool = False) -> Column:
    losses = {run.task.loss for run in runs if name in run.metrics}
    sides = {better_side(name, run.task) for run in runs}
    worst = {frozenset({"lower"}): 1, frozenset({"higher"}): -1}.get(frozenset(side for side in sides if side), 0)
    values = tuple(_number(run.metrics.get(name)) for run in runs)
    return Column(name, labelled(name, losses.pop() if len(losses) == 1 else ""), "metric", values, worst, in_table)


def _diagnostics(members: Sequence[Member], known: set[str]) -> list[Column]:
    """The last value of each column of the curves that is no metric of the run already."""
    names = dict.fromkeys(name for member in members for name in member.curves if name not in ("step", *known))
    found = []
    for name in names:
        values = tuple(_number(last(member.curves.get(name))) for member in members)
        found.append(Column(LAST + name, f"{labelled(name)}, last", "diagnostic", values))
    return found


def _outcome(run: Run) -> str:
    if not run.completed:
        return "failed"
    return "diverged" if run.diverged else (run.outcome or "completed").replace("_", " ")


def _ended(run: Run) -> str:
    return f"diverged at step {run.diverged_at_step}" if run.completed and run.diverged else _outcome(run)


def _entry(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else written(value)


def _number(value: float | None) -> float | str | None:
    """A word for what is not finite, as JSON has no number for it."""
    if value is None:
        return None
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else str(float(value))
