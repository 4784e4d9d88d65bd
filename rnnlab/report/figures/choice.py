"""What a figure shows where there is no room for everything, and the sentence that says so."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

import numpy as np

from rnnlab.options import counted
from rnnlab.report.judging.standings import Standing

MAX_SHOWN = 16
Item = TypeVar("Item")


def shown_standings(standings: Sequence[Standing], room: int) -> tuple[Sequence[Standing], str]:
    """The standings to show: all where there is room, else the best one of each activation.  And a sentence that says
    what was left out."""
    if len(standings) <= room:
        return list(standings), ""
    best: dict[str, Standing] = {}
    for standing in standings:
        held = best.setdefault(standing.label, standing)
        if standing.score.median > held.score.median:
            best[standing.label] = standing
    shown = list(best.values())[:MAX_SHOWN]
    if len(standings) == len(shown):
        return shown, ""
    kept = "the one with the highest median score per activation"
    cut = f", cut to {counted(MAX_SHOWN, 'activation')}" if len(best) > MAX_SHOWN else ""
    return shown, f" Of {len(standings)} conditions this shows {kept}{cut}."


def evenly(items: Iterable[Item], most: int) -> list[Item]:
    """At most so many of the items, evenly spread, the first and the last among them."""
    items = list(items)
    if len(items) <= most:
        return items
    return [items[n] for n in np.unique(np.linspace(0, len(items) - 1, most).round().astype(int))]
