"""The tables of the report as CSV text: conditions.csv and runs.csv.

They may be opened in a spreadsheet, where a text such as =cmd() is a formula.  So a text that starts with = + - @, a
tab or a line end, and is not a number, gets an apostrophe before it; numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any

from rnnlab.report.judging.estimates import Estimate, Rate
from rnnlab.report.judging.view import ConditionView, View
from rnnlab.report.reading.study import Study

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def runs_csv(study: Study) -> str:
    """One row per run; an entry that a run does not have is empty, one that is not a number is nan."""
    return _csv(study.rows())


def conditions_csv(view: View) -> str:
    """One row per condition, with every median, interval and count of the page."""
    return _csv(_row(task.facts.name, condition) for task in view.tasks for condition in task.conditions)


def _row(task: str, view: ConditionView) -> dict[str, Any]:
    row: dict[str, Any] = {"task.name": task} | dict(view.condition.settings)
    row |= {"n": view.n, "n_completed": view.n_completed, "n_learned": view.n_learned}
    row |= _rate("diverged", view.diverged)
    row |= _estimate("score", view.score) | {"score_iqm": view.score_iqm}
    row |= _estimate("eval_loss", view.eval_loss) | _estimate("train_loss", view.train_loss)
    for name, estimate in view.errors.items():
        row |= _estimate(name, estimate)
    return row | {"task_score": view.condition.runs[0].task.score} | _estimate("task_score", view.task_score)


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval or (None, None)
    return {f"{name}_median": estimate.median, f"{name}_low": low, f"{name}_high": high}


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    return {f"n_{name}": rate.count, f"{name}_low": rate.interval[0], f"{name}_high": rate.interval[1]}


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([_safe(column) for column in columns])
    writer.writerows([_safe(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def _safe(value: Any) -> Any:
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
