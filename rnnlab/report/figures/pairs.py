"""All pairs of what is compared: how far they are apart, by task."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.report.figures.canvas import LABEL_SIZE, NOTE_SIZE, Margins, balanced, panels, styled, text_width
from rnnlab.report.figures.palette import INK, SOFT
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.pairs import Pair
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.pairs import by_score, is_above, median_difference, pair_words, shown_interval
from rnnlab.report.words.wording import number

MOST_LABELS = 8  # with more, a matrix
MOST_TASKS = 9
ROW = 0.3  # inches
RIGHT = 1.1  # inches for the scale of colours beside a matrix
SHOWN, OPEN = "#0b5c43", "#8a8f97"


@dataclass(frozen=True)
class PairRow:
    of: str
    against: str
    differs: bool
    median: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class PairPanel:
    title: str
    rows: Sequence[PairRow]


@figure_of_study("pairs", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    known = [pair for pair in by_score(view.pairs) if pair.part.sample is not None]
    tasks = list(dict.fromkeys(pair.task for pair in known))[:MOST_TASKS]
    if not tasks:
        return
    shown = [PairPanel(task, [_row(pair) for pair in known if pair.task == task]) for task in tasks]
    labels = {label for pair in known for label in (pair.of, pair.against)}
    if len(labels) > MOST_LABELS:
        what = "The row minus the column. Colour: the median difference of a seed in score. A dot: the two differ"
        figure = draw_matrix(shown)
    else:
        what = (
            "The score of the first minus that of the second, by seed. Mark and line: the median over seeds and its "
            "interval, each panel on its own axis. Filled: the two differ"
        )
        figure = draw_pairs(shown)
    caption = f"{what}, corrected for all pairs of the task."
    alt = "Differences in score between all pairs. " + " ".join(_alt(task, known) for task in tasks)
    yield Plate("pairs", "pairs", "All pairs", caption, alt, figure)


@styled
def draw_pairs(shown: Sequence[PairPanel]) -> Figure:
    names = list(dict.fromkeys(_name(row) for panel in shown for row in panel.rows))
    n_columns = balanced(len(shown), at_most=3)
    margins = Margins(left=text_width(names) + 0.2, right=0.2, top=0.3, bottom=0.8, across=0.35, down=0.62)
    figure, all_axes = panels([panel.title for panel in shown], n_columns, ROW * len(names) + 0.1, margins)
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        for row in panel.rows:
            _draw_row(axes, names.index(_name(row)), row)
        axes.axvline(0, color=SOFT, linewidth=1.0, linestyle=(0, (3, 1.5)), zorder=0.5)
        axes.set_yticks(range(len(names)), names if place % n_columns == 0 else [""] * len(names))
        axes.set_ylim(len(names) - 0.45, -0.55)
        axes.tick_params(axis="y", length=0, labelsize=LABEL_SIZE)
        axes.locator_params(axis="x", nbins=4)
        axes.spines["left"].set_visible(False)
        axes.grid(axis="x")
        axes.set_xlabel("difference in score")
    handles = [
        Line2D([], [], color=SHOWN, linewidth=3, alpha=0.8, marker="o", markersize=5, label="they differ"),
        Line2D(
            [], [], color=OPEN, linewidth=3, alpha=0.8, marker="o", markersize=5, markerfacecolor="white",
            label="cannot be told apart",
        ),
    ]  # fmt: skip
    figure.legend(handles=handles, loc="lower center", ncols=2, bbox_to_anchor=(0.5, 0), fontsize=NOTE_SIZE)
    return figure


@styled
def draw_matrix(shown: Sequence[PairPanel]) -> Figure:
    labels = list(dict.fromkeys(label for panel in shown for row in panel.rows for label in (row.of, row.against)))
    n_columns = balanced(len(shown), at_most=2)
    left = text_width(labels, NOTE_SIZE) + 0.25
    margins = Margins(left=left, right=RIGHT, top=0.35, bottom=left + 0.1, across=left + RIGHT, down=left + 0.5)
    width = 9.6 if n_columns > 1 else 6.2
    side = (width - left - RIGHT - (n_columns - 1) * (left + RIGHT)) / n_columns
    figure, all_axes = panels([panel.title for panel in shown], n_columns, side, margins, width=width)
    for axes, panel in zip(all_axes, shown, strict=True):
        table = np.full((len(labels), len(labels)), math.nan)
        for row in panel.rows:
            one, other = labels.index(row.of), labels.index(row.against)
            table[one, other], table[other, one] = row.median, -row.median
            if row.differs:
                axes.plot([other, one], [one, other], linestyle="none", marker="o", color=INK, markersize=3.2)
        most = float(np.nanmax(np.abs(table))) or 1.0
        image = axes.imshow(table, cmap="PuOr_r", vmin=-most, vmax=most, aspect="auto")
        axes.set_xticks(range(len(labels)), labels, rotation=90)
        axes.set_yticks(range(len(labels)), labels)
        axes.tick_params(length=0)
        figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, label="difference in score")
    return figure


def _row(pair: Pair) -> PairRow:
    return PairRow(pair.of, pair.against, is_above(pair) is not None, median_difference(pair), shown_interval(pair))


def _name(row: PairRow) -> str:
    return f"{row.of} - {row.against}"


def _draw_row(axes: Axes, y: int, row: PairRow) -> None:
    color = SHOWN if row.differs else OPEN
    if all(map(math.isfinite, row.interval)):
        axes.plot(row.interval, [y, y], color=color, linewidth=3, alpha=0.6)
    face = color if row.differs else "white"
    axes.plot(
        row.median, y, marker="o", markersize=5.5, markerfacecolor=face, markeredgecolor=color, markeredgewidth=1.3
    )


def _alt(task: str, pairs: Sequence[Pair]) -> str:
    own = [pair for pair in pairs if pair.task == task]
    n_differ = sum(is_above(pair) is not None for pair in own)
    words = "; ".join(map(pair_words, own[:12]))
    return f"{task}: {number(n_differ)} of {len(own)} pairs differ: {words}."
