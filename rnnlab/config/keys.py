"""A section's options as people type them: one flat list of keys, and what is made of their values.

A field of a section is one key.  A field that holds a member of a registry (`rnnlab.options.member`) is several: the
member's name, and one for each field that any member of the registry has.  Only those of the chosen member act.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import Field, dataclass, fields
from functools import cache, lru_cache
from types import NoneType
from typing import Any, get_args, get_origin, get_type_hints

from rnnlab.options import (
    ConfigError,
    Rule,
    check,
    check_choice,
    check_value,
    default_of,
    did_you_mean,
    rule_of,
    shown,
)

Members = tuple[tuple[tuple[str, type], ...], ...]  # by field that holds a member, the registry's entries

# What a type is read from; a list of one of them may be an option, too, and None where the type says so.  Text is not
# read from 1e3 and true: as numbers and truth values they are not what was typed any more.
READ_FROM: Mapping[type, tuple[type, ...]] = {
    bool: (bool,),
    int: (int, str),
    float: (float, int, str),
    str: (str, int),
}


@dataclass(frozen=True)
class Option:
    """One key of a section.

    kind: its type.  rules: a value must be allowed by one of them.  owners: where it is a parameter of members, their
    names; else empty.  of: where it is the name or a parameter of a member, the field that holds the member."""

    key: str
    default: Any
    kind: Any
    rules: tuple[Rule, ...]
    owners: tuple[str, ...] = ()
    of: str = ""

    def typed(self, value: Any, place: str) -> Any:
        """The value in the option's type.  Raises ConfigError."""
        if value is None and self.owners:  # the member's own default
            return None
        try:
            return _converted(value, self.kind)
        except (TypeError, ValueError, OverflowError):
            raise ConfigError(
                f"{place}.{self.key}: {shown(value)}; must be of type {kind_in_words(self.kind)}"
            ) from None

    def check(self, value: Any, place: str) -> None:
        """Raise ConfigError for a value that no rule allows."""
        complaints = []
        for rule in self.rules:
            try:
                return check_value(f"{place}.{self.key}", value, rule)
            except ConfigError as error:
                complaints.append(error)
        raise complaints[0]


def options_of(section: type) -> tuple[Option, ...]:
    """Every key of a section, in the order of its fields.  Raises ValueError for a key that stands for two things."""
    return _options_of(section, _members(section))


def _members(section: type) -> Members:
    """What the registries of a section hold now.  Caches are keyed by it, so that none of them is out of date."""
    return tuple(tuple(members.items()) for members in _registries(section))


@cache
def _registries(section: type) -> list[Mapping[str, type]]:
    return [members for f in fields(section) if (members := rule_of(f).members) is not None]


@lru_cache(maxsize=256)
def _options_of(section: type, members: Members) -> tuple[Option, ...]:
    found: list[Option] = []
    for f in fields(section):
        rule, kind = rule_of(f), _kinds(section)[f.name]
        if rule.members is None:
            found.append(Option(f.name, default_of(f), kind, (rule,)))
        else:
            names = Rule(rule.about, rule.acts, allowed=rule.members.keys)
            found.append(Option(f.name, rule.default_member, str, (names,), of=f.name))
            found += _parameters(f.name, rule)
    keys = [option.key for option in found]
    if twice := [option for option in found if keys.count(option.key) > 1]:
        one, other = sorted(map(_described, twice[:2]))
        raise ValueError(f"{section.__qualname__} has two options named {twice[0].key!r}: {one}, and {other}")
    return tuple(found)


def _described(option: Option) -> str:
    return f"the parameter of {option.of} {', '.join(option.owners)}" if option.owners else "an option of its own"


def defaults_of(section: type) -> dict[str, Any]:
    """Every key of a section with its default.  That of a parameter whose owners differ is None: each its own."""
    return {option.key: option.default for option in options_of(section)}


def build(section: type, values: Any, place: str) -> Any:
    """A section from the values of its keys; those that are not given have their defaults.  Raises ConfigError."""
    return _built(section, _members(section), json.dumps(values, default=str), place)


@lru_cache(maxsize=4096)  # the runs of a sweep differ in a few values, and most of their sections not at all
def _built(section: type, members: Members, text: str, place: str) -> Any:
    """text: the values as JSON."""
    values = json.loads(text)
    options = {option.key: option for option in options_of(section)}
    if not isinstance(values, Mapping):
        raise ConfigError(f"{place}: {shown(values)}; must have the keys {', '.join(options)}")
    for key in values:
        if key not in options:
            raise ConfigError(
                f"{place}.{key}: no such key; {place} has {', '.join(options)}{did_you_mean(key, options)}"
            )
    typed = {key: options[key].typed(value, place) for key, value in values.items()}
    arguments = {}
    for f in fields(section):
        rule = rule_of(f)
        if rule.members is not None:
            arguments[f.name] = _made_member(f, rule, typed, place)
        elif f.name in typed:
            arguments[f.name] = typed[f.name]
    made = section(**arguments)
    check(made, place)
    acting = flattened(made)
    for key, value in typed.items():
        if key not in acting and value is not None:
            options[key].check(value, place)
    return made


def flattened(section: Any) -> dict[str, Any]:
    """The keys that a section's values stand for: of a member, its name and its own parameters."""
    return {key: value for f in fields(section) for key, value in keys_of_field(section, f).items()}


def keys_of_field(section: Any, f: Field[Any]) -> dict[str, Any]:
    """The keys that one field's value stands for."""
    rule, value = rule_of(f), getattr(section, f.name)
    if rule.members is None:
        return {f.name: value}
    return {f.name: value.name} | {f"{rule.prefix}{g.name}": getattr(value, g.name) for g in fields(value)}


def kind_in_words(kind: Any) -> str:
    """bool, int | None, ..., as a config dataclass states it."""
    words = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    if kind is bool:
        return f"{words}, true or false"
    return f"{words}, in quotes where it looks like something else" if "str" in words else words


def _parameters(field_name: str, rule: Rule) -> list[Option]:
    """The parameters of all members, each name once."""
    assert rule.members is not None
    owners: dict[str, dict[str, tuple[Field[Any], Any]]] = {}
    for name, cls in rule.members.items():
        for f in fields(cls):
            owners.setdefault(f.name, {})[name] = (f, _kinds(cls)[f.name])
    found = []
    for name, by_owner in owners.items():
        defaults = [default_of(f) for f, _ in by_owner.values()]
        default = defaults[0] if all(value == defaults[0] for value in defaults) else None
        (_, kind), *_ = by_owner.values()
        rules = tuple(rule_of(f) for f, _ in by_owner.values())
        found.append(Option(f"{rule.prefix}{name}", default, kind, rules, tuple(by_owner), field_name))
    return found


def _made_member(f: Field[Any], rule: Rule, typed: Mapping[str, Any], place: str) -> Any:
    """The member that was chosen, with those of its parameters that were given."""
    assert rule.members is not None
    name = typed.get(f.name, rule.default_member)
    check_choice(f"{place}.{f.name}", name, rule.members)
    cls = rule.members[name]
    given = {g.name: typed.get(f"{rule.prefix}{g.name}") for g in fields(cls)}
    return cls(**{key: value for key, value in given.items() if value is not None})


@cache
def _kinds(cls: type) -> dict[str, Any]:
    """The types of a class's annotations."""
    return get_type_hints(cls)


def _converted(value: Any, kind: Any) -> Any:
    """A value from YAML or the command line in the type of its option.  A number may be given as text, and a whole
    number where a float is asked for.  Raises TypeError or ValueError."""
    arguments: Sequence[Any] = get_args(kind)
    if get_origin(kind) is list:
        if not isinstance(value, (list, tuple)):
            raise TypeError
        return [_converted(entry, arguments[0]) for entry in value]
    if NoneType in arguments:
        (kind,) = (argument for argument in arguments if argument is not NoneType)
        return None if value is None else _converted(value, kind)
    if type(value) not in READ_FROM.get(kind, ()):
        raise TypeError
    if kind is str:
        str(value).encode()  # a lone surrogate cannot be written to a record: UnicodeEncodeError is a ValueError
    return kind(value)
