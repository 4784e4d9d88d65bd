"""How many runs diverged: activation by learning rate (or by another axis) as a map, by activation alone as rates."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rnnlab.report.figures.canvas import LABEL_SIZE, NOTE_SIZE, Margins, is_bottom, is_left, panels, styled, text_width
from rnnlab.report.figures.palette import INK, Style
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.conditions import RATE, Condition
from rnnlab.report.judging.estimates import Rate, rate_of
from rnnlab.report.judging.labels import by_value, short, written
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, percent

ROW = 0.28  # inches
MAX_MAPS = 3  # axes that the activation is crossed with
SHADES = LinearSegmentedColormap.from_list("diverged", ["#ffffff", "#fdd49e", "#ef6548", "#7f0000"])  # even in grey


@dataclass(frozen=True)
class DivergencePanel:
    title: str
    rates: Mapping[str, Rate]  # by activation


@dataclass(frozen=True)
class DivergenceMap:
    """How many of how many diverged, by row (activation) and column (value of the other axis)."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    rates: Mapping[tuple[str, str], Rate]


@figure_of_study("divergence", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    """Nothing when no run diverged: the table says so already."""
    if not view.counts.diverged:
        return
    axes = sorted(view.design.facet_axes, key=lambda axis: axis != RATE)[:MAX_MAPS]
    for axis in axes:
        yield _map_plate(view, axis)
    if not axes:
        yield _rates_plate(view, style_of)


def _by_task(view: View) -> Iterator[tuple[str, list[Condition]]]:
    for task in view.tasks:
        conditions = [row.condition for row in task.conditions if row.n_completed]
        if conditions:
            yield task.facts.name, conditions


def _map_plate(view: View, axis: str) -> Plate:
    name = short(axis, view.design.axes)
    maps = [_map(task, conditions, axis, view.design.labels) for task, conditions in _by_task(view)]
    others = [short(key, view.design.axes) for key in view.design.facet_axes if key != axis]
    caption = f"How many of the completed runs diverged, by activation and {name}; darker is more."
    if others:
        caption += f" Each cell counts all settings of {listed(others)} together."
    alt = f"Runs that diverged, by activation and {name}. " + " ".join(_alt_of_map(shown) for shown in maps)
    stem = "divergence" if axis == RATE else file_stem("divergence", name)
    return Plate(stem, "divergence", f"Divergence by {name}", caption, alt, draw_maps(maps, name))


def _map(task: str, conditions: Sequence[Condition], axis: str, labels: Sequence[str]) -> DivergenceMap:
    outcomes: dict[tuple[str, str], list[bool]] = {}
    values = {written(condition.values.get(axis)): condition.values.get(axis) for condition in conditions}
    for condition in conditions:
        cell = outcomes.setdefault((condition.label, written(condition.values.get(axis))), [])
        cell.extend(run.diverged for run in condition.completed)
    return DivergenceMap(
        title=task,
        rows=tuple(label for label in labels if any(row == label for row, _ in outcomes)),
        columns=tuple(sorted(values, key=lambda text: by_value(values[text]))),
        rates={cell: rate_of(many) for cell, many in outcomes.items()},
    )


@styled
def draw_maps(maps: Sequence[DivergenceMap], axis: str) -> Figure:
    n_rows = max(len(shown.rows) for shown in maps)
    n_columns = min(len(maps), 3 if max(len(shown.columns) for shown in maps) < 8 else 2)
    labels = [row for shown in maps for row in shown.rows]
    same_rows = len({shown.rows for shown in maps}) == 1
    left = text_width(labels) + 0.25
    margins = Margins(left=left, right=0.15, top=0.3, bottom=0.5, across=0.3 if same_rows else left, down=0.62)
    figure, all_axes = panels([shown.title for shown in maps], n_columns, ROW * n_rows + 0.1, margins)
    for place, (axes, shown) in enumerate(zip(all_axes, maps, strict=True)):
        _draw_map(axes, shown)
        axes.tick_params(labelleft=is_left(place, n_columns) or not same_rows)
        axes.set_xlabel(axis)
    return figure


def _draw_map(axes: Axes, shown: DivergenceMap) -> None:
    shares = np.full((len(shown.rows), len(shown.columns)), np.nan)
    for (row, column), rate in shown.rates.items():
        place = shown.rows.index(row), shown.columns.index(column)
        if rate.total:
            shares[place] = rate.count / rate.total
            text = f"{rate.count}/{rate.total}" if len(shown.columns) <= 9 else f"{100 * shares[place]:.0f}"
            color = "white" if shares[place] > 0.6 else INK
            axes.text(*place[::-1], text, ha="center", va="center", fontsize=NOTE_SIZE - 0.5, color=color)
    axes.imshow(shares, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    axes.set_xticks(range(len(shown.columns)), shown.columns)
    axes.set_yticks(range(len(shown.rows)), shown.rows)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def _alt_of_map(shown: DivergenceMap) -> str:
    cells = [
        f"{row} at {column} {rate.count} of {rate.total}" for (row, column), rate in shown.rates.items() if rate.count
    ]
    return f"{shown.title}: {listed(cells, at_most=24) or 'none'}."


def _rates_plate(view: View, style_of: Styles) -> Plate:
    shown = [DivergencePanel(task, _rates(conditions, view.design.labels)) for task, conditions in _by_task(view)]
    caption = "How many of the completed runs diverged, with the 95% Wilson interval of the rate."
    alt = "Runs that diverged. " + " ".join(_alt(panel) for panel in shown)
    return Plate("divergence", "divergence", "Divergence", caption, alt, draw_divergence(shown, style_of))


def _rates(conditions: Sequence[Condition], labels: Sequence[str]) -> dict[str, Rate]:
    rates = {}
    for label in labels:
        runs = [run for condition in conditions if condition.label == label for run in condition.completed]
        if runs:
            rates[label] = rate_of([run.diverged for run in runs])
    return rates


@styled
def draw_divergence(shown: Sequence[DivergencePanel], style_of: Styles) -> Figure:
    labels = [label for label in style_of if any(label in panel.rates for panel in shown)]
    n_columns = min(len(shown), 3)
    margins = Margins(left=text_width(labels) + 0.25, right=0.5, top=0.3, bottom=0.5, across=0.55, down=0.5)
    figure, all_axes = panels(
        [panel.title for panel in shown], n_columns, ROW * len(labels) + 0.1, margins, shared="xy"
    )
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        for label, rate in panel.rates.items():
            _draw_rate(axes, labels.index(label), rate, style_of[label])
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(axis="y", length=0, labelleft=is_left(place, n_columns), labelsize=LABEL_SIZE)
        axes.tick_params(axis="x", labelbottom=is_bottom(place, len(shown), n_columns))
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.xaxis.set_major_formatter(PercentFormatter(1.0))
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("runs that diverged")
    all_axes[0].set_xlim(-0.02, 1.02)
    all_axes[0].set_ylim(len(labels) - 0.5, -0.5)
    return figure


def _draw_rate(axes: Axes, y: int, rate: Rate, style: Style) -> None:
    axes.plot(rate.interval, [y, y], color=style.color, linewidth=3, alpha=0.45, clip_on=False)
    axes.plot(rate.count / rate.total, y, marker=style.marker, color=style.color, markersize=5.5, clip_on=False)
    axes.annotate(
        f"{rate.count}/{rate.total}",
        (1, y),
        xycoords=axes.get_yaxis_transform(),
        xytext=(6, 0),
        textcoords="offset points",
        va="center",
        fontsize=NOTE_SIZE,
        annotation_clip=False,
    )


def _alt(panel: DivergencePanel) -> str:
    rows = [
        f"{label} {rate.count} of {rate.total} ({percent(rate.interval[0])} to {percent(rate.interval[1])})"
        for label, rate in panel.rates.items()
    ]
    return f"{panel.title}: {listed(rows, at_most=16)}."
