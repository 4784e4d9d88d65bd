"""Overrides that Hydra takes in another meaning than a person has in mind.  They are refused by their text, before
Hydra composes anything."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from rnnlab.config.run import GROUPS
from rnnlab.options import ConfigError, shown

CHOSEN = (*GROUPS, "experiment", "scale")  # by one name


def refuse_misleading(overrides: Sequence[str]) -> None:
    """Raise ConfigError for the first override that would not mean what it says.

    overrides: the words of the command line; flags are passed over."""
    given: dict[str, str] = {}
    for text in overrides:
        key, equals, value = text.partition("=")
        if text.startswith("-"):
            continue
        if text.startswith("~"):
            _refuse_deletion(text)
        elif equals:
            if key.startswith("+") and key.lstrip("+") in CHOSEN:
                raise ConfigError(f"{shown(text)}: {key.lstrip('+')} is chosen without +")
            _refuse_value(key.lstrip("+"), value)
            _refuse_repetition(key, value, given)


def refuse_swept_surroundings(swept: Mapping[str, str], in_file: Mapping[str, object], names: Sequence[str]) -> None:
    """Raise ConfigError for a sweep over what all runs of a sweep share.

    swept: the keys over which the command line sweeps, with their text.  in_file: hydra.sweeper.params.  names: what
    is shared."""
    for key in names:
        if key in swept:
            raise ConfigError(f"{key}: {shown(swept[key])}; cannot be swept, it must be one for all runs of a sweep")
        if key in in_file:
            raise ConfigError(
                f"hydra.sweeper.params: has {key!r}, which must be one for all runs of a sweep; "
                "it stands at the top of the study's file"
            )


def _refuse_deletion(text: str) -> None:
    """~hydra.sweeper.params.seed says that a study's axis is not swept; a run has all of its keys."""
    key = text[1:].partition("=")[0]
    if key.split(".")[0].split("/")[0] != "hydra":
        raise ConfigError(f"{shown(text)}: a key cannot be removed; a key that is not given has its default")


def _refuse_value(key: str, value: str) -> None:
    group, _, option = key.partition(".")
    if group in GROUPS and option == "name":
        raise ConfigError(f"{key}: {shown(value)}; a {group} is chosen by {group}={value}, with that one's defaults")
    if key in CHOSEN and value.startswith("["):
        names = value.strip("[]")
        raise ConfigError(
            f"{key}: {shown(value)}; must be one name; a sweep over several is -m {key}={shown(names)[1:-1]}"
        )
    if re.fullmatch(r"hydra\.(launcher|sweeper)(\._target_)?", key):
        part = key.split(".")[1]
        raise ConfigError(f"{key}: {shown(value)}; must stay as it is; another {part} is chosen by hydra/{part}=<name>")


def _refuse_repetition(key: str, value: str, given: dict[str, str]) -> None:
    """Of a key that is given twice Hydra takes the last, and says nothing."""
    name = key.lstrip("+")
    if name in given:
        both = shown(f"{given[name]},{value}")[1:-1]
        raise ConfigError(f"{name}: given twice, only the last would count; a sweep over both is -m {name}={both}")
    given[name] = value
