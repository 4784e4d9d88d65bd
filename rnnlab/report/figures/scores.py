"""Final score by activation: every run a dot, the median and its interval beside them, diverged runs at 0."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from rnnlab.options import counted
from rnnlab.report.figures.canvas import LABEL_SIZE, Margins, balanced, is_bottom, is_left, panels, styled, text_width
from rnnlab.report.figures.palette import INK, SOFT, Style
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.pointed import stands_for
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.estimates import Estimate
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import CLOSEST, listed, near_one

MAX_PANELS = 24
STRETCHED_FROM = 0.95  # above this score, runs differ in how close they come to 1
FARTHEST = 1.0  # decades of 1 - score between tasks that share an axis
ROW, LOW_ROW, MANY_ROWS = 0.44, 0.18, 24  # inches, and from how many rows on they are low
EXPLANATION = (
    "Score of a run: 1 - test loss / test loss of the task's naive answer, kept within 0 and 1; a diverged run scores "
    "0. Every run is a mark, in the order of the seeds from top to bottom. From five runs on, the bar is the 95% "
    "percentile bootstrap interval of the median."
)


@dataclass(frozen=True)
class ScoreRow:
    label: str
    scores: Sequence[float]
    diverged: Sequence[bool]
    estimate: Estimate
    places: Sequence[int]  # of the runs in study.members


@dataclass(frozen=True)
class ScorePanel:
    title: str
    rows: Sequence[ScoreRow]
    task: str = ""


@figure_of_study("scores", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    labels = view.design.labels
    standings = [standing for task in view.tasks for standing in task.standings]
    found = []
    for facet in dict.fromkeys(standing.facet for standing in standings):
        for task in view.tasks:
            members = [standing for standing in task.standings if standing.facet == facet]
            rows = [
                _row(standing, study) for standing in sorted(members, key=lambda standing: labels.index(standing.label))
            ]
            if rows:
                name = task.facts.name
                found.append(ScorePanel(f"{name}, {facet}" if facet else name, rows, name))
    if not found:
        return
    shown = found[:MAX_PANELS]
    words = f" The first {len(shown)} of {len(found)} panels are drawn." if len(shown) < len(found) else ""
    if any(standing.rate is not None for standing in standings):
        words += " The first quarter of the seeds chose the learning rate; the others are shown, at that rate."
    ends = scales(shown)
    if len(set(ends)) > 1:
        words += " Panels of one task share an axis; those of different tasks do not."
    if any(end > STRETCHED_FROM for end in ends):
        words += " Where scores come close to 1, the axis is stretched towards 1."
    n_columns = min(len(view.tasks), 3) if len(view.tasks) > 1 else balanced(len(shown), at_most=3)
    figure = draw_scores(shown, style_of, n_columns)
    yield Plate("scores", "scores", "Score by activation", EXPLANATION + words, _alt(shown), figure)


def _row(standing: Standing, study: Study) -> ScoreRow:
    diverged = [run.diverged for run in standing.runs]
    places = [study.places[run.run_id] for run in standing.runs]
    return ScoreRow(standing.label, standing.scores, diverged, standing.score, places)


@styled
def draw_scores(shown: Sequence[ScorePanel], style_of: Mapping[str, Style], n_columns: int) -> Figure:
    labels = list(dict.fromkeys(row.label for panel in shown for row in panel.rows))
    labels = [label for label in style_of if label in labels]
    left = text_width(labels) + 0.25
    margins = Margins(left=left, right=0.36, top=0.3, bottom=0.82, across=0.3, down=0.62)
    height = (ROW if len(labels) <= MANY_ROWS else LOW_ROW) * len(labels) + 0.1
    figure, all_axes = panels([panel.title for panel in shown], n_columns, height, margins, shared="y")
    for place, (axes, panel, end) in enumerate(zip(all_axes, shown, scales(shown), strict=True)):
        _scale(axes, end)
        for row in panel.rows:
            _draw_row(axes, labels.index(row.label), row, style_of[row.label])
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0, labelleft=is_left(place, n_columns), labelsize=LABEL_SIZE)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("score (0 naive or diverged, 1 perfect)")
    all_axes[0].set_ylim(len(labels) - 0.45, -0.55)  # the first label on top
    figure.legend(handles=_legend(shown), loc="lower center", ncols=3, bbox_to_anchor=(0.5, 0))
    return figure


def scales(shown: Sequence[ScorePanel]) -> list[float]:
    """Of each panel the best score on its axis: one axis for all panels, or where that of one task would hide what
    another task shows, one for the panels of a task."""
    best: dict[str, float] = {}
    for panel in shown:
        known = [score for row in panel.rows for score in row.scores if not math.isnan(score)]
        best[panel.task] = max([best.get(panel.task, 0.0), *known])
    decades = [-math.log10(max(1 - end, CLOSEST)) for end in best.values()]
    if max(decades) - min(decades) <= FARTHEST:
        return [max(best.values())] * len(shown)
    return [best[panel.task] for panel in shown]


def _scale(axes: Axes, best: float) -> None:
    """A plain axis from 0 to 1; or one on which 0, 0.9, 0.99, 0.999 are equally far apart, 1 - score on a log scale."""
    if best <= STRETCHED_FROM:
        axes.set_xlim(-0.04, 1.04)
        return

    def decades(score: np.ndarray) -> np.ndarray:
        return np.asarray(-np.log10(np.maximum(1 - np.asarray(score, float), CLOSEST / 10)))

    end = float(decades(_drawn(best)))
    ticks = [1 - 10.0**-k for k in range(0, int(end) + 1, max(1, round(end / 4)))]
    ticks += [0.5] if end < 3.5 else []
    ticks += [between for between in (0.8, 0.95, 0.98) if end < 2 and between <= best]
    axes.set_xscale("function", functions=(decades, lambda place: 1 - 10.0 ** -np.asarray(place, float)))
    axes.set_xticks(ticks, [f"{'≥ ' if 1 - tick < 1.01 * CLOSEST else ''}{tick:.9g}" for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_xlim(1 - 10 ** (0.05 * end), 1 - 10 ** (-1.05 * end))


def _draw_row(axes: Axes, y: float, row: ScoreRow, style: Style) -> None:
    scores, diverged = _drawn(row.scores), np.asarray(row.diverged, bool)
    n = len(scores)
    heights = y + (np.linspace(-0.32, 0.1, n) if n > 1 else np.zeros(n))
    known = ~np.isnan(scores)
    ran, gone, places = known & ~diverged, known & diverged, np.asarray(row.places, int)
    dots = axes.plot(
        scores[ran], heights[ran], linestyle="none", marker=style.marker, markersize=4.8, color=style.color, alpha=0.8,
        markeredgewidth=0, clip_on=False,
    )  # fmt: skip
    crosses = axes.plot(
        scores[gone], heights[gone], linestyle="none", marker="X", markersize=5.5, markerfacecolor="white",
        markeredgecolor=style.color, markeredgewidth=1, clip_on=False,
    )  # fmt: skip
    stands_for(dots, places[ran].tolist())
    stands_for(crosses, places[gone].tolist())
    if row.estimate.interval is not None:
        interval, median = _drawn(row.estimate.interval), _drawn(row.estimate.median)
        axes.plot(interval, [y + 0.26] * 2, color=style.color, linewidth=3, alpha=0.45, clip_on=False)
        axes.plot(median, y + 0.26, marker="|", markersize=9, markeredgewidth=2, color=INK, clip_on=False)


def _drawn(scores: ArrayLike) -> np.ndarray:
    """What comes closer to 1 than CLOSEST is drawn there."""
    return np.minimum(np.asarray(scores, float), 1 - CLOSEST)


def _legend(shown: Sequence[ScorePanel]) -> list[Line2D]:
    rows = [row for panel in shown for row in panel.rows]
    handles = [Line2D([], [], linestyle="none", marker="o", color=SOFT, markersize=4.5, label="one run")]
    if any(any(row.diverged) for row in rows):
        cross: dict[str, Any] = {"marker": "X", "markerfacecolor": "white", "markeredgecolor": SOFT, "markersize": 5.5}
        handles.append(Line2D([], [], linestyle="none", label="one run that diverged", **cross))
    if any(row.estimate.interval is not None for row in rows):
        bar: dict[str, Any] = {"marker": "|", "markersize": 9, "markeredgewidth": 2, "markeredgecolor": INK}
        handles.append(Line2D([], [], color=SOFT, linewidth=3, alpha=0.6, label="median, 95% interval", **bar))
    return handles


def _alt(shown: Sequence[ScorePanel]) -> str:
    parts = []
    for panel in shown:
        rows = [f"{row.label} {near_one(row.estimate.median)}{_spread(row)}" for row in panel.rows]
        parts.append(f"{panel.title}: {listed(rows, at_most=16)}.")
    return "Median score by activation. " + " ".join(parts)


def _spread(row: ScoreRow) -> str:
    low, high = row.estimate.interval or (min(row.scores), max(row.scores))
    kind = "interval" if row.estimate.interval else "runs from"
    n_diverged = f", {sum(row.diverged)} diverged" if any(row.diverged) else ""
    return f" ({kind} {near_one(low)} to {near_one(high)}, {counted(len(row.scores), 'run')}{n_diverged})"
