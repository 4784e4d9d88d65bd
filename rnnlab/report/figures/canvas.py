"""What all figures share: one style sheet, and one grid of panels, measured in inches."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Any, ParamSpec
from unicodedata import east_asian_width

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.report.figures.fonts import FALLBACKS
from rnnlab.report.figures.palette import INK, SOFT, Style
from rnnlab.report.words.wording import pieces

P = ParamSpec("P")
WIDTH = 9.6  # inches: the width of the page's column
TITLE_SIZE, LABEL_SIZE, NOTE_SIZE = 9.5, 8.5, 7.5

STYLE: Any = {  # settings of matplotlib, whose type for them is a list of all their names
    # DejaVu Sans travels with matplotlib, so every machine lays out the same; the others are for what it lacks.
    "font.family": ["DejaVu Sans", *FALLBACKS],
    "font.size": LABEL_SIZE,
    "text.color": INK,
    "text.parse_math": False,  # a "$" in a study's name is a dollar
    "axes.edgecolor": SOFT,
    "axes.labelcolor": INK,
    "axes.labelsize": LABEL_SIZE,
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": TITLE_SIZE,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.axisbelow": True,
    "axes.unicode_minus": True,
    "grid.color": "#e6e6e6",
    "grid.linewidth": 0.6,
    "xtick.color": SOFT,
    "ytick.color": SOFT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": NOTE_SIZE,
    "ytick.labelsize": NOTE_SIZE,
    "xtick.major.size": 3,
    "ytick.major.size": 3,
    "ytick.minor.size": 0,
    "legend.frameon": False,
    "legend.fontsize": LABEL_SIZE,
    "lines.solid_capstyle": "round",
    "svg.fonttype": "none",  # text stays text: small, selectable, in the page's own font
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
}


def styled(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """A drawing function that runs under STYLE, and leaves matplotlib's settings as they were."""

    @wraps(draw)
    def draw_styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    return draw_styled


@dataclass(frozen=True)
class Margins:
    """Inches around the panels (left, right, top, bottom) and between them (across, down)."""

    left: float = 0.75
    right: float = 0.15
    top: float = 0.35
    bottom: float = 0.5
    across: float = 0.3
    down: float = 0.5


def panels(
    titles: Sequence[str], n_columns: int, height: float, margins: Margins, shared: str = "", width: float = WIDTH
) -> tuple[Figure, list[Axes]]:
    """A figure with a panel for each title, row by row, each `height` inches high; shared: "", "x", "y" or "xy".

    A title too long for its panel is broken into lines, and the rows make room for them.
    """
    n = len(titles)
    n_columns = min(n, n_columns)
    n_rows = -(-n // n_columns)
    panel_width = (width - margins.left - margins.right - (n_columns - 1) * margins.across) / n_columns
    letters = max(12, int(panel_width / text_width(["x"], TITLE_SIZE)))
    broken = [broken_title(title, letters) for title in titles]
    extra = max(title.count("\n") for title in broken) * 1.3 * TITLE_SIZE / 72
    top, down = margins.top + extra, margins.down + extra
    total = top + margins.bottom + n_rows * height + (n_rows - 1) * down
    figure = Figure(figsize=(width, total))
    grid = figure.add_gridspec(
        n_rows,
        n_columns,
        left=margins.left / width,
        right=1 - margins.right / width,
        bottom=margins.bottom / total,
        top=1 - top / total,
        wspace=margins.across / panel_width,
        hspace=down / height,
    )
    axes: list[Axes] = []
    for place, title in enumerate(broken):
        same = {f"share{which}": axes[0] for which in shared if axes}
        axes.append(figure.add_subplot(grid[place // n_columns, place % n_columns], **same))
        axes[-1].set_title(title, y=1.0)  # else its place is looked for anew whenever the figure is drawn
    return figure, axes


def broken_title(title: str, letters: int) -> str:
    """Lines of at most so many letters, broken where `pieces` allows it; a single word may be longer."""
    lines = [""]
    for piece in pieces(title):
        if lines[-1] and letters_of(lines[-1]) + letters_of(piece.rstrip()) > letters:
            lines.append("")
        lines[-1] += piece
    return "\n".join(line.rstrip() for line in lines)


def balanced(n: int, at_most: int) -> int:
    """The number of columns that fills the rows most evenly: 5 panels stand as 3 + 2, not as 4 + 1."""
    return -(-n // -(-n // at_most))


def is_left(place: int, n_columns: int) -> bool:
    return place % n_columns == 0


def is_bottom(place: int, n: int, n_columns: int) -> bool:
    return place + n_columns >= n


def text_width(texts: Sequence[str], size: float = LABEL_SIZE) -> float:
    """Inches that the longest text takes, about: a letter of this font is 0.6 of its size wide."""
    return max(map(letters_of, texts), default=0) * 0.6 * size / 72


def letters_of(text: str) -> float:
    """The width of a text in Latin letters: one of Korean, Chinese or Japanese is as wide as 1.7."""
    return sum(1.7 if east_asian_width(letter) in "WF" else 1.0 for letter in text)


def plain_log_ticks(axes: Axes) -> None:
    """Powers of ten on a log axis as 0.01, 0.1, 1, 10; at the far ends as 1e-06."""
    low, high = np.log10(axes.get_ylim())
    decades = np.arange(np.ceil(low - 1e-9), np.floor(high + 1e-9) + 1)
    every = max(1, -(-len(decades) // 6))
    ticks = 10.0 ** decades[::every]
    if len(decades) < 2:  # less than two decades: 1, 2, 5 of each
        fine = np.array([m * 10.0**k for k in range(int(np.floor(low)), int(np.ceil(high)) + 1) for m in (1, 2, 5)])
        ticks = fine[(fine >= 10**low) & (fine <= 10**high)]
    axes.set_yticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.set_yticks([], minor=True)


BASELINE_LINES = ((0, (1, 1.5)), (0, (4, 2)), (0, (6, 1.5, 1, 1.5)), (0, (2, 4)))


def fitted(scores: np.ndarray, least: float = 0.02) -> tuple[float, float]:
    """The ends of an axis that fits scores: at least `least` long, with a little room on both sides."""
    known = scores[np.isfinite(scores)]
    low, high = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    middle, half = (low + high) / 2, max(high - low, least) / 2
    return middle - 1.08 * half, middle + 1.08 * half


def baselines(axes: Axes, values: Sequence[float]) -> None:
    """Thin lines across the panel; `baseline_handles` names them in the legend."""
    for n, value in enumerate(values):
        line = BASELINE_LINES[n % len(BASELINE_LINES)]
        axes.axhline(value, color=SOFT, linewidth=1.0, linestyle=line, zorder=1.5)


def baseline_handles(names: Sequence[str]) -> list[Line2D]:
    return [
        Line2D([], [], color=SOFT, linewidth=1.0, linestyle=BASELINE_LINES[n % len(BASELINE_LINES)], label=name)
        for n, name in enumerate(names)
    ]


def label_handles(style_of: Mapping[str, Style], labels: Iterable[str], markers: bool = False) -> list[Line2D]:
    """The legend of the activations, in the order of the styles."""
    wanted = set(labels)
    return [
        Line2D(
            [],
            [],
            color=style.color,
            linestyle=style.line,
            linewidth=1.9,
            label=label,
            marker=style.marker if markers else "",
            markersize=4.5,
        )
        for label, style in style_of.items()
        if label in wanted
    ]


def legend_below(figure: Figure, handles: Sequence[Line2D], n_columns: int = 5) -> None:
    figure.legend(handles=handles, loc="lower center", ncols=min(n_columns, len(handles)), bbox_to_anchor=(0.5, 0))


def room_for_legend(n_handles: int, n_columns: int = 5) -> float:
    """Inches at the bottom of a figure for the label of the x axis and the rows of the legend."""
    return 0.62 + 0.2 * -(-n_handles // n_columns)


def supylabel(figure: Figure, all_axes: Sequence[Axes], text: str) -> None:
    """One label for the y axes of all panels, half-way up."""
    middle = (all_axes[0].get_position().y1 + all_axes[-1].get_position().y0) / 2
    figure.supylabel(text, x=0.08 / figure.get_figwidth(), y=middle, ha="left", fontsize=LABEL_SIZE)
