"""What a study claims before it runs: a quantity, the runs it is about, what they are compared with, a direction.

    claims:
      - says: relu diverges more often than tanh
        source: a post (F2)                       # optional
        quantity: diverged                        # diverged, learned, score, updates, a metric, a diagnostic
        to: {score: 0.5}                          # with updates: the threshold, of the score or a column of curves.csv
        of: {cell.activation: relu}               # a list: each of its values
        against: {cell.activation: tanh}          # a list: each of its values; or `than: 0.5`, a number
        where: {task: [sines, sinc]}              # optional; a list of values, or "> 0": all of them together
        is: higher                                # or lower
        by: 0.1                                   # optional, in the quantity's unit
        margin: 0.05                              # a difference up to this would not matter, in the quantity's unit
        because: one run in twenty                # why not: the reason for the margin
        level: 0.95                               # optional
        tuned: [optimizer.learning_rate]          # optional: what each side chooses for itself; [] for nothing

Whether a claim holds is judged by the report (rnnlab/report/judging/verdicts.py), from the records alone.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rnnlab.options import ConfigError, check_choice
from rnnlab.records import groups
from rnnlab.records.groups import Group, is_in
from rnnlab.records.metrics import metric_of
from rnnlab.statistics.kinds import Kind

KEYS = (
    "says",
    "source",
    "quantity",
    "to",
    "of",
    "against",
    "than",
    "where",
    "is",
    "by",
    "margin",
    "because",
    "level",
    "tuned",
)
OUTCOMES = ("diverged", "learned", "score")  # what every run has
UPDATES = "updates"  # until the validation score, or a column of curves.csv, is at a threshold for the first time
RATE = "optimizer.learning_rate"

Side = Literal["of", "against"]


@dataclass(frozen=True)
class Comparison:
    """Runs and what they are compared with: other runs, or a number where `against` is None."""

    of: Group
    against: Group | None
    where: Group

    def side(self, config: Mapping[str, Any]) -> Side | None:
        """On which side a run stands, by its config with dotted keys; None: on neither."""
        if not is_in(config, self.where):
            return None
        if is_in(config, self.of):
            return "of"
        return "against" if self.against is not None and is_in(config, self.against) else None


@dataclass(frozen=True)
class Claim:
    """One claim.  Either `against` holds a group, or `than` a number."""

    says: str
    quantity: str
    of: Group
    direction: Literal["higher", "lower"]
    against: Group | None = None
    than: float | None = None
    where: Group = field(default_factory=dict)
    to: Mapping[str, float] = field(default_factory=dict)  # with updates, one entry: what must be reached
    by: float = 0.0
    margin: float | None = None
    because: str = ""
    level: float = 0.95
    tuned: tuple[str, ...] | None = None  # None: see `chosen`
    source: str = ""

    @property
    def comparisons(self) -> tuple[Comparison, ...]:
        """One for each value of a list on a side: "worse than [a, b]" is "worse than a" and "worse than b"."""
        others = [None] if self.against is None else groups.single(self.against)
        return tuple(Comparison(of, other, self.where) for of in groups.single(self.of) for other in others)

    @property
    def kind(self) -> Kind:
        """Which numbers its quantity can have."""
        metric = metric_of(self.quantity)
        if self.quantity in ("diverged", "learned") or (metric and metric.is_event):
            return "event"
        return "bounded" if self.quantity == "score" or (metric and metric.is_share) else "unbounded"

    @property
    def keys(self) -> tuple[str, ...]:
        """The config keys that tell the two sides apart."""
        return tuple(dict.fromkeys((*self.of, *(self.against or {}))))

    @property
    def threshold(self) -> float:
        """The number from which on the claim holds, of the quantity or of its difference."""
        return (self.than or 0.0) + (self.by if self.direction == "higher" else -self.by)

    def side(self, config: Mapping[str, Any]) -> Side | None:
        """On which side of the whole claim a run stands."""
        return Comparison(self.of, self.against, self.where).side(config)

    def chosen(self, axes: Sequence[str]) -> tuple[str, ...]:
        """The settings that each side chooses for itself, of those that the sweep varies.  Unless the claim says which:
        the learning rate, but not where the claim names it, nor for `diverged`, which is counted over all rates."""
        if self.tuned is not None:
            return tuple(key for key in self.tuned if key in axes)
        named = {*self.keys, *self.where}
        return (RATE,) if RATE in axes and RATE not in named and self.quantity != "diverged" else ()

    def as_dict(self) -> dict[str, Any]:
        """Plain data, which `parse` reads back."""
        entries = {name: getattr(self, "direction" if name == "is" else name) for name in KEYS}
        found = {name: value for name, value in entries.items() if value not in (None, "", {})}
        return found | ({"tuned": list(self.tuned)} if self.tuned is not None else {})


def parse(entries: Any) -> tuple[Claim, ...]:
    """The list under `claims:` as claims.  Raises ConfigError for the first thing that cannot be understood."""
    if not groups.is_list(entries):
        raise ConfigError(f"claims: {entries!r}; must be a list")
    return tuple(_claim(entry, f"claims[{n}]") for n, entry in enumerate(entries))


def check(claims: Sequence[Claim], configs: Sequence[Mapping[str, Any]]) -> None:
    """Raise ConfigError for a claim about a key or a value that no run of the sweep has, and for one that puts numbers
    of several tasks together that have no common scale.  configs: with dotted keys."""
    known = groups.known_values(configs)
    for n, claim in enumerate(claims):
        for part in ("of", "against", "where"):
            groups.check(f"claims[{n}].{part}", getattr(claim, part) or {}, known)
        for key in claim.tuned or ():
            groups.check_key(f"claims[{n}].tuned", key, known)
        for comparison in claim.comparisons:
            _check_runs(f"claims[{n}]", claim, comparison, configs)


def _check_runs(place: str, claim: Claim, comparison: Comparison, configs: Sequence[Mapping[str, Any]]) -> None:
    sides = [comparison.side(config) for config in configs]
    for side in ("of", "against") if comparison.against is not None else ("of",):
        if side not in sides:
            wanted = groups.text_of(dict(getattr(comparison, side)))
            where = f" where {groups.text_of(dict(claim.where))}" if claim.where else ""
            raise ConfigError(
                f"{place}.{side}: no run of the sweep is {wanted}{where} (claims=[] sweeps without claims)"
            )
    tasks = {config["task.name"]: None for config, side in zip(configs, sides, strict=True) if side}
    budgets = {config.get("training.steps", 0) for config, side in zip(configs, sides, strict=True) if side}
    if claim.quantity == UPDATES and len(budgets) > 1:
        raise ConfigError(
            f"{place}.quantity: updates of runs with training.steps={', '.join(map(str, sorted(budgets)))}; must be "
            "one number, or who was given less time seems to need more"
        )
    if claim.kind == "unbounded" and len(tasks) > 1:
        first, *_ = tasks
        raise ConfigError(
            f"{place}.quantity: {claim.quantity} of {', '.join(tasks)}; numbers of different tasks have no common "
            f"scale: make a claim for each task, with where: {{task: {first}}}, or use score"
        )


def _claim(entry: Any, place: str) -> Claim:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: {entry!r}; must have the keys {', '.join(KEYS)}")
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"{place}.{key}: no such key; a claim has {', '.join(KEYS)}{groups.near(key, KEYS)}")
    for key in ("says", "quantity", "of", "is"):
        if not entry.get(key):
            raise ConfigError(f"{place}.{key}: is missing")
    if (entry.get("against") is None) == (entry.get("than") is None):
        raise ConfigError(f"{place}: must have either against (other runs) or than (a number)")
    check_choice(f"{place}.is", entry["is"], ("higher", "lower"))
    level = _number(entry.get("level", 0.95), f"{place}.level")
    by = _number(entry.get("by", 0.0), f"{place}.by")
    margin = None if entry.get("margin") is None else _number(entry["margin"], f"{place}.margin")
    if not 0.5 <= level < 1:
        raise ConfigError(f"{place}.level: {level!r}; must be at least 0.5 and below 1")
    if by < 0:
        raise ConfigError(f"{place}.by: {by!r}; must be at least 0, the direction is said by `is`")
    if margin is not None and margin <= 0:
        raise ConfigError(f"{place}.margin: {margin!r}; must be above 0, the largest difference that does not matter")
    if margin is not None and 0 < by <= margin:
        raise ConfigError(f"{place}.margin: {margin!r}; must be below by ({by!r}), or what is claimed does not matter")
    quantity = _quantity(entry["quantity"], f"{place}.quantity")
    return Claim(
        says=str(entry["says"]),
        quantity=quantity,
        to=_threshold(entry.get("to"), quantity, f"{place}.to"),
        of=groups.group(entry["of"], f"{place}.of"),
        direction=entry["is"],
        against=None if entry.get("against") is None else groups.group(entry["against"], f"{place}.against"),
        than=None if entry.get("than") is None else _number(entry["than"], f"{place}.than"),
        where=groups.group(entry.get("where") or {}, f"{place}.where"),
        by=by,
        margin=margin,
        because=str(entry.get("because") or ""),
        level=level,
        tuned=_tuned(entry.get("tuned"), f"{place}.tuned"),
        source=str(entry.get("source") or ""),
    )


def _quantity(name: Any, place: str) -> str:
    """A word; a near miss of what every run has is a typo, as no metric is named like that."""
    if not isinstance(name, str) or not re.fullmatch(r"\w+", name):
        raise ConfigError(f"{place}: {name!r}; must be one of {', '.join(OUTCOMES)}, a metric or a diagnostic")
    near = difflib.get_close_matches(name, OUTCOMES, n=1, cutoff=0.8)
    if name not in OUTCOMES and near:
        raise ConfigError(f"{place}: unknown {name!r} (did you mean {near[0]!r}?)")
    return name


def _threshold(entry: Any, quantity: str, place: str) -> Mapping[str, float]:
    if quantity != UPDATES:
        if entry is not None:
            raise ConfigError(f"{place}: {entry!r}; belongs to quantity: {UPDATES}, not to {quantity}")
        return {}
    if not isinstance(entry, Mapping) or len(entry) != 1:
        raise ConfigError(f"{place}: {entry!r}; must be what is reached, as {{score: 0.5}} or {{eval_loss: 0.1}}")
    ((name, value),) = entry.items()
    metric = metric_of(str(name))
    if name != "score" and (metric is None or metric.better is None):
        raise ConfigError(f"{place}: {name!r}; must be score, or a column of curves.csv with a better side")
    return {str(name): _number(value, f"{place}.{name}")}


def _tuned(entry: Any, place: str) -> tuple[str, ...] | None:
    if entry is None:
        return None
    if not groups.is_list(entry) or not all(isinstance(key, str) for key in entry):
        raise ConfigError(f"{place}: {entry!r}; must be a list of config keys, as [optimizer.learning_rate]")
    return tuple(entry)


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{place}: {value!r}; must be a finite number")
    return float(value)
