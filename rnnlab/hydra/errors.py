"""Errors of what a person asked for, in one line: the key, the value, what is allowed."""

from __future__ import annotations

import re
import traceback
from collections.abc import Sequence
from pathlib import Path

import hydra
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from rnnlab import places
from rnnlab.config.run import GROUPS, SECTIONS, TOP_LEVEL, defaults
from rnnlab.options import ConfigError, did_you_mean


def complaint(error: BaseException, overrides: Sequence[str]) -> str | None:
    """What cannot be used, in one line; None for an exception that is not about what a person asked for.

    overrides: as on the command line, "key=value"."""
    if isinstance(error, (HydraException, OmegaConfBaseException, ConfigError, OSError)):
        return _in_one_line(error)
    if isinstance(error, (ValueError, TypeError)) and _raised_by_hydra(error):
        return _unusable_choice(overrides) or f"the command line cannot be understood ({error})"
    return None


def refuse_repetitions(overrides: Sequence[str]) -> None:
    """Raise ConfigError for a key that is given twice: Hydra lets the last one win, and says nothing."""
    given: dict[str, str] = {}
    for argument in overrides:
        key, equals, value = argument.partition("=")
        if not equals or key.startswith("-"):
            continue
        if key in given:
            both = f"{given[key]},{value}"
            raise ConfigError(f"{key}: given twice, only the last would count; a sweep over both is -m {key}={both}")
        given[key] = value


def _in_one_line(error: BaseException) -> str:
    """What a person needs of an exception: the key, the value, what is allowed."""
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: cannot be used as an output folder ({error.strerror})"
    if unknown := re.match(r"Could not override '([\w.@/]+)'", text):
        return _unknown_key(unknown[1])
    if missing := re.search(
        r"Could not find '([\w/]+)/(.*)'\s*Available options in '.*':((?:\s+\S+)*?)\s*Config search", text
    ):
        group, name, offered = missing.groups()
        return f"{group}: unknown {name!r}; one of {', '.join(offered.split())}{did_you_mean(name, offered.split())}"
    because = error.__cause__ or error.__context__
    if text.startswith("Error merging override") and isinstance(because, Exception):
        text += f": {str(because).splitlines()[0]}"
    return " ".join(text.split())


def _raised_by_hydra(error: BaseException) -> bool:
    """Whether it comes out of Hydra's own code: some of its complaints are bare Python exceptions."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return Path(hydra.__file__).parent in Path(last.filename).parents


def _unusable_choice(overrides: Sequence[str]) -> str | None:
    """The first group=name whose name is none of the group's."""
    for argument in overrides:
        group, _, name = argument.partition("=")
        known = sorted(GROUPS[group]) if group in GROUPS else places.options("experiment")
        if group in (*GROUPS, "experiment") and name not in known:
            return f"{group}: {name!r}; must be one of {', '.join(known)}"
    return None


def _unknown_key(key: str) -> str:
    group, _, option = key.partition(".")
    if group == "hydra":
        return f"{key}: no such key; `rnnlab --cfg hydra` lists Hydra's, --package hydra.launcher the launcher's"
    if option and group in SECTIONS:
        known = list(defaults()[group])
        return f"{key}: no such key; {group} has {', '.join(known)}{did_you_mean(option, known)}"
    if option and group in GROUPS:
        options = {name: list(defaults(group, name)) for name in GROUPS[group]}
        has = "; ".join(f"{name}: {', '.join(known)}" for name, known in options.items())
        hint = did_you_mean(option, [name for known in options.values() for name in known])
        return f"{key}: no such key for the {group} that was chosen; by {group}: {has}{hint}"
    known = [*TOP_LEVEL, "experiment"]
    return f"{key}: no such key; at the top there are {', '.join(known)}{did_you_mean(group, known)}"
