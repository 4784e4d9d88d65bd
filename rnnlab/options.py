"""Options of a config dataclass: the default, what is allowed, what it means, and when it acts.

    @dataclass(frozen=True)
    class TrainingConfig:
        steps: int = number(300, at_least=0, about="optimiser updates")

`check(TrainingConfig(steps=-1), "training")` raises `training.steps: -1; must be a finite number at least 0`.
"""

from __future__ import annotations

import difflib
import json
import math
import reprlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import Field, dataclass, field, fields
from typing import Any

LARGEST = 2**53 - 1  # whole numbers up to this one are exact in every reader of JSON
LONGEST_LINE = 600  # characters of a line for a person

_shortener = reprlib.Repr()
_shortener.maxstring = _shortener.maxother = 80


class ConfigError(ValueError):
    """A config value that cannot be used.  One line: the key, the value, what is allowed."""


@dataclass(frozen=True)
class When:
    """A condition under which an option acts: `holds` of the values of other options, each named with its section.

    When(("cell.num_layers",), lambda n: n >= 2)"""

    keys: tuple[str, ...]
    holds: Callable[..., bool]


def unless_null(key: str) -> tuple[When, ...]:
    """For an option that changes nothing while it is null.  Runs from before it had the option keep their identity."""
    return (When((key,), lambda value: value is not None),)


@dataclass(frozen=True)
class Rule:
    """What a field allows and means.  acts: conditions that must all hold, or the field changes nothing in a run.

    identifies: False for a field that no number of a run depends on: it is no part of the run's content.
    bounds: in words and as a test, of a number that must be finite.  allowed: the words of a choice, asked for each
    time.  members: a registry of dataclasses, of which the field holds an instance (see `member`)."""

    about: str = ""
    acts: tuple[When, ...] = ()
    bounds: tuple[tuple[str, Callable[[float], bool]], ...] | None = None
    allowed: Callable[[], Iterable[str]] | None = None
    members: Mapping[str, type] | None = None
    default_member: str = ""
    prefix: str = ""
    identifies: bool = True

    @property
    def bounds_in_words(self) -> str:
        return " and ".join(words for words, _ in self.bounds or ())


NO_RULE = Rule()


def rule_of(of: Field[Any]) -> Rule:
    """The rule of a dataclass's field; of one that states none, a rule that allows everything."""
    return of.metadata.get("rule", NO_RULE)


def default_of(of: Field[Any]) -> Any:
    """A field's default value."""
    return of.default_factory() if callable(of.default_factory) else of.default


def option(default: Any, *, about: str = "", acts: Iterable[When] = (), identifies: bool = True) -> Any:
    """A field that allows every value of its type."""
    return field(default=default, metadata={"rule": Rule(about, tuple(acts), identifies=identifies)})


def number(
    default: Any,
    *,
    above: float = -math.inf,
    at_least: float = -math.inf,
    below: float = math.inf,
    at_most: float = math.inf,
    about: str = "",
    acts: Iterable[When] = (),
) -> Any:
    """A finite number within bounds.  A default of None, or a field typed `| None`, allows None too."""
    bounds = [
        (f"above {above:g}", lambda v: v > above),
        (f"at least {at_least:g}", lambda v: v >= at_least),
        (f"below {below:g}", lambda v: v < below),
        (f"at most {at_most:g}", lambda v: v <= at_most),
    ]
    stated = tuple((words, holds) for words, holds in bounds if "inf" not in words)
    return field(default=default, metadata={"rule": Rule(about, tuple(acts), bounds=stated)})


def choice(
    default: str | None,
    allowed: Collection[str] | Callable[[], Iterable[str]],
    *,
    about: str = "",
    acts: Iterable[When] = (),
) -> Any:
    """One of some words: those of a collection, such as a registry, or those that a function returns.  They are asked
    for each time, so a registry may grow.  A default of None allows None too."""
    words = allowed if callable(allowed) else lambda: allowed
    return field(default=default, metadata={"rule": Rule(about, tuple(acts), allowed=words)})


def member(
    default: str, registry: Mapping[str, type], *, prefix: str = "", about: str = "", acts: Iterable[When] = ()
) -> Any:
    """An instance of one of a registry's dataclasses, by default of the one named `default`.

    People type the member's name, and the member's own fields as options beside it, each behind `prefix`:
    cell.activation=leaky_relu cell.negative_slope=0.1.  Fields of one name must have one type in all members."""
    rule = Rule(about, tuple(acts), members=registry, default_member=default, prefix=prefix)
    return field(default_factory=lambda: registry[default](), metadata={"rule": rule})


def check(options: Any, key: str, prefix: str = "") -> None:
    """Raise ConfigError for the first field of `options` outside of what it allows.

    key: the section that the options stand in.  prefix: what their names begin with there."""
    for f in fields(options):
        rule, value = rule_of(f), getattr(options, f.name)
        if rule.members is not None:
            check(value, key, rule.prefix)
        elif not (value is None and f.default is None):
            check_value(f"{key}.{prefix}{f.name}", value, rule)


def check_value(key: str, value: Any, rule: Rule) -> None:
    """Raise ConfigError for a value outside of what the rule allows."""
    if rule.allowed is not None:
        check_choice(key, value, rule.allowed())
    if isinstance(value, int) and abs(value) > LARGEST:
        raise ConfigError(f"{key}: {shown(value)}; must be a whole number of at most {LARGEST} (2^53 - 1)")
    if rule.bounds is None or value is None:
        return
    if not (math.isfinite(value) and all(holds(value) for _, holds in rule.bounds)):
        raise ConfigError(f"{key}: {value!r}; must be a finite number {rule.bounds_in_words}".rstrip())


def check_choice(key: str, value: Any, allowed: Iterable[str]) -> None:
    """Raise ConfigError unless `value` is one of the allowed words; a near miss is pointed out."""
    allowed = tuple(allowed)
    if value not in allowed:
        raise ConfigError(f"{key}: unknown {shown(value)}; one of {', '.join(allowed)}{did_you_mean(value, allowed)}")


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """` (did you mean 'relu'?)` for a near miss of a known word, else nothing."""
    by_letters = {name.lower(): name for name in known}
    near = difflib.get_close_matches(str(word).lower()[:80], list(by_letters), n=1)
    return f" (did you mean {by_letters[near[0]]!r}?)" if near else ""


def shown(value: object) -> str:
    """A value as a message shows it: its repr, of which a long or deeply nested value has only a part."""
    return _shortener.repr(value)


def in_one_line(text: object) -> str:
    """A message without line breaks and other control characters.  A long one loses its middle."""
    line = "".join(c if c.isprintable() else " " for c in str(text))
    line = " ".join(line.split())
    if len(line) <= LONGEST_LINE:
        return line
    end = LONGEST_LINE // 4
    return f"{line[: LONGEST_LINE - end - 5]} ... {line[-end:]}"


def written(value: object) -> str:
    """A value as one types it on the command line: null, true, 0.1, relu."""
    return json.dumps(value) if value is None or isinstance(value, bool) else str(value)


def counted(n: int, noun: str) -> str:
    """ "1 run", "2 runs", "10,000 runs"."""
    return f"{n:,} {noun}" + ("" if n == 1 else "s")


def dotted(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """{"cell": {"activation": "tanh"}} -> {"cell.activation": "tanh"}; a list becomes its JSON text."""
    flat: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping):
            flat |= dotted(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = json.dumps(value) if isinstance(value, (list, tuple)) else value
    return flat
