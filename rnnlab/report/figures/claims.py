"""What the claims are judged by: every comparison with its interval, and the intervals from look to look."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from rnnlab.records.metrics import labelled
from rnnlab.report.figures.canvas import LABEL_SIZE, NOTE_SIZE, WIDTH, Margins, balanced, panels, styled, text_width
from rnnlab.report.figures.palette import FAINT, SOFT
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.intervals import ABOVE_ZERO, Unit, is_share, unit_of_claim
from rnnlab.report.words.sentences import SIGNS, pair_name
from rnnlab.statistics.decision import Judgement
from rnnlab.statistics.looks import Step

MOST_ROWS, MOST_PATHS = 40, 12
ROW = 0.34  # inches
FARTHEST = 40.0  # ends that are so many times farther away than all estimates are drawn as arrows
COLORS: Mapping[Judgement, str] = {
    "supported": "#0b5c43",
    "refuted": "#97330b",
    "no difference that matters": "#6b4a9e",
    "undecided": "#54585f",
}
MARKERS: Mapping[Judgement, str] = {
    "supported": "o",
    "refuted": "s",
    "no difference that matters": "D",
    "undecided": "o",
}
BAND = "#ececec"


@dataclass(frozen=True)
class Row:
    """One comparison, in the unit of its panel.  centre, margin, threshold: of the claim; path: looks."""

    name: str
    axis: str  # what the numbers are, with their unit
    judgement: Judgement
    estimate: float
    interval: tuple[float, float]
    cautious: tuple[float, float]
    centre: float
    threshold: float
    margin: float | None
    path: Sequence[Step]
    look: int


@figure_of_study("verdicts", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    rows = [
        _row(n, verdict, part)
        for n, verdict in enumerate(view.verdicts, start=1)
        for part in verdict.parts
        if part.sample is not None and math.isfinite(part.decision.estimate)
    ]
    if not rows:
        return
    shown = rows[:MOST_ROWS]
    caption = (
        "Every comparison that the claims consist of, by the number of the claim. Mark: the estimate. Thick: the "
        "interval at the level at which the verdict was taken. Thin: the interval that allows for events too rare to "
        "have been seen. Dashed: the number from which on the claim holds."
    )
    if any(row.margin is not None for row in shown):
        caption += " Grey: differences that would not matter, by the margin of the claim."
    if len(shown) < len(rows):
        caption += f" The first {len(shown)} of {len(rows)} comparisons are drawn."
    alt = "Estimates and intervals of the claims. " + " ".join(map(_alt, shown))
    yield Plate("claims", "verdicts", "The claims in numbers", caption, alt, draw_claims(shown))
    looked = [row for row in rows if len(row.path) > 1]
    if looked:
        caption = (
            "The interval of each comparison at each look, corrected for the number of looks that were planned, before "
            "the correction for the other claims. The large mark is the look that decided."
        )
        if len(looked) > MOST_PATHS:
            caption += f" The first {MOST_PATHS} of {len(looked)} comparisons are drawn."
        alt = "Intervals from look to look. " + " ".join(map(_alt_path, looked[:MOST_PATHS]))
        figure = draw_looks(looked[:MOST_PATHS])
        yield Plate("looks", "verdicts", "The claims from look to look", caption, alt, figure)


@styled
def draw_claims(rows: Sequence[Row]) -> Figure:
    """One panel for each axis: rows of different units have no common one."""
    axes_of = list(dict.fromkeys(row.axis for row in rows))
    groups = [[row for row in rows if row.axis == axis] for axis in axes_of]
    left = min(text_width([row.name for row in rows]) + 0.25, 4.0)
    right, top, bottom, between = 1.75, 0.1, 0.85, 0.62
    heights = [ROW * len(group) + 0.12 for group in groups]
    total = top + bottom + sum(heights) + between * (len(groups) - 1)
    figure = Figure(figsize=(WIDTH, total))
    edge = total - top
    for group, axis, height in zip(groups, axes_of, heights, strict=True):
        box = (left / WIDTH, (edge - height) / total, 1 - (left + right) / WIDTH, height / total)
        axes = figure.add_axes(box)
        _draw_panel(axes, group)
        axes.set_xlabel(axis)
        edge -= height + between
    figure.legend(handles=_legend(rows), loc="lower center", ncols=6, bbox_to_anchor=(0.5, 0), fontsize=NOTE_SIZE)
    return figure


@styled
def draw_looks(rows: Sequence[Row]) -> Figure:
    n_columns = balanced(len(rows), at_most=3)
    margins = Margins(left=0.85, right=0.15, top=0.35, bottom=0.5, across=0.8, down=0.75)
    figure, all_axes = panels([row.name for row in rows], n_columns, 1.5, margins)
    for axes, row in zip(all_axes, rows, strict=True):
        color = COLORS[row.judgement]
        places = list(range(len(row.path)))
        low, high = _limits([row], [end for step in row.path for end in step.interval])
        _margin(axes, row, upright=True)
        axes.axhline(row.threshold, color=SOFT, linewidth=1.0, linestyle=(0, (4, 2)))
        for place, step in zip(places, row.path, strict=True):
            decided = row.judgement != "undecided" and place == row.look
            ends = [min(max(end, low), high) for end in step.interval]
            axes.plot([place, place], ends, color=color, linewidth=3.2 if decided else 1.6, alpha=0.75)
            for far, limit, marker in ((step.interval[0] < low, low, "v"), (step.interval[1] > high, high, "^")):
                if far:
                    axes.plot(place, limit, marker=marker, color=color, markersize=5, clip_on=False)
            size = 8 if decided else 4.5
            axes.plot(place, step.estimate, marker=MARKERS[row.judgement], color=color, markersize=size)
        axes.set_xticks(places, [str(step.n_seeds) for step in row.path])
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.set_ylim(low, high)
        axes.set_ylabel("\n".join(textwrap.wrap(row.axis, 24)), fontsize=NOTE_SIZE)
        axes.grid(axis="y")
        axes.set_xlabel("seeds")
    return figure


def _row(n: int, verdict: Verdict, part: Part) -> Row:
    claim, decision = verdict.claim, part.decision
    alone = part.comparison.against is None
    unit = unit_of_claim(claim.quantity, alone)
    scaled = [
        Step(step.n_seeds, unit.scale * step.estimate, _scaled(step.interval, unit.scale), step.p) for step in part.path
    ]
    return Row(
        name=f"{n}: {pair_name(part).replace(' and ', ' - ')}",
        axis=_axis(claim.quantity, unit, alone),
        judgement=decision.judgement,
        estimate=unit.scale * decision.estimate,
        interval=_scaled(decision.interval, unit.scale),
        cautious=_scaled(decision.with_rare_events, unit.scale),
        centre=unit.scale * (claim.than or 0.0),
        threshold=unit.scale * claim.threshold,
        margin=None if claim.margin is None else unit.scale * claim.margin,
        path=scaled,
        look=decision.look,
    )


def _axis(quantity: str, unit: Unit, alone: bool) -> str:
    if is_share(quantity):
        names = {"diverged": "runs that diverged", "learned": "runs that learned"}
        name = f"{names.get(quantity, labelled(quantity))} ({unit.name})"
    else:
        name = labelled(quantity)
    return name if alone else f"difference in {name}"


def _scaled(ends: tuple[float, float], scale: float) -> tuple[float, float]:
    low, high = (0.0 if abs(end) == ABOVE_ZERO else scale * end for end in ends)
    return low, high


def _limits(rows: Sequence[Row], ends: Sequence[float]) -> tuple[float, float]:
    """Around all that is shown; what is infinite or too far away to leave room for the rest is cut."""
    near = [value for row in rows for value in (row.estimate, row.centre, row.threshold)]
    near += [row.centre + sign * (row.margin or 0.0) for row in rows for sign in (-1, 1)]
    middle = (min(near) + max(near)) / 2
    finite = [abs(end - middle) for end in ends if math.isfinite(end)]
    reach = max((max(near) - min(near)) / 2, min(finite, default=0.0)) or 1.0
    kept = [end for end in ends if math.isfinite(end) and abs(end - middle) <= FARTHEST * reach]
    low, high = min([*near, *kept]), max([*near, *kept])
    pad = 0.06 * ((high - low) or 1.0)
    return low - pad, high + pad


def _draw_panel(axes: Axes, rows: Sequence[Row]) -> None:
    low, high = _limits(rows, [end for row in rows for end in (*row.interval, *row.cautious)])
    for y, row in enumerate(rows):
        color = COLORS[row.judgement]
        _margin(axes, row, y)
        axes.plot([row.threshold] * 2, [y - 0.46, y + 0.46], color=SOFT, linewidth=1.0, linestyle=(0, (3, 1.5)))
        for (start, end), width, alpha in ((row.cautious, 1.0, 0.7), (row.interval, 3.4, 0.6)):
            axes.plot([max(start, low), min(end, high)], [y, y], color=color, linewidth=width, alpha=alpha)
            for far, limit, marker in ((start < low, low, "<"), (end > high, high, ">")):
                if far:
                    axes.plot(limit, y, marker=marker, color=color, markersize=5, clip_on=False)
        face = "white" if row.judgement == "undecided" else color
        axes.plot(
            row.estimate, y, marker=MARKERS[row.judgement], markersize=6, markerfacecolor=face, markeredgecolor=color,
            markeredgewidth=1.3,
        )  # fmt: skip
        words = f"{SIGNS[row.judgement]} {row.judgement}".replace("difference ", "difference\n    ")
        axes.text(1.02, y, words, transform=axes.get_yaxis_transform(), va="center", color=color, fontsize=LABEL_SIZE)
    axes.set_yticks(range(len(rows)), [row.name for row in rows])
    axes.tick_params(axis="y", length=0, labelsize=LABEL_SIZE)
    axes.spines["left"].set_visible(False)
    axes.grid(axis="x")
    axes.set_xlim(low, high)
    axes.set_ylim(len(rows) - 0.45, -0.55)


def _margin(axes: Axes, row: Row, y: float = 0.0, upright: bool = False) -> None:
    if row.margin is None:
        return
    low, high = row.centre - row.margin, row.centre + row.margin
    if upright:
        axes.axhspan(low, high, color=BAND, zorder=0)
    else:
        axes.add_patch(Rectangle((low, y - 0.42), high - low, 0.84, facecolor=BAND, edgecolor=FAINT, linewidth=0.5))


def _legend(rows: Sequence[Row]) -> list[Line2D | Patch]:
    handles: list[Line2D | Patch] = [
        Line2D([], [], color=SOFT, linewidth=3.4, alpha=0.6, marker="o", markersize=5, label="estimate, interval"),
        Line2D([], [], color=SOFT, linewidth=1.0, label="with rare events"),
        Line2D([], [], color=SOFT, linewidth=1.0, linestyle=(0, (3, 1.5)), label="claimed from here on"),
    ]
    if any(row.margin is not None for row in rows):
        handles.append(Patch(facecolor=BAND, edgecolor=FAINT, linewidth=0.5, label="would not matter"))
    return handles


def _alt(row: Row) -> str:
    return f"{row.name}, {row.axis}: {Unit().number(row.estimate)} ({Unit().interval(row.interval)}), {row.judgement}."


def _alt_path(row: Row) -> str:
    steps = [f"{step.n_seeds} seeds {Unit().interval(step.interval)}" for step in row.path]
    return f"{row.name}, {row.axis}: {'; '.join(steps)}."
