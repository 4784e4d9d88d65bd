"""Score against what the trained network does to a small change of its state: every run a dot, a panel per metric.

On a task that needs memory, the runs that learned lie near the line between vanishing and exploding.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.options import counted
from rnnlab.records.metrics import kind_of, title_of, unit_of
from rnnlab.report.figures.canvas import (
    WIDTH,
    Margins,
    is_left,
    label_handles,
    legend_below,
    panels,
    room_for_legend,
    styled,
    supylabel,
)
from rnnlab.report.figures.choice import evenly
from rnnlab.report.figures.palette import SOFT, Style
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.pointed import stands_for
from rnnlab.report.figures.registry import Styles, figure_of_task
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Run, Study
from rnnlab.report.words.glossary import TERMS
from rnnlab.report.words.wording import number

# By metric, the value between vanishing and exploding.
SHOWN = {kind: neutral for kind, term in TERMS.items() if (neutral := term.neutral) is not None}
MAX_DOTS = 400  # of an activation
CENTRAL = (2, 98)  # percentiles of the runs that did not diverge: the ends of the axis


@dataclass(frozen=True)
class Cloud:
    """The runs of one activation: x and score, (n,) each; diverged (n,); places in study.members (n,)."""

    label: str
    x: np.ndarray
    scores: np.ndarray
    diverged: np.ndarray
    places: np.ndarray


@figure_of_task("diagnostics", place=1)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    drawn = {kind: clouds for kind in SHOWN if (clouds := _clouds(study, task, kind))}
    if not drawn:
        return
    name = task.facts.name
    n_runs = max(sum(len(cloud.x) for cloud in clouds) for clouds in drawn.values())
    caption = (
        f"Each dot is a run ({counted(n_runs, 'run')}, all settings and learning rates), measured at the end of "
        "training; where a network has several layers, the largest value is shown. Left of the line a change vanishes, "
        "right of it a change explodes. Values beyond the axis are drawn at its end, also an exponent of minus "
        "infinity, with which a change dies out completely."
    )
    alt = f"Score against dynamics on {name}, median of the runs with a score of 0.5 or more. " + "; ".join(
        f"{title_of(kind)}: {_alt(clouds)}" for kind, clouds in drawn.items()
    )
    figure = draw_dynamics(drawn, style_of)
    yield Plate(file_stem("dynamics", name), "diagnostics", f"{name}: score and dynamics", caption, alt, figure)


def _clouds(study: Study, task: TaskView, kind: str) -> list[Cloud]:
    """By activation, in the order of the conditions; empty where no run has the number."""
    found: dict[str, list[tuple[float, float, bool, int]]] = {}
    for row in task.conditions:
        for run in row.condition.completed:
            x, y = _largest(run, kind), score(run)
            if not np.isnan(x) and not np.isnan(y):
                found.setdefault(row.condition.label, []).append((x, y, run.diverged, study.places[run.run_id]))
    return [
        Cloud(label, *map(np.array, zip(*evenly(points, MAX_DOTS), strict=True))) for label, points in found.items()
    ]


def _largest(run: Run, kind: str) -> float:
    """The largest value of all layers: the exponents and radii of a stack are those of its layers."""
    return max((value for name, value in run.metrics.items() if kind_of(name) == kind), default=np.nan)


@styled
def draw_dynamics(drawn: Mapping[str, Sequence[Cloud]], style_of: Styles) -> Figure:
    labels = [cloud.label for clouds in drawn.values() for cloud in clouds]
    handles = label_handles(style_of, labels, markers=True)
    for handle in handles:
        handle.set_linestyle("none")
    if any(cloud.diverged.any() for clouds in drawn.values() for cloud in clouds):
        cross: dict[str, Any] = {"marker": "X", "markerfacecolor": "white", "markeredgecolor": SOFT, "markersize": 5.5}
        handles.append(Line2D([], [], linestyle="none", label="diverged", **cross))
    margins = Margins(left=0.62, right=0.2, top=0.3, bottom=room_for_legend(len(handles)), across=0.25)
    width = WIDTH if len(drawn) > 1 else 5.5
    figure, all_axes = panels([title_of(kind) for kind in drawn], 3, 2.3, margins, shared="y", width=width)
    for place, (axes, (kind, clouds)) in enumerate(zip(all_axes, drawn.items(), strict=True)):
        axes.axvline(SHOWN[kind], color=SOFT, linewidth=1, zorder=1)
        low, high = _limits(clouds, SHOWN[kind])
        for cloud in clouds:
            _draw_cloud(axes, cloud, style_of[cloud.label], low, high)
        margin = 0.04 * (high - low)
        axes.set_xlim(low - margin, high + margin)
        axes.grid(axis="y")
        axes.tick_params(labelleft=is_left(place, 3))
        axes.set_xlabel(unit_of(kind) or "at the end of training")
    all_axes[0].set_ylim(-0.05, 1.05)
    supylabel(figure, all_axes, "score")
    legend_below(figure, handles)
    return figure


def _draw_cloud(axes: Axes, cloud: Cloud, style: Style, low: float, high: float) -> None:
    dot = {"marker": style.marker, "markersize": 4.2, "color": style.color, "alpha": 0.6, "markeredgewidth": 0}
    cross = {"marker": "X", "markersize": 5, "markerfacecolor": "white", "markeredgecolor": style.color}
    for kind, look in ((~cloud.diverged, dot), (cloud.diverged, cross | {"markeredgewidth": 0.9})):
        if kind.any():
            x = np.clip(cloud.x[kind], low, high)
            dots = axes.plot(x, cloud.scores[kind], linestyle="none", clip_on=False, **look)
            stands_for(dots, cloud.places[kind].tolist())


def _limits(clouds: Sequence[Cloud], neutral: float) -> tuple[float, float]:
    """The range of the line and of the runs that did not diverge."""
    x = np.concatenate([cloud.x[~cloud.diverged] for cloud in clouds])
    x = x[np.isfinite(x)]
    if not x.size:
        return neutral - 1, neutral + 1
    low, high = np.percentile(x, CENTRAL)
    low, high = min(low, neutral), max(high, neutral)
    room = 0.08 * (high - low) or 0.5
    return float(low - room), float(high + room)


def _alt(clouds: Sequence[Cloud]) -> str:
    parts = []
    for cloud in clouds:
        good = cloud.x[~cloud.diverged & (cloud.scores >= 0.5)]
        if good.size:
            parts.append(f"{cloud.label} {number(float(np.median(good)))}")
    return ", ".join(parts) if parts else "none scored half or more"
