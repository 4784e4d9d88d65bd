"""until=decided and until=precise: a sweep that adds seeds, look after look, until its claims are decided."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rnnlab.options import ConfigError, check_choice, written

WAYS = ("decided", "precise")
KEYS = ("until", "first_seeds", "max_seeds", "precision")


@dataclass(frozen=True)
class Until:
    """way: a name in WAYS.  first_seeds, max_seeds: at the first and at the last look.  precision: with `precise`, how
    wide the interval of a claim may be, in the unit of its quantity."""

    way: str
    first_seeds: int
    max_seeds: int
    precision: float | None


def until_of(config: Mapping[str, Any]) -> Until | None:
    """What the top of a composed config says about it; None for a sweep whose seeds are all asked for at once.

    Raises ConfigError, also for a value that does not act."""
    way, precision = config.get("until"), config.get("precision")
    if way is not None:
        check_choice("until", way, WAYS)
    for key in ("first_seeds", "max_seeds"):
        n_seeds = config.get(key)
        if key in config and (type(n_seeds) is not int or n_seeds < 2):
            raise ConfigError(f"{key}: {written(n_seeds)}; must be a whole number at least 2")
    if (precision is None) == (way == "precise"):
        must = "be a number above 0 with until=precise" if way == "precise" else "be null unless until=precise"
        raise ConfigError(f"precision: {written(precision)}; must {must}")
    if precision is not None and not (type(precision) in (int, float) and math.isfinite(precision) and precision > 0):
        raise ConfigError(f"precision: {written(precision)}; must be a finite number above 0")
    return Until(way, config["first_seeds"], config["max_seeds"], precision) if way else None
