"""The look that all figures share: one style sheet, one grid of panels, measured in inches."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rnnlab.report.palette import INK, SOFT

WIDTH = 9.6  # inches: the width of the page's column
TITLE_SIZE, LABEL_SIZE, NOTE_SIZE = 9.5, 8.5, 7.5

STYLE: dict[str, Any] = {
    "font.family": ["DejaVu Sans"],  # travels with matplotlib, so every machine lays out the same
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


def styled(draw: Callable[..., Figure]) -> Callable[..., Figure]:
    """A drawing function that runs under STYLE, and leaves matplotlib's settings as they were."""

    def draw_styled(*args, **kwargs) -> Figure:
        with matplotlib.rc_context(STYLE):
            return draw(*args, **kwargs)

    draw_styled.__name__, draw_styled.__doc__ = draw.__name__, draw.__doc__
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
    broken = ["\n".join(textwrap.wrap(title, letters)) for title in titles]
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
        axes[-1].set_title(title)
    return figure, axes


def balanced(n: int, at_most: int) -> int:
    """The number of columns that fills the rows most evenly: 5 panels stand as 3 + 2, not as 4 + 1."""
    return -(-n // -(-n // at_most))


def is_left(place: int, n_columns: int) -> bool:
    return place % n_columns == 0


def is_bottom(place: int, n: int, n_columns: int) -> bool:
    return place + n_columns >= n


def text_width(texts: Sequence[str], size: float = LABEL_SIZE) -> float:
    """Inches that the longest text takes, about: a letter of this font is 0.6 of its size wide."""
    return max(map(len, texts), default=0) * 0.6 * size / 72


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


def baseline(axes: Axes, value: float, name: str, at_right: bool = True) -> None:
    """A thin dotted line across the panel with its name on it."""
    axes.axhline(value, color=SOFT, linewidth=0.9, linestyle=(0, (1, 1.5)), zorder=1.5)
    axes.annotate(
        name,
        (float(at_right), value),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-1 if at_right else 2, 1.5),
        textcoords="offset points",
        ha="right" if at_right else "left",
        va="bottom",
        fontsize=NOTE_SIZE - 0.5,
        color=SOFT,
        zorder=3,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.8, "alpha": 0.7},
    )
