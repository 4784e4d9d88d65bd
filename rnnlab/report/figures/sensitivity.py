"""Score against a swept number, such as the learning rate: a line for each activation; below it, the diverged runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter, NullLocator, PercentFormatter

from rnnlab.report.figures.canvas import Margins, fitted, label_handles, legend_below, panels, room_for_legend, styled
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.conditions import RATE, Design
from rnnlab.report.judging.labels import short
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.view import TaskView, View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, near_one, percent
from rnnlab.statistics import summaries

MAX_AXES, FEWEST_VALUES, MAX_TASKS = 3, 3, 12


@dataclass(frozen=True)
class Line:
    """One activation: score quartiles (3, values) and the share of diverged runs (values,), NaN where it has no run."""

    quartiles: np.ndarray
    diverged: np.ndarray


@dataclass(frozen=True)
class SensitivityPanel:
    title: str
    values: np.ndarray
    lines: Mapping[str, Line]


@figure_of_study("sensitivity", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    numeric = [axis for axis in view.design.facet_axes if len(view.design.numbers_of(axis)) >= FEWEST_VALUES]
    if len(view.design.rates) == 2:
        numeric = [RATE, *numeric]
    for axis in sorted(numeric, key=lambda axis: axis != RATE)[:MAX_AXES]:
        found = [_panel(task, view.design, axis) for task in view.tasks[:MAX_TASKS]]
        shown = [panel for panel in found if panel.lines]
        if not shown:
            continue
        name = short(axis, view.design.axes)
        others = [short(key, view.design.axes) for key in view.design.facet_axes if key != axis]
        caption = (
            f"Score against {name}, the median over runs as a line, the middle half of the runs as a band; a diverged "
            "run scores 0."
        )
        if _any_diverged(shown):
            caption += " Below: the share of runs that diverged."
        if len(shown) > 1:
            caption += " Each task has its own axis of scores."
        if others:
            caption += f" All settings of {listed(others)} together."
        alt = f"Score against {name}. " + " ".join(_alt(panel, name) for panel in shown)
        figure = draw_sensitivity(shown, style_of, name)
        yield Plate(file_stem("sensitivity", name), "sensitivity", f"Score against {name}", caption, alt, figure)


def _panel(task: TaskView, design: Design, axis: str) -> SensitivityPanel:
    values = np.array(design.numbers_of(axis))
    lines = {}
    for label in design.labels:
        rows = [row.condition for row in task.conditions if row.condition.label == label]
        cells = [[run for row in rows if row.values.get(axis) == value for run in row.completed] for value in values]
        if any(cells):
            quartiles = [_quartiles([score(run) for run in runs]) for runs in cells]
            diverged = [np.mean([run.diverged for run in runs]) if runs else np.nan for runs in cells]
            lines[label] = Line(np.array(quartiles).T, np.array(diverged))
    return SensitivityPanel(task.facts.name, values, lines)


def _quartiles(scores: Sequence[float]) -> tuple[float, float, float]:
    if not scores:
        return np.nan, np.nan, np.nan
    low, high = np.percentile(scores, [25, 75])
    return low, summaries.median(np.array(scores)), high


@styled
def draw_sensitivity(shown: Sequence[SensitivityPanel], style_of: Styles, axis: str) -> Figure:
    handles = label_handles(style_of, [label for panel in shown for label in panel.lines], markers=True)
    n_columns = min(len(shown), 3)
    turned = max(len(panel.values) for panel in shown) > 6
    bottom = room_for_legend(len(handles)) + 0.3 * turned
    margins = Margins(left=0.7, right=0.15, top=0.3, bottom=bottom, across=0.45, down=0.7 + 0.3 * turned)
    width = 9.6 if n_columns > 1 else 5.5
    diverged = _any_diverged(shown)
    height = 2.5 if diverged else 1.9
    figure, all_axes = panels([panel.title for panel in shown], n_columns, height, margins, width=width)
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        above = below = axes
        if diverged:
            below = axes.inset_axes((0, 0, 1, 0.22))
            above = axes.inset_axes((0, 0.3, 1, 0.7), sharex=below)
            axes.set_axis_off()
            _draw_diverged(below, panel, style_of)
        _draw_scores(above, panel, style_of)
        log = panel.values.min() > 0 and panel.values.max() / panel.values.min() >= 8
        for part in {above, below}:
            part.set_xscale("log" if log else "linear")
            part.set_xticks(panel.values, [f"{value:g}" for value in panel.values])
            part.xaxis.set_minor_locator(NullLocator())
            part.xaxis.set_minor_formatter(NullFormatter())
        above.tick_params(labelbottom=above is below)
        below.tick_params(axis="x", labelrotation=45 if turned else 0)
        below.set_xlabel(axis)
        if place % n_columns == 0:
            above.set_ylabel("score")
            if diverged:
                below.set_ylabel("diverged")
    legend_below(figure, handles)
    return figure


def _any_diverged(shown: Sequence[SensitivityPanel]) -> bool:
    return any(np.nanmax(line.diverged) > 0 for panel in shown for line in panel.lines.values())


def _draw_scores(axes: Axes, panel: SensitivityPanel, style_of: Styles) -> None:
    for label, line in panel.lines.items():
        style = style_of[label]
        look = {"color": style.color, "linestyle": style.line, "marker": style.marker, "markersize": 4.5}
        axes.fill_between(panel.values, *line.quartiles[[0, 2]], color=style.color, alpha=0.13, linewidth=0)
        axes.plot(panel.values, line.quartiles[1], linewidth=1.6, **look, clip_on=False)
    axes.set_ylim(fitted(np.concatenate([line.quartiles.ravel() for line in panel.lines.values()])))
    axes.grid(axis="y")


def _draw_diverged(axes: Axes, panel: SensitivityPanel, style_of: Styles) -> None:
    for label, line in panel.lines.items():
        style = style_of[label]
        look = {"color": style.color, "linestyle": style.line, "marker": style.marker, "markersize": 4.5}
        axes.plot(panel.values, line.diverged, linewidth=1.2, **look, clip_on=False)
    axes.set_ylim(-0.05, 1.05)
    axes.set_yticks([0, 0.5, 1])
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="y")


def _alt(panel: SensitivityPanel, name: str) -> str:
    parts = []
    for label, line in panel.lines.items():
        medians = np.where(np.isnan(line.quartiles[1]), -1.0, line.quartiles[1])
        best = int(np.argmax(medians))
        worst = f"{percent(float(np.nanmax(line.diverged)))} diverged at the worst"
        parts.append(f"{label} best at {name} {panel.values[best]:g} with {near_one(max(medians[best], 0.0))}, {worst}")
    return f"{panel.title}: {'; '.join(parts)}."
