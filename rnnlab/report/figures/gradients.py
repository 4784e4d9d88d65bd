"""The gradient on its way back through time: |dL/dh[t]| by distance from the end, as lines and as heat maps.

Where a line falls to the left, the gradient vanishes; where it rises to the left, it explodes.  On a log scale both are
straight lines.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, NullLocator

from rnnlab.records.files import RecordError
from rnnlab.report.figures.canvas import (
    NOTE_SIZE,
    WIDTH,
    Margins,
    balanced,
    is_bottom,
    is_left,
    label_handles,
    legend_below,
    panels,
    plain_log_ticks,
    room_for_legend,
    styled,
    supylabel,
)
from rnnlab.report.figures.choice import evenly, shown_standings
from rnnlab.report.figures.palette import Style
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import Styles, figure_of_task
from rnnlab.report.judging.quantities import top_layer_gradient
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Study

ROOM, MAX_RUNS, MAX_PANELS = 8, 20, 16
DECADES = 12  # how far below the largest norm a picture goes


@dataclass(frozen=True)
class Flow:
    """The gradient of one activation: norms (steps, times), top layer, median over runs; lags = t - T, -T + 1 ... 0."""

    title: str
    label: str
    facet: str
    n_runs: int
    steps: np.ndarray
    lags: np.ndarray
    norms: np.ndarray

    @property
    def reach(self) -> float:
        """log10 of the norm at the first time step over that at the last, median over training steps."""
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.log10(self.norms[:, 0]) - np.log10(self.norms[:, -1])
        known = ratios[np.isfinite(ratios)]
        return float(np.median(known)) if known.size else float("nan")


@figure_of_task("gradients", place=1)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    name = task.facts.name
    words = "Norm of dL/dh[t] over batch and units, top layer, median over runs."
    standings: Sequence[Standing] = task.standings
    cut = ""
    if len({standing.facet for standing in standings}) > MAX_PANELS:
        standings, cut = shown_standings(standings, ROOM)
    flows = [flow for standing in standings if (flow := _flow(study, standing)) is not None]
    if not flows:
        return
    numbers = "; ".join(f"{flow.title}: {_times(flow.reach)}" for flow in flows)
    caption = f"{words}{cut} Thick: at the last training step measured; thin: at the first."
    alt = f"Gradient at the first time step of {name} against the last, median over training steps. {numbers}."
    figure = draw_lines(flows, style_of)
    yield Plate(file_stem("gradients", name), "gradients", f"{name}: through time", caption, alt, figure)
    standings, cut = shown_standings(standings, ROOM)
    kept = {standing.name for standing in standings}
    flows = [flow for flow in flows if flow.title in kept]
    if flows and max(len(flow.steps) for flow in flows) > 1:
        numbers = "; ".join(f"{flow.title}: {_times(flow.reach)}" for flow in flows)
        caption = f"{words}{cut} A column is a training step, the last time step at the top; dark is small."
        alt = f"Gradient through time and training on {name}. {numbers}."
        stem = file_stem("gradients", f"{name}-map")
        title = f"{name}: through time and training"
        yield Plate(stem, "gradients", title, caption, alt, draw_maps(flows))


def _times(reach: float) -> str:
    return f"10^{reach:.1f} times as large" if np.isfinite(reach) else "zero or not finite"


def _flow(study: Study, standing: Standing) -> Flow | None:
    """The median over the runs of a standing that were measured on the same steps as most of it."""
    found = []
    for run in evenly([run for run in standing.runs if study.has_gradients(run.run_id)], MAX_RUNS):
        try:
            steps, times, norms = top_layer_gradient(study, run)
        except (RecordError, KeyError, ValueError):
            continue
        found.append((steps, times, norms))
    if not found:
        return None
    steps, times, _ = max(found, key=lambda one: len(one[0]))
    alike = [norms for its, own, norms in found if np.array_equal(its, steps) and np.array_equal(own, times)]
    norms = np.median(np.where(np.isnan(alike), np.inf, alike), axis=0)
    return Flow(standing.name, standing.label, standing.facet, len(alike), steps, times - times.max(), norms)


def _range(flows: Sequence[Flow], decades: float) -> tuple[float, float]:
    """From the smallest to the largest norm that is neither 0 nor infinite, at most so many decades."""
    known = np.concatenate([flow.norms[(flow.norms > 0) & np.isfinite(flow.norms)] for flow in flows])
    if not known.size:
        return 0.1, 1.0
    high = float(np.clip(known.max(), 1e-280, 1e280))
    return max(float(known.min()), high * 10.0**-decades, 1e-290), high


@styled
def draw_lines(flows: Sequence[Flow], style_of: Styles) -> Figure:
    """A panel for each setting, with a line for each activation."""
    handles = label_handles(style_of, [flow.label for flow in flows])
    facets = list(dict.fromkeys(flow.facet for flow in flows))
    alone = len(facets) == 1
    n_columns = balanced(len(facets), at_most=4)
    margins = Margins(left=0.85, right=0.2, top=0.2 if alone else 0.32, bottom=room_for_legend(len(handles)), down=0.4)
    size = {"height": 2.7 if alone else 1.7, "width": 7.2 if alone else WIDTH}
    figure, all_axes = panels(facets, n_columns, margins=margins, shared="xy", **size)
    low, high = _range(flows, 2.5 * DECADES)
    for place, (axes, facet) in enumerate(zip(all_axes, facets, strict=True)):
        for flow in flows:
            if flow.facet == facet:
                _draw_flow(axes, flow, style_of[flow.label])
        axes.set_yscale("log")
        axes.set_ylim(low / 3, high * 3)
        plain_log_ticks(axes)
        axes.xaxis.set_major_locator(MaxNLocator(8 if alone else 4, integer=True))
        axes.grid(axis="y")
        axes.tick_params(labelleft=is_left(place, n_columns), labelbottom=is_bottom(place, len(facets), n_columns))
        if is_bottom(place, len(facets), n_columns):
            axes.set_xlabel("time steps before the end, t - T")
    supylabel(figure, all_axes, "norm of dL/dh[t]")
    legend_below(figure, handles)
    return figure


def _draw_flow(axes: Axes, flow: Flow, style: Style) -> None:
    norms = np.where((flow.norms > 0) & np.isfinite(flow.norms), flow.norms, np.nan)
    axes.plot(flow.lags, norms[-1], color=style.color, linestyle=style.line, linewidth=1.9)
    if len(norms) > 1:
        axes.plot(flow.lags, norms[0], color=style.color, linewidth=0.8, alpha=0.7)


@styled
def draw_maps(flows: Sequence[Flow]) -> Figure:
    n_columns = balanced(len(flows), at_most=4)
    margins = Margins(left=0.72, right=0.95, top=0.32, bottom=0.5, across=0.25, down=0.5)
    figure, all_axes = panels([flow.title for flow in flows], n_columns, 1.9, margins, shared="y")
    low, high = _range(flows, DECADES)
    scale = LogNorm(low, max(high, low * 10))
    for place, (axes, flow) in enumerate(zip(all_axes, flows, strict=True)):
        shown = np.clip(np.nan_to_num(flow.norms, nan=high, posinf=high), low, high).T
        extent = (-0.5, len(flow.steps) - 0.5, flow.lags[0] - 0.5, 0.5)
        look: dict[str, Any] = {"cmap": "cividis", "norm": scale, "aspect": "auto", "interpolation": "nearest"}
        image = axes.imshow(shown, origin="lower", extent=extent, **look)
        ticks = evenly(range(len(flow.steps)), 4)
        axes.set_xticks(ticks, [f"{flow.steps[n]:g}" for n in ticks])
        axes.tick_params(labelleft=is_left(place, n_columns))
        if is_bottom(place, len(flows), n_columns):
            axes.set_xlabel("training step")
    supylabel(figure, all_axes, "t - T")
    top, bottom = all_axes[0].get_position().y1, all_axes[-1].get_position().y0
    width = figure.get_figwidth()
    bar = figure.add_axes((1 - 0.82 / width, bottom, 0.12 / width, top - bottom))
    figure.colorbar(image, cax=bar)
    bar.yaxis.set_minor_locator(NullLocator())
    plain_log_ticks(bar)
    bar.set_ylabel("norm of dL/dh[t]", fontsize=NOTE_SIZE)
    return figure
