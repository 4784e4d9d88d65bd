"""The table of all runs on the page: a row for each run, and the columns in which runs differ."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab.report.judging.labels import written
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Run, Study

STATIC_ROWS = (
    100  # that stand in the page itself, for readers without JavaScript; also the rows the table shows at once
)


@dataclass(frozen=True)
class RunTable:
    """rows: numbers and text; None where a run does not have the entry."""

    columns: tuple[str, ...]
    numeric: tuple[bool, ...]
    rows: tuple[tuple[Any, ...], ...]

    @property
    def as_json(self) -> str:
        """The table for a <script> element.  It holds no <, so that no tag can begin in it."""
        data = {"columns": self.columns, "numeric": self.numeric, "rows": self.rows, "page": STATIC_ROWS}
        text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
        return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def run_table(study: Study, view: View) -> RunTable:
    axes = [axis for axis in view.design.axes if axis != "task.name"]
    scores = dict.fromkeys(run.task.score for run in study.members)
    losses = (["test_loss"] if any(run.has_test_loss for run in study.members) else []) + ["eval_loss", "train_loss"]
    metrics = [*(name for name in scores if name not in losses), *losses]
    columns = ("run", "task", *axes, "seed", "ended", "score", *metrics, "steps")
    rows = tuple(_row(run, axes, metrics) for run in study.members)
    return RunTable(columns, _numeric(columns, rows), rows)


def _row(run: Run, axes: Sequence[str], metrics: Sequence[str]) -> tuple[Any, ...]:
    settings = run.settings
    values = [_entry(settings.get(axis)) for axis in axes]
    numbers = [_number(score(run)), *(_number(run.metrics.get(name)) for name in metrics)]
    return (run.folder, run.task.name, *values, _entry(run.seed), _ended(run), *numbers, run.steps_done)


def _ended(run: Run) -> str:
    if not run.completed:
        return "failed"
    if run.diverged:
        return f"diverged at step {run.diverged_at_step}"
    return (run.outcome or "completed").replace("_", " ")


def _entry(value: Any) -> Any:
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else written(value)


def _number(value: float | None) -> float | str | None:
    """Rounded to five digits; a word for what is not finite, as JSON has no number for it."""
    if value is None:
        return None
    return float(f"{value:.5g}") if math.isfinite(value) else str(value)


def _numeric(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[bool, ...]:
    words = {"nan", "inf", "-inf", "-"}
    return tuple(
        all(row[n] is None or isinstance(row[n], (int, float)) or row[n] in words for row in rows)
        for n in range(len(columns))
    )
