"""Which picture shows what a sweep varied: the one that stands on the first screen."""

from __future__ import annotations

from typing import Literal

from rnnlab.report.judging.conditions import RATE, Design

Shape = Literal["strips", "line", "map", "effects"]
FEWEST_VALUES, MOST_STRIPS = 3, 4


def numeric_axes(design: Design) -> tuple[str, ...]:
    """The axes beside what is compared whose values are three numbers or more."""
    return tuple(axis for axis in design.facet_axes if len(design.numbers_of(axis)) >= FEWEST_VALUES)


def shape_of(design: Design, tuned: bool) -> Shape:
    """strips   every run a mark: what is compared, and little else was varied
    line     score against the one number that was varied beside it
    map      two numbers were varied
    effects  more was varied: the effect of each key

    tuned: learning rates were chosen, so that they are no axis of their own."""
    numeric = numeric_axes(design)
    if len(numeric) == 2 == len(design.facet_axes):
        return "map"
    rest = [axis for axis in design.facet_axes if not (tuned and axis == RATE)]
    if not rest:
        return "strips"
    if len(rest) == 1 and rest[0] in numeric:
        return "line"
    panels = {(c.task, tuple(str(c.values.get(axis)) for axis in rest)) for c in design.conditions}
    return "strips" if len(panels) <= MOST_STRIPS else "effects"
