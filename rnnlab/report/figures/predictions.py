"""The network's forecasts beside the truth: one step ahead, and in closed loop on its own predictions.  Where many
steps are forecast at once, the last of them stands in place of the closed loop.

For each condition the run with the median error in closed loop is shown (or of the task's own measure), neither the
best nor the worst.  The axes are those of the truth: a forecast that explodes leaves the picture and is cut off there,
and the panel says so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.records.files import RecordError
from rnnlab.records.metrics import title_of
from rnnlab.report.figures.canvas import NOTE_SIZE, Margins, panels, styled
from rnnlab.report.figures.choice import shown_standings
from rnnlab.report.figures.palette import FAINT, INK, SOFT, Style
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import Styles, figure_of_task
from rnnlab.report.judging.quantities import CLOSED_LOOP
from rnnlab.report.judging.standings import Standing, judged_by, median_run
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Run, Study
from rnnlab.report.words.wording import listed, number

ROOM = 8  # conditions, a row each
MARGIN, WIDEST_MARGIN = 0.2, 0.7  # above and below the truth, as a part of its span
COLUMNS = {"one_step": "one step ahead", "closed_loop": "closed loop"}
LAST_STEP = "last step of the horizon"
STEP = re.compile(r"step_(\d+)")


@dataclass(frozen=True)
class PredictionRow:
    """One run: t (numbers or dates), truth and both forecasts, (points,) each; NaN where there is no forecast.

    closed_loop: of a run that forecasts many steps at once, the last of them; steps_at_once: such a run, which does not
    forecast every row at every step, so that NaN says only this."""

    label: str
    title: str
    t: np.ndarray
    truth: np.ndarray
    one_step: np.ndarray
    closed_loop: np.ndarray
    steps_at_once: bool = False

    def forecast(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """t and forecast of a column, where there is one."""
        values = getattr(self, name)
        there = ~np.isnan(values) if self.steps_at_once else np.ones(len(values), dtype=bool)
        return self.t[there], values[there]


@figure_of_task("predictions", place=1)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    if task.facts.predictions != "series":
        return
    standings, cut = shown_standings(task.standings, ROOM)
    rows, alts, lost, heads, in_utc = [], [], [], set(), False
    for standing in standings:
        run = median_run(standing)
        try:
            table = study.predictions(run.run_id)
            steps = sorted((name for name in table if STEP.fullmatch(name)), key=lambda name: int(name[5:]))
            second = steps[-1] if steps else "closed_loop"
            t = _times(table["t"])
            truth, one_step, last = (np.asarray(table[name], float) for name in ("truth", "one_step", second))
        except (RecordError, KeyError, ValueError):
            lost.append(run.folder)
            continue
        last_alone = run.config.get("task.forecast") == "last_step"
        heads.add((LAST_STEP if last_alone else COLUMNS["one_step"], LAST_STEP if steps else COLUMNS["closed_loop"]))
        in_utc |= table["t"].dtype.kind == "U" and str(table["t"][0]).endswith("Z")
        title = _title(standing, run)
        rows.append(PredictionRow(standing.label, title, t, truth, one_step, last, steps_at_once=bool(steps)))
        alts.append(f"{standing.name} (seed {run.seed}): {_errors(run)}")
    if not rows:
        return
    measure = title_of(judged_by(standings[0]))
    caption = f"For each condition, the run with the median {measure} is shown, with its seed.{cut}"
    if lost:
        caption += f" The predictions of {listed(lost)} cannot be read."
    if any(
        _n_outside(row.forecast("closed_loop")[1], _limits(row.truth, row.one_step, row.closed_loop)) for row in rows
    ):
        caption += " A forecast that leaves the axes for good is cut off there; the panel says how far it went."
    name = task.facts.name
    alt = f"Forecasts of {name} against the truth. {'; '.join(alts)}."
    figure = draw_predictions(
        rows,
        style_of,
        heads=tuple(" or ".join(sorted({pair[n] for pair in heads})) for n in range(2)),
        x_label="t (UTC)" if in_utc else "t",
    )
    yield Plate(file_stem("predictions", name), "predictions", name, caption, alt, figure)


def _times(column: np.ndarray) -> np.ndarray:
    """Numbers as they are, dates as datetime64; those in UTC end in Z.  Raises ValueError for other text."""
    if column.dtype.kind != "U":
        return np.asarray(column, float)
    return np.array([entry.removesuffix("Z") for entry in column.tolist()], dtype="datetime64[us]")


def _title(standing: Standing, run: Run) -> str:
    ended = f", diverged at step {run.diverged_at_step}" if run.diverged else ""
    return f"{standing.name} (seed {run.seed}{ended})"


def _errors(run: Run) -> str:
    """The errors of the run, as recorded."""
    loss = "test_loss" if run.has_test_loss else "eval_loss"
    names = [name for name in (loss, CLOSED_LOOP) if name in run.metrics]
    known = [f"{title_of(name)} {number(run.metrics[name])}" for name in names]
    ended = [f"diverged at step {run.diverged_at_step}"] if run.diverged else []
    return listed(known + ended) or "no error recorded"


@styled
def draw_predictions(
    rows: Sequence[PredictionRow],
    style_of: Styles,
    heads: Sequence[str] = tuple(COLUMNS.values()),
    x_label: str = "t",
) -> Figure:
    """A row for each run: its forecasts one step ahead on the left, in closed loop on the right; a column in which no
    run has a forecast is left out.  heads: what stands above the columns."""
    margins = Margins(left=0.5, right=0.15, top=0.55, bottom=0.78, across=0.25, down=0.4)
    columns = [name for name in COLUMNS if any(not np.isnan(row.forecast(name)[1]).all() for row in rows)] or [
        "one_step"
    ]
    n = len(columns)
    titles = [title for row in rows for title in (row.title, "")[:n]]
    figure, all_axes = panels(titles, n, 1.15, margins, shared="x")
    for place, axes in enumerate(all_axes):
        row, column = rows[place // n], columns[place % n]
        limits = _limits(row.truth, row.one_step, row.closed_loop)
        axes.plot(row.t, row.truth, color=FAINT, linewidth=2.6)
        _draw_forecast(axes, *row.forecast(column), limits, style_of[row.label])
        if place % n:
            axes.tick_params(labelleft=False)
        if place < n:
            x, head = axes.get_position().x0, heads[list(COLUMNS).index(column)]
            figure.text(x, 1 - 0.12 / figure.get_figheight(), head, va="top", color=SOFT)
        last_row = place >= n * (len(rows) - 1)
        axes.tick_params(labelbottom=last_row)
        if last_row:
            axes.set_xlabel(x_label)
    handles = [
        Line2D([], [], color=FAINT, linewidth=2.6, label="truth"),
        Line2D([], [], color=INK, linewidth=1.1, label="network (in the colour of its activation)"),
    ]
    figure.legend(handles=handles, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 0))
    return figure


def _draw_forecast(axes: Axes, t: np.ndarray, forecast: np.ndarray, limits: tuple[float, float], style: Style) -> None:
    low, high = limits
    seen, left = _seen(forecast, limits)
    axes.plot(t, seen, color=style.color, linewidth=1.1)
    if left is not None:
        y = float(np.clip(seen[left], low, high)) if np.isfinite(seen[left]) else high
        axes.plot(t[left], y, marker="x", markersize=5, markeredgewidth=1.3, color=style.color, clip_on=False, zorder=4)
    axes.set_ylim(low, high)
    axes.margins(x=0.01)
    if t.dtype.kind == "M":
        axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))
    n_outside = _n_outside(forecast, limits)
    if n_outside or np.isnan(forecast).all():
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.5, "alpha": 0.85}
        place: dict[str, Any] = {"transform": axes.transAxes, "ha": "right", "va": "bottom", "fontsize": NOTE_SIZE}
        axes.text(0.995, 0.03, _how_far(forecast, n_outside), **place, bbox=box)


def _seen(forecast: np.ndarray, limits: tuple[float, float]) -> tuple[np.ndarray, int | None]:
    """The forecast up to the point where it is one height of the axes outside of them, and that point (None: never).

    Otherwise a forecast that swings from far below to far above would fill the panel as a solid block."""
    low, high = limits
    seen = np.where(np.isfinite(forecast), forecast, math.nan)
    begun = np.cumsum(~np.isnan(forecast)) > 0
    gone = np.flatnonzero(begun & ~((seen >= low - (high - low)) & (seen <= high + (high - low))))
    if not gone.size:
        return seen, None
    seen = np.clip(seen, low - (high - low), high + (high - low))
    seen[gone[0] + 1 :] = math.nan
    return seen, int(gone[0])


def _limits(truth: np.ndarray, *forecasts: np.ndarray) -> tuple[float, float]:
    """The axis of the truth; somewhat wider, where that is enough to show all of the forecasts."""
    known = truth[np.isfinite(truth)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    span = (high - low) or 1.0
    said = np.concatenate([forecast[~np.isnan(forecast)] for forecast in forecasts])
    reach = max(low - said.min(initial=low), said.max(initial=high) - high) / span
    room = reach + 0.05 if MARGIN < reach <= WIDEST_MARGIN else MARGIN
    return low - room * span, high + room * span


def _n_outside(forecast: np.ndarray, limits: tuple[float, float]) -> int:
    """How many points cannot be seen: beyond the axes, infinite, or NaN after the forecast has begun."""
    begun = np.cumsum(~np.isnan(forecast)) > 0
    return int(np.sum(begun & ~((forecast >= limits[0]) & (forecast <= limits[1]))))


def _how_far(forecast: np.ndarray, n_outside: int) -> str:
    if np.isnan(forecast).all():
        return "no forecast"
    finite = np.abs(forecast[np.isfinite(forecast)])
    reach = "not finite" if np.isinf(forecast).any() or not finite.size else f"up to {number(finite.max())}"
    return f"{n_outside:,} points outside, {reach}"
