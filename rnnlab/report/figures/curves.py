"""Loss against optimiser steps: every run a thin line, the median a thick one, the naive answer a dotted one.

One panel per activation, training loss beside evaluation loss.  When more axes vary there is one panel per facet
instead, with the evaluation loss of every activation.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnlab.report.conditions import Condition
from rnnlab.report.figures.canvas import (
    LABEL_SIZE,
    Margins,
    balanced,
    baseline,
    is_bottom,
    is_left,
    panels,
    plain_log_ticks,
    styled,
)
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.palette import INK, SOFT, SOLID, Style
from rnnlab.report.read import Study
from rnnlab.report.statistics import median_curve
from rnnlab.report.view import TaskView
from rnnlab.report.wording import baseline_name, counted, listed, loss_name, number, ranked

MAX_PANELS = 16
TRAINING = Style("#9b9b9b", SOLID, "")
THICK, TRAINING_THICK, THIN = 1.9, 1.3, 0.7
LABEL_HEIGHT = 0.09  # of a baseline, as a part of the panel's height
HEADROOM = 3.0  # a loss may be drawn up to this many times the largest one of the runs that did not diverge


@dataclass(frozen=True)
class Trace:
    """One kind of loss of one condition; `label` only where a panel holds several conditions."""

    steps: np.ndarray  # (steps,)
    losses: np.ndarray  # (runs, steps), NaN where a run has none
    diverged_at: np.ndarray  # (runs,) the step, NaN for a run that did not diverge
    style: Style
    label: str = ""
    crosses: bool = True  # mark where runs diverged


@dataclass(frozen=True)
class CurvePanel:
    title: str
    traces: tuple[Trace, ...]


def plate(study: Study, task: TaskView, style_of: Mapping[str, Style]) -> Plate | None:
    members = [view.condition for view in task.conditions if view.n_completed]
    tables = dict(tuple(study.curves.groupby("run_id", sort=False)))
    if not any(run.run_id in tables for condition in members for run in condition.completed):
        return None
    facets = list(dict.fromkeys(condition.facet for condition in members))
    if len(facets) == 1:
        found = [_own_panel(condition, tables, style_of) for condition in members]
        what = "Training (grey) and evaluation loss (colour)"
    else:
        found = [_facet_panel(facet, members, tables, style_of) for facet in facets]
        what = "Evaluation loss"
    shown = found[:MAX_PANELS]
    caption = f"{what} on a log scale: every run thin, the median over runs thick; a diverged run counts as infinite."
    if len(shown) < len(found):
        caption += f" The first {len(shown)} of {len(found)} panels are drawn."
    name = task.facts.name
    figure = draw_curves(shown, loss_name(task.facts.loss), task.baseline_losses)
    return Plate(file_stem("curves", name), "curves", name, caption, _alt(task), figure)


def _own_panel(condition: Condition, tables: Mapping[str, pd.DataFrame], style_of: Mapping[str, Style]) -> CurvePanel:
    traces = (
        _trace(condition, tables, "train_loss", TRAINING, crosses=False),
        _trace(condition, tables, "eval_loss", style_of[condition.label]),
    )
    return CurvePanel(condition.label, traces)


def _facet_panel(
    facet: str, members: Sequence[Condition], tables: Mapping[str, pd.DataFrame], style_of: Mapping[str, Style]
) -> CurvePanel:
    inside = [condition for condition in members if condition.facet == facet]
    traces = [
        _trace(condition, tables, "eval_loss", style_of[condition.label], condition.label) for condition in inside
    ]
    return CurvePanel(facet, tuple(traces))


def _trace(
    condition: Condition,
    tables: Mapping[str, pd.DataFrame],
    column: str,
    style: Style,
    label: str = "",
    crosses: bool = True,
) -> Trace:
    """The curves of a condition on the union of their steps; what comes after a divergence is gone: NaN."""
    runs = [run for run in condition.completed if run.run_id in tables]
    curves = [tables[run.run_id] for run in runs]
    steps = np.unique(np.concatenate([curve["step"].to_numpy(float) for curve in curves] or [np.empty(0)]))
    losses = np.full((len(runs), len(steps)), math.nan)
    diverged_at = np.array([run.diverged_at_step if run.diverged else math.nan for run in runs], float)
    for lane, end, curve in zip(losses, diverged_at, curves, strict=True):
        if column in curve:
            lane[np.searchsorted(steps, curve["step"].to_numpy(float))] = curve[column].to_numpy(float)
        lane[steps > end] = math.nan
    return Trace(steps, losses, diverged_at, style, label, crosses)


@styled
def draw_curves(shown: Sequence[CurvePanel], loss: str, baselines: Mapping[str, float]) -> Figure:
    n_columns = balanced(len(shown), at_most=4)
    named = any(trace.label for panel in shown for trace in panel.traces)
    legend = _legend(shown)
    rows_of_legend = -(-len(legend) // 5)
    margins = Margins(left=0.72, right=0.15, top=0.3, bottom=0.62 + 0.2 * rows_of_legend, across=0.3, down=0.42)
    height = 1.9 if len(shown) > 2 else 2.5
    figure, all_axes = panels([panel.title for panel in shown], n_columns, height, margins, shared="xy")
    low, high = _limits(shown, list(baselines.values()))
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        axes.grid(axis="y")
        for trace in panel.traces:
            _draw_trace(axes, trace, low, high, thin_alpha=0.22 if named else 0.4)
        for metric, value in baselines.items():
            at_right = _is_clear_at_right(panel, value, (high / low) ** LABEL_HEIGHT)
            baseline(axes, value, f"{baseline_name(metric)} {number(value)}", at_right)
        plain_log_ticks(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.tick_params(labelleft=is_left(place, n_columns), labelbottom=is_bottom(place, len(shown), n_columns))
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("optimiser steps")
    steps = [trace.steps[-1] for panel in shown for trace in panel.traces if trace.steps.size]
    all_axes[0].set_xlim(0, max(steps, default=1) or 1)
    middle = (all_axes[0].get_position().y1 + all_axes[-1].get_position().y0) / 2
    figure.supylabel(loss, x=0.08 / figure.get_figwidth(), y=middle, ha="left", fontsize=LABEL_SIZE)
    figure.legend(handles=legend, loc="lower center", ncols=min(5, len(legend)), bbox_to_anchor=(0.5, 0))
    return figure


def _draw_trace(axes: Axes, trace: Trace, low: float, high: float, thin_alpha: float) -> None:
    losses = np.where(trace.losses <= 0, low, trace.losses)  # a loss of exactly 0 runs along the bottom of a log axis
    for lane in losses:
        axes.plot(trace.steps, lane, color=trace.style.color, alpha=thin_alpha, linewidth=THIN)
    axes.plot(
        trace.steps,
        median_curve(losses),
        color=trace.style.color,
        linestyle=trace.style.line,
        linewidth=THICK if trace.crosses else TRAINING_THICK,
    )
    for lane, end in zip(losses, trace.diverged_at, strict=True):
        if trace.crosses and not math.isnan(end):
            last = lane[trace.steps <= end][-1:]  # a cross at the top says that no finite loss was left
            y = float(np.clip(last[0], low, high)) if np.isfinite(last).all() and last.size else high
            cross = {"marker": "x", "markersize": 6, "markeredgewidth": 1.4, "clip_on": False, "zorder": 4}
            axes.plot(end, y, color=trace.style.color, **cross)


def _is_clear_at_right(panel: CurvePanel, value: float, height: float) -> bool:
    """Whether fewer medians run through a label standing on the line at its right end than at its left end."""
    hits = {True: 0, False: 0}
    for trace in panel.traces:
        median = median_curve(trace.losses)
        behind = (median > value / height**0.3) & (median < value * height)
        middle = trace.steps[-1:] / 2
        hits[True] += int(behind[trace.steps > middle].sum())
        hits[False] += int(behind[trace.steps <= middle].sum())
    return hits[True] <= hits[False]


def _limits(shown: Sequence[CurvePanel], lines: Sequence[float]) -> tuple[float, float]:
    """The range of the runs that did not diverge and of the baselines, so that one explosion flattens nobody."""
    lanes = [
        (lane[np.isfinite(lane) & (lane > 0)], end)
        for panel in shown
        for trace in panel.traces
        for lane, end in zip(trace.losses, trace.diverged_at, strict=True)
    ]
    calm = np.concatenate([np.array([line for line in lines if line > 0]), *(v for v, end in lanes if math.isnan(end))])
    wild = np.concatenate([np.empty(0), *(v for v, end in lanes if not math.isnan(end))])
    if not calm.size:  # every run diverged and nothing to hold on to: show what there is, within reason
        calm = wild[wild <= 1e3 * np.median(wild)] if wild.size else np.ones(1)
    calm = np.clip(calm, 1e-290, 1e290)  # room for a margin inside the range of floats
    low, high = calm.min() / 1.5, calm.max() * 1.6
    return float(low), float(max(high, min(wild.max(initial=0), HEADROOM * high)))


def _legend(shown: Sequence[CurvePanel]) -> list[Line2D]:
    traces = [trace for panel in shown for trace in panel.traces]
    named = {trace.label: trace.style for trace in traces if trace.label}
    if named:
        handles = [
            Line2D([], [], color=style.color, linestyle=style.line, linewidth=THICK, label=label)
            for label, style in named.items()
        ]
    else:
        handles = [
            Line2D([], [], color=INK, linewidth=THICK, label="evaluation, median"),
            Line2D([], [], color=INK, linewidth=THIN, alpha=0.5, label="evaluation, one run"),
            Line2D([], [], color=TRAINING.color, linewidth=TRAINING_THICK, label="training, median"),
        ]
    if any(np.isfinite(trace.diverged_at).any() for trace in traces):
        handles.append(Line2D([], [], linestyle="none", marker="x", color=SOFT, markeredgewidth=1.4, label="diverged"))
    return handles


def _alt(task: TaskView) -> str:
    rows = [
        f"{view.name} {ranked(view.eval_loss.median)} ({counted(view.n_completed, 'run')})"
        for view in task.conditions
        if view.n_completed
    ]
    lines = [f"{baseline_name(metric)} {number(value)}" for metric, value in task.baseline_losses.items()]
    return (
        f"Loss curves of {task.facts.name} ({loss_name(task.facts.loss)}). "
        f"Median evaluation loss at the end: {listed(rows, at_most=24)}. Baselines: {listed(lines) or 'none'}."
    )
