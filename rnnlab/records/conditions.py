"""Conditions on runs as they are written on a command line, shared by rnnlab-runs and rnnlab-report.

cell.activation=relu          the setting has this value; task=sines is short for task.name=sines
cell.activation=relu,tanh     one of these values
cell.activation!=relu         another value, or there is no such setting
task.longer=null              null, or there is no such setting
training.steps>1000           also >=, <, <=: a number
outcome=diverged              how a run ended, and its metrics, are asked for likewise
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab.options import ConfigError
from rnnlab.records.groups import COMPARE, check_key, full, known_values, near

SYNTAX = "KEY=VALUE, KEY=VALUE,VALUE, KEY!=VALUE, KEY>NUMBER, KEY>=NUMBER, KEY<NUMBER or KEY<=NUMBER"
_CONDITION = re.compile(r"\s*([^\s=<>!,]+)\s*(!=|<=|>=|=|<|>)\s*(.*?)\s*", re.DOTALL)

Row = Mapping[str, Any]  # a run: its settings with dotted keys, and whatever else can be asked for


@dataclass(frozen=True)
class Condition:
    """text: as it was written.  values: what the key is compared with; a single number after < and >."""

    text: str
    key: str
    operator: str
    values: tuple[Any, ...]

    def holds(self, row: Row) -> bool:
        key = full(self.key, row)
        if self.operator in COMPARE:
            value = row.get(key)
            is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
            return is_number and COMPARE[self.operator](value, self.values[0])
        has = any(_is(row.get(key), value) for value in self.values)
        return has == (self.operator == "=")


def is_condition(word: str) -> bool:
    """Whether a word of a command line is a condition; else it names a run."""
    return any(sign in word for sign in "=<>")


def parse(word: str) -> Condition:
    """Raises ConfigError for a word that is no condition."""
    found = _CONDITION.fullmatch(word)
    if found is None or not found[3]:
        raise ConfigError(f"{word!r}: is no condition; must be {SYNTAX}")
    key, operator, text = found.groups()
    if operator in COMPARE:
        number = _value(text)
        if not isinstance(number, (int, float)) or isinstance(number, bool):
            raise ConfigError(f"{word!r}: {text!r} is no number, which must stand after {operator}")
        return Condition(word, key, operator, (number,))
    is_list = text.startswith(("[", "{"))  # a setting that is a list is compared as a whole
    return Condition(word, key, operator, (text,) if is_list else tuple(_value(part) for part in text.split(",")))


def check(conditions: Iterable[Condition], rows: Sequence[Row]) -> None:
    """Raise ConfigError for a condition on a key, or with a value, that no run has: it is mistyped."""
    known = known_values(rows)
    for condition in conditions:
        check_key(f"{condition.text!r}", condition.key, known)
        has = known[full(condition.key, known)]
        for value in condition.values if condition.operator in ("=", "!=") else ():
            if not any(_is(there, value) for there in has.values()):
                listing = ", ".join(list(has)[:8]) + (f" and {len(has) - 8} more" if len(has) > 8 else "")
                raise ConfigError(
                    f"{condition.text!r}: no run has {value!r}; there is {listing}{near(str(value), has)}"
                )


def meet(row: Row, conditions: Iterable[Condition]) -> bool:
    """Whether all conditions hold."""
    return all(condition.holds(row) for condition in conditions)


def _value(text: str) -> Any:
    """A value as one types it: a number, true, false, null, or text."""
    text = text.strip()
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if isinstance(value, (bool, int, float)) or value is None:
        return value
    try:
        return float(text)  # .5 and 1e-3 are numbers here, too
    except ValueError:
        return text.strip("\"'")


def _is(value: Any, wanted: Any) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return bool(value == wanted) or (isinstance(value, str) and value == str(wanted))
