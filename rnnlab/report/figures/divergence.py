"""How many runs of each activation diverged, n of N, with the 95 % Wilson interval of the rate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from rnnlab.report.conditions import Condition
from rnnlab.report.figures.canvas import LABEL_SIZE, NOTE_SIZE, Margins, is_bottom, is_left, panels, styled, text_width
from rnnlab.report.figures.plate import Plate
from rnnlab.report.palette import Style
from rnnlab.report.statistics import wilson_interval
from rnnlab.report.view import Rate, View
from rnnlab.report.wording import listed, percent

ROW = 0.28  # inches


@dataclass(frozen=True)
class DivergencePanel:
    title: str
    rates: Mapping[str, Rate]  # by activation


def plate(view: View, style_of: Mapping[str, Style]) -> Plate | None:
    """None when nothing diverged: the table says 0 of n already."""
    if not view.counts.diverged:
        return None
    shown = []
    for task in view.tasks:
        conditions = [row.condition for row in task.conditions if row.n_completed]
        if conditions:
            shown.append(DivergencePanel(task.facts.name, _rates(conditions, view.design.labels)))
    caption = "Diverged runs of all completed runs, with the 95% Wilson interval of the rate."
    if len(view.design.facets) > 1:
        caption += " All settings of an activation are counted together."
    alt = "Runs that diverged. " + " ".join(_alt(panel) for panel in shown)
    return Plate("divergence", "divergence", "Divergence", caption, alt, draw_divergence(shown, style_of))


def _rates(conditions: Sequence[Condition], labels: Sequence[str]) -> dict[str, Rate]:
    rates = {}
    for label in labels:
        runs = [run for condition in conditions if condition.label == label for run in condition.completed]
        if runs:
            count = sum(run.diverged for run in runs)
            rates[label] = Rate(count, len(runs), wilson_interval(count, len(runs)))
    return rates


@styled
def draw_divergence(shown: Sequence[DivergencePanel], style_of: Mapping[str, Style]) -> Figure:
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
