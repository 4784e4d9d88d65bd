"""Differences, intervals, levels and p-values as a reader sees them, in the unit of what is claimed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from rnnlab.records.metrics import LONGER, metric_of, unit_of
from rnnlab.report.words.wording import near_one, number, ranked

SCORES = ("score", f"{LONGER}score")
ABOVE_ZERO = math.nextafter(0.0, 1.0)  # an end of an interval that leaves zero out and nothing else

Interval = tuple[float, float]


@dataclass(frozen=True)
class Unit:
    """scale: what a number is multiplied by.  name: the unit, "" for a pure number."""

    scale: float = 1.0
    name: str = ""

    def __call__(self, value: float) -> str:
        """ "-12 percentage points", "1 percentage point", "86.5%".  A difference is infinite where in half of the pairs
        of seeds one side diverged, or never got to a threshold, and the other did not."""
        if math.isinf(value):
            return "unbounded above" if value > 0 else "unbounded below"
        text = self.number(value)
        name = self.name.removesuffix("s") if text in ("1", "-1") else self.name
        return f"{text}%" if name == "%" else f"{text} {name}".rstrip()

    def number(self, value: float) -> str:
        return number(self.scale * value)

    def interval(self, ends: Interval) -> str:
        """Without the unit, but for %: "-39 to -12", "above 0 to 50", "at least 3", "no bound"."""
        low, high = ends
        if math.isinf(low) and math.isinf(high):
            return "no bound" if low < high else self(low)
        if math.isinf(low):
            return self._end(high) if abs(high) == ABOVE_ZERO else f"at most {self._end(high)}"
        if math.isinf(high):
            return self._end(low) if abs(low) == ABOVE_ZERO else f"at least {self._end(low)}"
        return f"{self._end(low)} to {self._end(high)}"

    def _end(self, value: float) -> str:
        if abs(value) == ABOVE_ZERO:
            return "above 0" if value > 0 else "below 0"
        return f"{self.number(value)}%" if self.name == "%" else self.number(value)


def unit_of_claim(quantity: str, alone: bool) -> Unit:
    """Of a difference percentage points for events and shares, of a value percent; else the metric's own unit.

    alone: whether the quantity is compared with a number."""
    if is_share(quantity):
        return Unit(100.0, "%" if alone else "percentage points")
    return Unit(1.0, unit_of(quantity))


def estimate_words(quantity: str, alone: bool, estimate: float, interval: Interval) -> str:
    """ "-12 percentage points (-39 to -1)"; alone: as in `unit_of_claim`."""
    unit = unit_of_claim(quantity, alone)
    return f"{unit(estimate)} ({unit.interval(interval)})"


def is_share(quantity: str) -> bool:
    """Whether it is written in percent: a share of runs, images, sequences; a score is none."""
    metric = metric_of(quantity)
    is_bounded = metric is not None and metric.is_share
    return quantity in ("diverged", "learned") or (is_bounded and quantity not in SCORES)


def value_words(value: float, quantity: str) -> str:
    """A value of the quantity itself: 0.981, 86.5%, 1.86, diverged."""
    if is_share(quantity):
        return f"{number(100 * value)}%"
    return near_one(value) if quantity in SCORES and math.isfinite(value) else ranked(value)


def level_words(level: float) -> str:
    """ "97.5% interval"; close to 1 with enough digits to tell it from 1."""
    return f"{100 * level:.3g}% interval" if level < 0.9995 else f"{100 * level:.5g}% interval"


def p_words(p: float) -> str:
    return "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
