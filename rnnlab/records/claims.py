"""What a study claims before it runs: a quantity, the runs it is about, what they are compared with, a direction.

    claims:
      - says: relu diverges more often than tanh
        source: a post (F2)                       # optional
        quantity: diverged                        # diverged, learned, score, a metric of run.json, a diagnostic
        of: {cell.activation: relu}
        against: {cell.activation: tanh}          # or `than: 0.5`, a number
        where: {task: [sines, sinc]}              # optional; a value, a list of values, or "> 0"
        is: higher                                # or lower
        by: 0.1                                   # optional, in the quantity's unit
        level: 0.95                               # optional
        rates: chosen                             # optional: chosen or all, see docs/statistics.md

Whether a claim holds is judged by the report (rnnlab/report/judging/verdicts.py), from the records alone.
"""

from __future__ import annotations

import difflib
import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from rnnlab.options import ConfigError, check_choice

KEYS = ("says", "source", "quantity", "of", "against", "than", "where", "is", "by", "level", "rates")
OUTCOMES = ("diverged", "learned", "score")  # what every run has
COMPARISON = re.compile(r"\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*")
COMPARE = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}

_NOTHING = object()

Group = Mapping[str, Any]  # config key with dots -> a value, a list of values, or a comparison such as "> 0"
Side = Literal["of", "against"]


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
    by: float = 0.0
    level: float = 0.95
    rates: Literal["chosen", "all"] | None = None
    source: str = ""

    def side(self, config: Mapping[str, Any]) -> Side | None:
        """On which side of the claim a run stands, by its config with dotted keys; None: on neither."""
        if not _is_in(config, self.where):
            return None
        if _is_in(config, self.of):
            return "of"
        return "against" if self.against is not None and _is_in(config, self.against) else None

    @property
    def keys(self) -> tuple[str, ...]:
        """The config keys that tell the two sides apart."""
        return tuple(dict.fromkeys((*self.of, *(self.against or {}))))

    def as_dict(self) -> dict[str, Any]:
        """Plain data, which `parse` reads back."""
        entries = {name: getattr(self, "direction" if name == "is" else name) for name in KEYS}
        return {name: value for name, value in entries.items() if value not in (None, "", {})}


def parse(entries: Any) -> tuple[Claim, ...]:
    """The list under `claims:` as claims.  Raises ConfigError for the first thing that cannot be understood."""
    if not _is_list(entries):
        raise ConfigError(f"claims: {entries!r}; must be a list")
    return tuple(_claim(entry, f"claims[{n}]") for n, entry in enumerate(entries))


def check(claims: Sequence[Claim], configs: Sequence[Mapping[str, Any]]) -> None:
    """Raise ConfigError for a claim about a key or a value that no run of the sweep has.  configs: with dotted keys."""
    known: dict[str, dict[str, Any]] = {}
    for key in dict.fromkeys(key for config in configs for key in config):
        values = (config[key] for config in configs if key in config)
        known[key] = {_written(value): value for value in values if not isinstance(value, list)}
    for n, claim in enumerate(claims):
        for part in ("of", "against", "where"):
            for key, wanted in (getattr(claim, part) or {}).items():
                _check_entry(f"claims[{n}].{part}.{key}", _full(key, known), wanted, known)
        for side in ("of", "against") if claim.against is not None else ("of",):
            if not any(claim.side(config) == side for config in configs):
                where = f" where {_written(dict(claim.where))}" if claim.where else ""
                raise ConfigError(
                    f"claims[{n}].{side}: no run of the sweep is {_written(dict(getattr(claim, side)))}{where} "
                    "(claims=[] sweeps without claims)"
                )


def _claim(entry: Any, place: str) -> Claim:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: {entry!r}; must have the keys {', '.join(KEYS)}")
    for key in entry:
        if key not in KEYS:
            raise ConfigError(f"{place}.{key}: no such key; a claim has {', '.join(KEYS)}{_near(key, KEYS)}")
    for key in ("says", "quantity", "of", "is"):
        if not entry.get(key):
            raise ConfigError(f"{place}.{key}: is missing")
    if (entry.get("against") is None) == (entry.get("than") is None):
        raise ConfigError(f"{place}: must have either against (other runs) or than (a number)")
    check_choice(f"{place}.is", entry["is"], ("higher", "lower"))
    if entry.get("rates") is not None:
        check_choice(f"{place}.rates", entry["rates"], ("chosen", "all"))
    level = _number(entry.get("level", 0.95), f"{place}.level")
    by = _number(entry.get("by", 0.0), f"{place}.by")
    if not 0.5 <= level < 1:
        raise ConfigError(f"{place}.level: {level!r}; must be at least 0.5 and below 1")
    if by < 0:
        raise ConfigError(f"{place}.by: {by!r}; must be at least 0, the direction is said by `is`")
    return Claim(
        says=str(entry["says"]),
        quantity=_quantity(entry["quantity"], f"{place}.quantity"),
        of=_group(entry["of"], f"{place}.of"),
        direction=entry["is"],
        against=None if entry.get("against") is None else _group(entry["against"], f"{place}.against"),
        than=None if entry.get("than") is None else _number(entry["than"], f"{place}.than"),
        where=_group(entry.get("where") or {}, f"{place}.where"),
        by=by,
        level=level,
        rates=entry.get("rates"),
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


def _group(entry: Any, place: str) -> dict[str, Any]:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: {entry!r}; must say which runs, for example {{cell.activation: relu}}")
    for key, value in entry.items():
        many = value if _is_list(value) else [value]
        if not many or any(isinstance(one, Mapping) or _is_list(one) for one in many):
            raise ConfigError(f'{place}.{key}: {value!r}; must be a value, a list of values or a comparison ("> 0")')
        if any(isinstance(one, str) and one.lstrip().startswith(("<", ">")) and not _comparison(one) for one in many):
            raise ConfigError(f"{place}.{key}: {value!r}; must compare with a number, as in '>= 0.1'")
    return {str(key): list(value) if _is_list(value) else value for key, value in entry.items()}


def _is_list(value: Any) -> bool:
    """Also true for a list of OmegaConf, which this module does not import."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise ConfigError(f"{place}: {value!r}; must be a finite number")
    return float(value)


def _check_entry(place: str, key: str, wanted: Any, known: Mapping[str, Mapping[str, Any]]) -> None:
    if key not in known:
        raise ConfigError(f"{place}: no such key in any run of the sweep{_near(key, known)}")
    for one in wanted if isinstance(wanted, list) else [wanted]:
        if not any(_fits(value, one) for value in known[key].values()):
            has = list(known[key])
            listing = ", ".join(has[:8]) + (f" and {len(has) - 8} more" if len(has) > 8 else "")
            raise ConfigError(
                f"{place}: no run of the sweep has {one!r}; there is {listing}{_near(str(one), has)} "
                "(claims=[] sweeps without claims)"
            )


def _is_in(config: Mapping[str, Any], group: Group) -> bool:
    for key, wanted in group.items():
        value = config.get(key, config.get(f"{key}.name", _NOTHING))
        if value is _NOTHING:
            return False
        if not (any(_fits(value, one) for one in wanted) if isinstance(wanted, list) else _fits(value, wanted)):
            return False
    return True


def _full(key: str, known: Iterable[str]) -> str:
    """`task` is short for task.name, wherever there is one."""
    return f"{key}.name" if key not in known and f"{key}.name" in known else key


def _fits(value: Any, wanted: Any) -> bool:
    if isinstance(wanted, str) and wanted.lstrip()[:1] in ("<", ">") and (comparison := _comparison(wanted)):
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        return number and COMPARE[comparison[0]](value, comparison[1])
    return value == wanted and isinstance(value, bool) == isinstance(wanted, bool)


def _comparison(text: str) -> tuple[str, float] | None:
    found = COMPARISON.fullmatch(text)
    try:
        return (found[1], float(found[2])) if found else None
    except ValueError:
        return None


def _written(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={_written(one)}" for key, one in value.items())
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def _near(word: str, words: Iterable[str]) -> str:
    near = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
