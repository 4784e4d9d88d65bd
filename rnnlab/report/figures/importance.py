"""What matters: the importance of each swept key for the score, and for divergence."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from rnnlab.report.figures.canvas import LABEL_SIZE, Margins, panels, styled, text_width
from rnnlab.report.figures.palette import BLUE, SOFT, VERMILLION
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.importance import Importance
from rnnlab.report.judging.labels import short
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.importance import EXPLANATION, importance_sentence

MOST_KEYS = 20
ROW = 0.36  # inches
LOOKS = {"score": (BLUE, "o", "for the score"), "diverged": (VERMILLION, "s", "for whether a run diverges")}


@figure_of_study("importance", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    if not view.importances:
        return
    axes = view.design.axes
    alt = "Importance of each key. " + " ".join(importance_sentence(each, axes) for each in view.importances)
    figure = draw_importances(view.importances, {key: short(key, axes) for key in axes})
    yield Plate("importance", "importance", "The importance of each key", EXPLANATION, alt, figure)


@styled
def draw_importances(importances: Sequence[Importance], names: dict[str, str]) -> Figure:
    keys = [one.key for one in importances[0].keys][:MOST_KEYS]
    bottom = 0.82 if len(importances) > 1 else 0.6
    margins = Margins(left=text_width([names[key] for key in keys]) + 0.25, right=0.3, top=0.15, bottom=bottom)
    figure, (axes,) = panels([""], 1, ROW * len(keys) + 0.1, margins, width=7.2)
    for n, importance in enumerate(importances):
        color, marker, _ = LOOKS[importance.quantity]
        for one in importance.keys:
            if one.key in keys:
                y = keys.index(one.key) + (n - (len(importances) - 1) / 2) * 0.3
                axes.plot(one.span, [y, y], color=color, linewidth=3, alpha=0.45)
                axes.plot(one.mean, y, marker=marker, color=color, markersize=5.5)
    axes.axvline(0, color=SOFT, linewidth=0.8)
    axes.set_yticks(range(len(keys)), [names[key] for key in keys])
    axes.set_ylim(len(keys) - 0.45, -0.55)
    axes.tick_params(axis="y", length=0, labelsize=LABEL_SIZE)
    axes.spines["left"].set_visible(False)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.grid(axis="x")
    axes.set_xlabel("share of the variance between runs (line: range over folds of seeds)")
    if len(importances) > 1:
        handles = [
            Line2D([], [], color=color, marker=marker, linewidth=3, alpha=0.7, label=label)
            for color, marker, label in (LOOKS[importance.quantity] for importance in importances)
        ]
        figure.legend(handles=handles, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 0))
    return figure
