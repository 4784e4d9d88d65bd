"""Options of a config dataclass: the default, what is allowed, and the error that says so.

    @dataclass(frozen=True)
    class Adam:
        learning_rate: float = number(0.001, above=0)

`check(Adam(learning_rate=-1), "optimizer")` raises
`optimizer.learning_rate: -1; must be a finite number above 0`.
"""

from __future__ import annotations

import difflib
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import field, fields
from typing import Any


class ConfigError(ValueError):
    """A config value that cannot be used.  One line: the key, the value, what is allowed."""


def number(
    default: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
) -> Any:
    """A finite number within bounds.  A default of None, or a field typed `| None`, allows None too."""
    bounds = [
        (f"above {above:g}", lambda v: v > above),
        (f"at least {at_least:g}", lambda v: v >= at_least),
        (f"below {below:g}", lambda v: v < below),
        (f"at most {at_most:g}", lambda v: v <= at_most),
    ]
    stated = [(text, holds) for text, holds in bounds if "inf" not in text]
    return field(default=default, metadata={"bounds": stated})


def choice(default: str | None, allowed: Iterable[str]) -> Any:
    """One of a fixed list of words; a default of None allows None too."""
    return field(default=default, metadata={"allowed": tuple(allowed)})


def check(options: Any, key: str) -> None:
    """Raise ConfigError for the first field of `options` outside of what it allows.  key: where it stands."""
    for f in fields(options):
        value = getattr(options, f.name)
        if "allowed" in f.metadata and not (value is None and f.default is None):
            check_choice(f"{key}.{f.name}", value, f.metadata["allowed"])
        if "bounds" in f.metadata and value is not None:
            stated = f.metadata["bounds"]
            if not (math.isfinite(value) and all(holds(value) for _, holds in stated)):
                wanted = " and ".join(text for text, _ in stated)
                raise ConfigError(f"{key}.{f.name}: {value!r}; must be a finite number {wanted}".rstrip())


def dotted(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"cell": {"activation": "tanh"}} -> {"cell.activation": "tanh"}; a list becomes its JSON text."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= dotted(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, (list, tuple)) else value
    return flat


def check_choice(key: str, value: Any, allowed: Iterable[str]) -> None:
    """Raise ConfigError unless `value` is one of the allowed words; a near miss is pointed out."""
    allowed = tuple(allowed)
    if value in allowed:
        return
    near = difflib.get_close_matches(str(value), allowed, n=1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    raise ConfigError(f"{key}: unknown {value!r}; one of {', '.join(allowed)}{hint}")
