"""Which runs a claim is about: {config key with dots: a value, a list of values, or a comparison such as "> 0"}.

`task`, `cell` and `optimizer` are short for task.name, cell.name and optimizer.name.  A config holds the options that
act and no others: a run without a key is as one in which it is null.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnlab.options import ConfigError

COMPARISON = re.compile(r"\s*(<=|>=|<|>)\s*([-+.\deE]+)\s*")
COMPARE = {
    "<": lambda value, limit: value < limit,
    "<=": lambda value, limit: value <= limit,
    ">": lambda value, limit: value > limit,
    ">=": lambda value, limit: value >= limit,
}

Group = Mapping[str, Any]


def group(entry: Any, place: str) -> dict[str, Any]:
    """An entry of a study's file as a group.  Raises ConfigError; place: where the entry stands, for the complaint."""
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{place}: {entry!r}; must say which runs, for example {{cell.activation: relu}}")
    for key, value in entry.items():
        many = value if is_list(value) else [value]
        if not many or any(isinstance(one, Mapping) or is_list(one) for one in many):
            raise ConfigError(f'{place}.{key}: {value!r}; must be a value, a list of values or a comparison ("> 0")')
        if any(isinstance(one, str) and one.lstrip().startswith(("<", ">")) and not _comparison(one) for one in many):
            raise ConfigError(f"{place}.{key}: {value!r}; must compare with a number, as in '>= 0.1'")
    return {str(key): list(value) if is_list(value) else value for key, value in entry.items()}


def is_list(value: Any) -> bool:
    """Also true for a list of OmegaConf, which this module does not import."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def is_in(config: Mapping[str, Any], wanted: Group) -> bool:
    """Whether a run belongs to a group, by its config with dotted keys."""
    for key, values in wanted.items():
        value = config.get(full(key, config))
        if not (any(_fits(value, one) for one in values) if isinstance(values, list) else _fits(value, values)):
            return False
    return True


def single(wanted: Group) -> list[dict[str, Any]]:
    """One group for each choice of one value from every list.

    >>> single({"cell": "rnn", "cell.activation": ["tanh", "relu"]})
    [{'cell': 'rnn', 'cell.activation': 'tanh'}, {'cell': 'rnn', 'cell.activation': 'relu'}]
    """
    found: list[dict[str, Any]] = [{}]
    for key, values in wanted.items():
        found = [each | {key: one} for each in found for one in (values if isinstance(values, list) else [values])]
    return found


def known_values(configs: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By key, the values of all runs, each as it is written and as it is."""
    known: dict[str, dict[str, Any]] = {}
    for key in dict.fromkeys(key for config in configs for key in config):
        values = (config.get(key) for config in configs)
        known[key] = {text_of(value): value for value in values if not isinstance(value, list)}
    return known


def check(place: str, wanted: Group, known: Mapping[str, Mapping[str, Any]]) -> None:
    """Raise ConfigError for a key or a value that no run of the sweep has.  known: from `known_values`."""
    for key, values in wanted.items():
        check_key(f"{place}.{key}", key, known)
        has = known[full(key, known)]
        for one in values if isinstance(values, list) else [values]:
            if not any(_fits(value, one) for value in has.values()):
                listing = ", ".join(list(has)[:8]) + (f" and {len(has) - 8} more" if len(has) > 8 else "")
                raise ConfigError(
                    f"{place}.{key}: no run of the sweep has {one!r}; there is {listing}{near(str(one), has)} "
                    "(claims=[] sweeps without claims)"
                )


def check_key(place: str, key: str, known: Iterable[str]) -> None:
    """Raise ConfigError for a key that no run of the sweep has."""
    if full(key, known) not in known:
        raise ConfigError(f"{place}: no such key in any run of the sweep{near(key, known)}")


def full(key: str, known: Iterable[str]) -> str:
    """`task` is short for task.name, wherever there is one."""
    return f"{key}.name" if key not in known and f"{key}.name" in known else key


def text_of(value: Any) -> str:
    """A value, or a group, as it is written on the command line."""
    if isinstance(value, dict):
        return ", ".join(f"{key}={text_of(one)}" for key, one in value.items())
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def near(word: str, words: Iterable[str]) -> str:
    """ " (did you mean 'relu'?)", or nothing."""
    close = difflib.get_close_matches(word, list(words), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


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
