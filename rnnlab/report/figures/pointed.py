"""Which runs the marks of a figure stand for, so that the page can say so to whoever points at them.

An artist carries it as its identifier, runs:<place>:<runs>, which is the identifier of its group in the SVG; the runs
are their places in study.members.  In the page the group has it as data-runs.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from matplotlib.lines import Line2D

MARK = re.compile(r'<g id="runs:[\d.]+:([\d,]+)">')


def stands_for(lines: Iterable[Line2D], runs: Sequence[int]) -> None:
    """The markers of a line, in their order, stand for these runs; a line without markers stands for one.

    Every point of a line of markers must be finite, as a point that is not drawn has no marker."""
    for line in lines:
        axes, figure = line.axes, line.get_figure()
        if axes is None or figure is None or not len(runs):
            continue
        place = (
            f"{list[object](figure.axes).index(axes)}.{len(axes.lines)}"  # no two groups may have the same identifier
        )
        line.set_gid(f"runs:{place}:{','.join(map(str, runs))}")


def marked(svg: str) -> str:
    """The SVG with data-runs in place of the identifiers, which would occur in every figure of a page."""
    return MARK.sub(r'<g data-runs="\1">', svg)
