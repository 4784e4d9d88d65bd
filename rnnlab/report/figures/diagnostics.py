"""What was measured during training beside the loss: saturated and dead units, norms, clipping.

There is a panel for each column of curves.csv that is not a loss, with a line for each activation: the median over
runs, and the middle half of the runs as a band.  The gradient norms of several layers have a figure of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rnnlab.records.metrics import kind_of, labelled, metric_of
from rnnlab.report.figures.canvas import (
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
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.cache import Curves
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, number

LAYER = re.compile(r"grad_norm_layer(\d+)")
FIRST = ("saturated_frac", "dead_frac", "grad_norm", "hidden_norm", "spectral_radius")
ROOM, MAX_PANELS, MAX_POINTS = 16, 12, 60

Tables = Mapping[str, Sequence[Curves]]  # by the name of a standing
Ends = tuple[np.ndarray, np.ndarray]  # (layers,) each: where first measured, where last


@dataclass(frozen=True)
class Course:
    """A quantity of one activation over training: quartiles (3, steps)."""

    label: str
    steps: np.ndarray
    quartiles: np.ndarray


@dataclass(frozen=True)
class DiagnosticPanel:
    """column: of curves.csv."""

    column: str
    courses: Sequence[Course]

    @property
    def title(self) -> str:
        return labelled(self.column)

    @property
    def is_share(self) -> bool:
        known = metric_of(self.column)
        return known is not None and known.is_share

    @property
    def is_log(self) -> bool:
        """Over two decades, and none of it 0 or below."""
        values = np.concatenate([course.quartiles[1] for course in self.courses])
        return bool(values.min() > 0 and values.max() / values.min() > 100)


@figure_of_task("diagnostics", place=2)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    standings, cut = shown_standings(task.standings, ROOM)
    tables = {s.name: [study.curves[run.run_id] for run in s.runs if run.run_id in study.curves] for s in standings}
    columns = dict.fromkeys(column for curves in tables.values() for curve in curves for column in curve)
    layers = sorted(int(match[1]) for column in columns if (match := LAYER.fullmatch(column)))
    single = [column for column in columns if _is_shown(column)]
    single.sort(key=lambda column: (FIRST.index(kind) if (kind := kind_of(column)) in FIRST else len(FIRST), column))
    shown = [panel for column in single if (panel := _panel(column, standings, tables)) is not None][:MAX_PANELS]
    name = task.facts.name
    if len(layers) > 1:
        yield from _depth_plate(name, _ends(standings, tables, layers), layers, style_of, cut)
    if shown:
        caption = f"Median over runs, the middle half as a band; a run that diverged ends at that step.{cut}"
        alt = f"Diagnostics of {name} at the end of training. " + " ".join(map(_alt, shown))
        figure = draw_diagnostics(shown, style_of)
        yield Plate(file_stem("diagnostics", name), "diagnostics", name, caption, alt, figure)


def _is_shown(column: str) -> bool:
    """Neither a loss, which has a figure of its own, nor the gradient norm of a layer."""
    known = metric_of(column)
    return column != "step" and not LAYER.fullmatch(column) and (known is None or known.role != "loss")


def _panel(column: str, standings: Sequence[Standing], tables: Tables) -> DiagnosticPanel | None:
    courses = []
    for standing in standings:
        curves = [curve for curve in tables[standing.name] if column in curve and np.isfinite(curve[column]).any()]
        if not curves:
            continue
        steps = np.unique(np.concatenate([curve["step"] for curve in curves]))
        values = np.full((len(curves), len(steps)), np.nan)
        for lane, curve in zip(values, curves, strict=True):
            lane[np.searchsorted(steps, curve["step"])] = curve[column]
        values[~np.isfinite(values)] = np.nan
        known = np.flatnonzero(~np.isnan(values).all(axis=0))
        kept = np.array(evenly(known, MAX_POINTS), int)
        courses.append(Course(standing.label, steps[kept], np.nanpercentile(values[:, kept], [25, 50, 75], axis=0)))
    if all((course.quartiles == 0).all() for course in courses):
        return None  # as the clip rate of a sweep without clipping
    return DiagnosticPanel(column, courses)


@styled
def draw_diagnostics(shown: Sequence[DiagnosticPanel], style_of: Styles) -> Figure:
    handles = label_handles(style_of, [course.label for panel in shown for course in panel.courses])
    n_columns = balanced(len(shown), at_most=3)
    margins = Margins(left=0.62, right=0.15, top=0.3, bottom=room_for_legend(len(handles)), across=0.55, down=0.5)
    width = WIDTH if n_columns > 1 else 5.5
    figure, all_axes = panels([panel.title for panel in shown], n_columns, 1.7, margins, shared="x", width=width)
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        for course in panel.courses:
            style = style_of[course.label]
            low, middle, high = course.quartiles
            axes.fill_between(course.steps, low, high, color=style.color, alpha=0.13, linewidth=0)
            marker = style.marker if len(course.steps) < 3 else ""  # a line of one point cannot be seen
            axes.plot(course.steps, middle, color=style.color, linestyle=style.line, linewidth=1.5, marker=marker)
        if panel.is_log:
            axes.set_yscale("log")
            plain_log_ticks(axes)
        elif panel.is_share:
            axes.set_ylim(-0.03, 1.03)
        axes.grid(axis="y")
        axes.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 2.5, 5, 10], integer=True))
        axes.tick_params(labelbottom=is_bottom(place, len(shown), n_columns))
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("optimiser steps")
    all_axes[0].set_xlim(left=0)
    legend_below(figure, handles)
    return figure


def _alt(panel: DiagnosticPanel) -> str:
    ends = [f"{course.label} {number(course.quartiles[1, -1])}" for course in panel.courses]
    return f"{panel.title}: {listed(ends, at_most=24)}."


def _ends(standings: Sequence[Standing], tables: Tables, layers: Sequence[int]) -> dict[str, Ends]:
    """By activation, the median gradient norm of each layer where it was first measured, and where last."""
    ends: dict[str, Ends] = {}
    for standing in standings:
        names = [f"grad_norm_layer{layer}" for layer in layers]
        columns = [[curve[name] for curve in tables[standing.name] if name in curve] for name in names]
        known = [[column[np.isfinite(column)] for column in of_layer] for of_layer in columns]
        if all(any(column.size for column in of_layer) for of_layer in known):
            first, last = (
                np.array([np.median([column[end] for column in of_layer if column.size]) for of_layer in known])
                for end in (0, -1)
            )
            ends[standing.label] = first, last
    return ends


def _depth_plate(
    name: str,
    ends: Mapping[str, Ends],
    layers: Sequence[int],
    style_of: Styles,
    cut: str,
) -> Iterator[Plate]:
    if not ends:
        return
    parts = [
        f"{label} {number(final[0])} in layer {layers[0]}, {number(final[-1])} in layer {layers[-1]}"
        for label, (_, final) in ends.items()
    ]
    yield Plate(
        name=file_stem("diagnostics", f"{name}-depth"),
        section="diagnostics",
        title=f"{name}: gradient against depth",
        caption=f"Gradient norm of each layer's weights, median over runs; layer 0 is next to the input.{cut}",
        alt=f"Gradient norm by layer of {name}, at the end of training: {'; '.join(parts)}.",
        figure=draw_depth(ends, layers, style_of),
    )


@styled
def draw_depth(ends: Mapping[str, Ends], layers: Sequence[int], style_of: Styles) -> Figure:
    handles = label_handles(style_of, ends, markers=True)
    margins = Margins(left=0.85, right=0.2, top=0.3, bottom=room_for_legend(len(handles)), across=0.3)
    figure, all_axes = panels(["first measured", "at the end"], 2, 2.1, margins, shared="xy", width=7.8)
    for place, axes in enumerate(all_axes):
        for label, pair in ends.items():
            _draw_depth(axes, layers, pair[place], style_of[label])
        axes.set_yscale("log")
        axes.set_xticks(list(layers))
        axes.grid(axis="y")
        axes.set_xlabel("layer")
        axes.tick_params(labelleft=is_left(place, 2))
    plain_log_ticks(all_axes[0])
    supylabel(figure, all_axes, "gradient norm")
    legend_below(figure, handles)
    return figure


def _draw_depth(axes: Axes, layers: Sequence[int], norms: np.ndarray, style: Style) -> None:
    known = np.where(norms > 0, norms, np.nan)
    look = {"color": style.color, "linestyle": style.line, "marker": style.marker, "markersize": 4.5}
    axes.plot(layers, known, linewidth=1.6, **look)
