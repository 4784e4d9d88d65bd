"""How much an activation gains by searching: the score to expect from the best of k runs, drawn from all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import NullLocator

from rnnlab.report.figures.canvas import (
    Margins,
    fitted,
    is_bottom,
    is_left,
    label_handles,
    legend_below,
    panels,
    room_for_legend,
    styled,
)
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.quantities import validation_score
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import near_one
from rnnlab.statistics.summaries import expected_best_of

MAX_TASKS = 12
MOST = 200  # runs that are drawn, the largest k
SEARCHED = ("optimizer.", "init.", "training.")  # what one searches over: axes whose keys begin so


@dataclass(frozen=True)
class TuningPanel:
    title: str
    unbiased: Mapping[str, np.ndarray]  # by activation, (k,)
    with_replacement: Mapping[str, np.ndarray]


@figure_of_study("tuning", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    """Nothing where the sweep has nothing to search over: then the best of k runs only shows how much seeds differ."""
    if not any(axis.startswith(SEARCHED) for axis in view.design.facet_axes):
        return
    shown = []
    for task in view.tasks[:MAX_TASKS]:
        scores: dict[str, list[float]] = {}
        for row in task.conditions:
            scores.setdefault(row.condition.label, []).extend(validation_score(run) for run in row.condition.completed)
        curves = [
            {label: expected_best_of(values, unbiased)[:MOST] for label, values in scores.items() if values}
            for unbiased in (True, False)
        ]
        if curves[0]:
            shown.append(TuningPanel(task.facts.name, *curves))
    if not shown:
        return
    caption = (
        "The best validation score to expect from k runs drawn at random from all settings and seeds of an activation. "
        "Lines: the mean over all choices of k runs (Tang et al. 2020). Faint: k draws with replacement, which is "
        "too low (Dodge et al. 2019). An activation whose line starts high needs little searching."
    )
    alt = "Expected best score of k runs. " + " ".join(map(_alt, shown))
    yield Plate("tuning", "tuning", "Expected best of k runs", caption, alt, draw_tuning(shown, style_of))


@styled
def draw_tuning(shown: Sequence[TuningPanel], style_of: Styles) -> Figure:
    handles = label_handles(style_of, [label for panel in shown for label in panel.unbiased])
    n_columns = min(len(shown), 3)
    margins = Margins(left=0.62, right=0.15, top=0.3, bottom=room_for_legend(len(handles)), across=0.3, down=0.5)
    width = 9.6 if n_columns > 1 else 5.5
    titles = [panel.title for panel in shown]
    figure, all_axes = panels(titles, n_columns, 1.9, margins, shared="y", width=width)
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        for label, expected in panel.unbiased.items():
            style, k = style_of[label], np.arange(1, len(expected) + 1)
            axes.plot(k, panel.with_replacement[label], color=style.color, linewidth=0.9, alpha=0.4)
            axes.plot(k, expected, color=style.color, linestyle=style.line, linewidth=1.7)
        largest = max(map(len, panel.unbiased.values()))
        axes.set_xscale("log")
        ticks = [k for k in (1, 2, 5, 10, 20, 50, 100, 200) if k <= largest]
        axes.set_xticks(ticks, [f"{k:,}" for k in ticks])
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xlim(1, max(largest, 2))
        axes.grid(axis="y")
        axes.tick_params(labelleft=is_left(place, n_columns))
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("runs tried, k")
        if is_left(place, n_columns):
            axes.set_ylabel("expected best validation score")
    everything = [
        curve for panel in shown for part in (panel.unbiased, panel.with_replacement) for curve in part.values()
    ]
    all_axes[0].set_ylim(fitted(np.concatenate(everything)))
    legend_below(figure, handles)
    return figure


def _alt(panel: TuningPanel) -> str:
    parts = []
    for label, curve in panel.unbiased.items():
        ten = f", of 10 {near_one(curve[9])}" if len(curve) > 10 else ""
        parts.append(f"{label} of 1 {near_one(curve[0])}{ten}, of {len(curve)} {near_one(curve[-1])}")
    return f"{panel.title}: {'; '.join(parts)}."
