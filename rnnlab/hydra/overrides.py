"""Python values as the overrides that a person types on the command line.

{"task": "sines", "cell": {"activation": "relu"}}         task=sines cell.activation=relu
{"cell.activation": ["tanh", "relu"], "seed": range(20)}  cell.activation=tanh,relu seed=range(20), in a sweep
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from os import PathLike, fspath

from rnnlab.config.run import GROUPS, SURROUNDINGS
from rnnlab.options import ConfigError

_WORD = re.compile(r"[A-Za-z_][\w./-]*")  # text that needs no quotes ...
_NOT_TEXT = {"null", "true", "false", "inf", "nan"}  # ... unless Hydra reads it as something else


def as_overrides(values: Mapping[str, object], *, sweep: bool = False) -> list[str]:
    """key=value for each value.  Keys have dots, or mappings stand in mappings; the member of a group is a name, or
    stands under "name" in the group's mapping, as in a run's record.

    sweep: a list, tuple, range or array is swept, each of its entries being a value; otherwise it is one value.

    Raises ConfigError for a value of another type, and for a list without entries."""
    return [
        f"{key}={_swept(key, value) if sweep and key not in SURROUNDINGS else _text(key, value)}"
        for key, value in _flat(values)
    ]


def _flat(values: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    """Keys with dots and their values, a group's member before its options."""
    for name, value in values.items():
        if not isinstance(name, str):
            raise ConfigError(f"{prefix}{name!r}: must be text, the key of an option")
        key = f"{prefix}{name}"
        if not isinstance(value, Mapping):
            yield key, value
        elif key in GROUPS and "name" in value:
            yield key, value["name"]
            yield from _flat({option: of for option, of in value.items() if option != "name"}, f"{key}.")
        else:
            yield from _flat(value, f"{key}.")


def _swept(key: str, value: object) -> str:
    """The values of an axis, as the command line separates them."""
    if isinstance(value, range):
        return re.sub(r"^range\(0, (\d+)\)$", r"range(\1)", repr(value)).replace(" ", "")
    value = _plain(value)
    if not isinstance(value, (list, tuple)):
        return _text(key, value)
    if not value:
        raise ConfigError(f"{key}: {value!r}; must have at least one value to sweep over")
    return ",".join(_text(key, entry) for entry in value)


def _text(key: str, value: object) -> str:
    """One value in Hydra's grammar for overrides."""
    value = _plain(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, str):
        is_word = _WORD.fullmatch(value) and value.lower() not in _NOT_TEXT
        return value if is_word else f"'{_escaped(value)}'"
    if isinstance(value, (list, tuple, range)):
        return "[" + ",".join(_text(key, entry) for entry in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ",".join(f"{name}:{_text(key, entry)}" for name, entry in value.items()) + "}"
    raise ConfigError(f"{key}: {value!r}; must be text, a number, True, False, None, or a list of these")


def _plain(value: object) -> object:
    """Numbers and arrays of NumPy as Python's, paths as text, and everything else as it is."""
    if isinstance(value, PathLike):
        return fspath(value)
    to_plain = getattr(value, "tolist", None)
    return to_plain() if callable(to_plain) else value


def _escaped(text: str) -> str:
    """Text for single quotes: a backslash escapes a quote, and backslashes before a quote are doubled."""
    return re.sub(r"(\\*)('|$)", lambda found: 2 * found[1] + ("\\'" if found[2] else ""), text)
