"""Loss against optimiser steps: every run a thin line, the median a thick one, the baselines dotted and dashed.

There is a panel for each activation, with training and evaluation loss.  When more axes vary, there is a panel for each
facet, with the evaluation loss of every activation.  Where learning rates were chosen, the runs are those at them.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from rnnlab.options import counted
from rnnlab.records.metrics import labelled
from rnnlab.report.figures.canvas import (
    Margins,
    balanced,
    baseline_handles,
    baselines,
    is_bottom,
    is_left,
    legend_below,
    panels,
    plain_log_ticks,
    room_for_legend,
    styled,
    supylabel,
)
from rnnlab.report.figures.choice import evenly
from rnnlab.report.figures.palette import INK, SOFT, SOLID, Style
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.pointed import stands_for
from rnnlab.report.figures.registry import Styles, figure_of_task
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import baseline_name, listed, near_one, number, ranked
from rnnlab.statistics.summaries import median_curve

MAX_PANELS = 16
MAX_LINES, FEWEST_LINES = 480, 5  # thin lines in a figure; and in a trace, however many traces there are
MAX_POINTS = 200  # of a line
TRAINING = Style("#9b9b9b", SOLID, "")
THICK, TRAINING_THICK, THIN = 1.9, 1.3, 0.7
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
    places: tuple[int, ...] = ()  # of the runs in study.members; none: nobody can point at the lines


@dataclass(frozen=True)
class CurvePanel:
    title: str
    traces: tuple[Trace, ...]


@figure_of_task("curves", place=1)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    standings = [s for s in task.standings if any(run.run_id in study.curves for run in s.runs)]
    if not standings:
        return
    facets = list(dict.fromkeys(standing.facet for standing in standings))
    if len(facets) == 1:
        found = [_own_panel(standing, study, style_of) for standing in standings]
        what = "Training (grey) and evaluation loss (colour)"
    else:
        found = [_facet_panel(facet, standings, study, style_of) for facet in facets]
        what = "Evaluation loss"
    shown = found[:MAX_PANELS]
    caption = f"{what} on a log scale: every run thin, the median over runs thick; a diverged run counts as infinite."
    if any(standing.rate is not None for standing in standings):
        caption += " The first quarter of the seeds chose the learning rate; the others are shown, at that rate."
    caption += _thinning(shown)
    if len(shown) < len(found):
        caption += f" The first {len(shown)} of {len(found)} panels are drawn."
    name = task.facts.name
    figure = draw_curves(shown, labelled(task.facts.loss), task.baseline_losses)
    yield Plate(file_stem("curves", name), "curves", name, caption, _alt(task), figure)


def _own_panel(standing: Standing, study: Study, style_of: Styles) -> CurvePanel:
    traces = (
        _trace(standing, study, "train_loss", TRAINING, crosses=False),
        _trace(standing, study, "eval_loss", style_of[standing.label]),
    )
    return CurvePanel(standing.label, traces)


def _facet_panel(facet: str, standings: Sequence[Standing], study: Study, style_of: Styles) -> CurvePanel:
    inside = [standing for standing in standings if standing.facet == facet]
    traces = [_trace(standing, study, "eval_loss", style_of[standing.label], standing.label) for standing in inside]
    return CurvePanel(facet, tuple(traces))


def _trace(standing: Standing, study: Study, column: str, style: Style, label: str = "", crosses: bool = True) -> Trace:
    """The curves of a standing on the union of their steps; what comes after a divergence is gone: NaN."""
    runs = [run for run in standing.runs if run.run_id in study.curves]
    curves = [study.curves[run.run_id] for run in runs]
    steps = np.unique(np.concatenate([curve["step"] for curve in curves] or [np.empty(0)]))
    losses = np.full((len(runs), len(steps)), math.nan)
    diverged_at = np.array([run.diverged_at_step if run.diverged else math.nan for run in runs], float)
    for lane, end, curve in zip(losses, diverged_at, curves, strict=True):
        if column in curve:
            lane[np.searchsorted(steps, curve["step"])] = curve[column]
        lane[steps > end] = math.nan
    if len(steps) > MAX_POINTS:
        kept = evenly(range(len(steps)), MAX_POINTS)
        steps, losses = steps[kept], losses[:, kept]
    places = tuple(study.places[run.run_id] for run in runs)
    return Trace(steps, losses, diverged_at, style, label, crosses, places)


def _lines_each(shown: Sequence[CurvePanel]) -> int:
    """How many runs of a trace are drawn thin."""
    return max(FEWEST_LINES, MAX_LINES // max(1, sum(len(panel.traces) for panel in shown)))


def _thinning(shown: Sequence[CurvePanel]) -> str:
    """Which runs are not drawn, although the medians count them."""
    traces = [trace for panel in shown for trace in panel.traces]
    most, each = max((len(trace.losses) for trace in traces), default=0), _lines_each(shown)
    if most <= each:
        return ""
    return (
        f" A line stands for up to {most:,} runs; {each} of them are drawn thin, evenly spread from the lowest to the "
        "highest final loss. Medians are over all runs."
    )


@styled
def draw_curves(shown: Sequence[CurvePanel], loss: str, levels: Mapping[str, float]) -> Figure:
    """levels: the losses of answers that need no training, by their names."""
    n_columns = balanced(len(shown), at_most=4)
    named = any(trace.label for panel in shown for trace in panel.traces)
    legend = _legend(shown) + baseline_handles([f"{baseline_name(name)} {number(v)}" for name, v in levels.items()])
    margins = Margins(left=0.72, right=0.25, top=0.3, bottom=room_for_legend(len(legend)), across=0.3, down=0.42)
    height = 1.9 if len(shown) > 2 else 2.5
    figure, all_axes = panels([panel.title for panel in shown], n_columns, height, margins, shared="xy")
    low, high = _limits(shown, list(levels.values()))
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        axes.set_yscale("log")
        axes.set_ylim(low, high)
        axes.grid(axis="y")
        baselines(axes, list(levels.values()))
        for trace in panel.traces:
            _draw_trace(axes, trace, low, high, thin_alpha=0.22 if named else 0.4, most=_lines_each(shown))
        plain_log_ticks(axes)
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.tick_params(labelleft=is_left(place, n_columns), labelbottom=is_bottom(place, len(shown), n_columns))
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("optimiser steps")
    steps = [trace.steps[-1] for panel in shown for trace in panel.traces if trace.steps.size]
    all_axes[0].set_xlim(0, max(steps, default=1) or 1)
    supylabel(figure, all_axes, loss)
    legend_below(figure, legend)
    return figure


def _draw_trace(axes: Axes, trace: Trace, low: float, high: float, thin_alpha: float, most: int) -> None:
    losses = np.where(trace.losses <= 0, low, trace.losses)  # a loss of exactly 0 runs along the bottom of a log axis
    last = np.nan_to_num(losses[:, -1] if losses.size else np.empty(0), nan=math.inf)
    for n in evenly(np.argsort(last, kind="stable"), most):
        line = axes.plot(trace.steps, losses[n], color=trace.style.color, alpha=thin_alpha, linewidth=THIN)
        stands_for(line, trace.places[n : n + 1])
    axes.plot(
        trace.steps,
        median_curve(losses),
        color=trace.style.color,
        linestyle=trace.style.line,
        linewidth=THICK if trace.crosses else TRAINING_THICK,
    )
    ended = np.flatnonzero(np.isfinite(trace.diverged_at)) if trace.crosses else np.empty(0, int)
    for n in evenly(ended, most):
        end = trace.diverged_at[n]
        at_end = losses[n][trace.steps <= end][-1:]  # a cross at the top says that no finite loss was left
        top = high * (low / high) ** 0.04  # within the panel, not on its title
        y = float(np.clip(at_end[0], low, top)) if at_end.size and np.isfinite(at_end).all() else top
        cross: dict[str, Any] = {"marker": "x", "markersize": 6, "markeredgewidth": 1.4, "clip_on": False, "zorder": 4}
        stands_for(axes.plot(end, y, color=trace.style.color, **cross), trace.places[n : n + 1])


def _limits(shown: Sequence[CurvePanel], lines: Sequence[float]) -> tuple[float, float]:
    """The range of the baselines and of the runs that did not diverge: one explosion must not flatten the others."""
    lanes = [
        (lane[np.isfinite(lane) & (lane > 0)], end)
        for panel in shown
        for trace in panel.traces
        for lane, end in zip(trace.losses, trace.diverged_at, strict=True)
    ]
    calm = np.concatenate([np.array([line for line in lines if line > 0]), *(v for v, end in lanes if math.isnan(end))])
    wild = np.concatenate([np.empty(0), *(v for v, end in lanes if not math.isnan(end))])
    if not calm.size:  # every run diverged, and there is no baseline: show what there is, within limits
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
    finals = {view.name: view for view in task.conditions}
    rows = [
        f"{s.name} {ranked(finals[s.name].eval_loss.median, finals[s.name].infinite)} ({counted(len(s.runs), 'run')})"
        if s.name in finals
        else f"{s.name} score {near_one(s.score.median)} ({counted(len(s.runs), 'run')})"
        for s in task.standings
    ]
    lines = [f"{baseline_name(metric)} {number(value)}" for metric, value in task.baseline_losses.items()]
    return (
        f"Loss curves of {task.facts.name} ({labelled(task.facts.loss)}). "
        f"Median evaluation loss at the end: {listed(rows, at_most=24)}. Baselines: {listed(lines) or 'none'}."
    )
