"""Errors of what a person asked for, in one line: the key, the value, what is allowed."""

from __future__ import annotations

import errno
import re
import traceback
from collections.abc import Sequence
from pathlib import Path

import hydra
import omegaconf
from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import OmegaConfBaseException

from rnnlab import arguments, places
from rnnlab.config.run import GROUPS, SECTIONS, TOP_LEVEL, defaults
from rnnlab.options import LONGEST_LINE, ConfigError, did_you_mean, in_one_line, shown


def complaint(error: BaseException, overrides: Sequence[str]) -> str | None:
    """What cannot be used, in one line; None for an exception that is not about what a person asked for.

    overrides: the words of the command line."""
    if isinstance(error, OSError) and error.errno == errno.ENAMETOOLONG and (choice := _unusable_choice(overrides)):
        return in_one_line(choice)
    if isinstance(error, (HydraException, OmegaConfBaseException, ConfigError, OSError)):
        return in_one_line(_in_words(error))
    if isinstance(error, RecursionError):
        return "a value of the command line or of a file is nested too deeply, or stands inside of itself"
    if isinstance(error, MemoryError):
        return in_one_line(f"not enough memory for what is asked for ({error})")
    if isinstance(error, Exception) and _raised_by_hydra(error):
        return in_one_line(_unusable_choice(overrides) or f"the command line cannot be understood ({error})")
    return None


def _in_words(error: BaseException) -> str:
    """What a person needs of an exception: the key, the value, what is allowed."""
    text = str(error)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigError):
            return str(cause)
        cause = cause.__cause__ or cause.__context__
    if isinstance(error, OSError) and error.filename:
        return f"{error.filename}: cannot be used as an output folder ({error.strerror})"
    if isinstance(error, OverrideParseException):
        return _not_in_the_grammar(error)
    if unknown := re.match(r"Could not override '([\w.@/]+)'", text):
        return _unknown_key(unknown[1])
    if missing := re.search(
        r"Could not find '([\w/]+)/(.*)'\s*Available options in '.*':((?:\s+\S+)*?)\s*Config search", text
    ):
        group, name, offered = missing.groups()
        return (
            f"{group}: unknown {shown(name)}; one of {', '.join(offered.split())}{did_you_mean(name, offered.split())}"
        )
    because = error.__cause__ or error.__context__
    if text.startswith("Error merging override") and isinstance(because, Exception):
        text += f": {str(because).splitlines()[0]}"
    return re.sub(r"\s*\b(full_key: *[^\n]*|object_type=\w*)(\n|$)", _key_of, text)


def _key_of(found: re.Match[str]) -> str:
    """OmegaConf's lines about the place of an error: the key, without the types of its nodes."""
    key = found[1].removeprefix("full_key:").strip()
    return f" ({key})" if found[1].startswith("full_key:") and key else ""


def _not_in_the_grammar(error: OverrideParseException) -> str:
    """Hydra takes only some letters without quotes."""
    key, equals, value = str(error.override).partition("=")
    said = str(error).removesuffix("details").rpartition("See https://")[0]
    cause = error.__cause__
    because = str(cause) if cause else said.replace(str(error.override), "").replace("LexerNoViableAltException:", "")
    reason = (
        in_one_line(because.replace("Error parsing override ''", "").replace("^", "")) or "a letter that needs quotes"
    )
    if not equals or not re.fullmatch(r"[~+]{0,2}[\w./@]+", key):
        return f"{shown(str(error.override))}: must be key=value ({reason})"
    hint = (
        "" if set(value) & set("'\\") else f"; as text it is {shown(key)[1:-1]}='{shown(value)[1:-1]}', with its quotes"
    )
    return f"{shown(key)[1:-1]}: {shown(value)}; is no value in Hydra's grammar ({reason}){hint}"


def _raised_by_hydra(error: BaseException) -> bool:
    """Whether it comes out of the code of Hydra or OmegaConf: some of their complaints are bare Python exceptions."""
    *_, last = traceback.extract_tb(error.__traceback__)
    return any(Path(str(library.__file__)).parent in Path(last.filename).parents for library in (hydra, omegaconf))


def _unusable_choice(overrides: Sequence[str]) -> str | None:
    """The first group=name whose name is none of the group's."""
    folder = arguments.config_dir(overrides)
    for argument in overrides:
        group, _, name = argument.partition("=")
        if group in (*GROUPS, "experiment"):
            own = GROUPS[group] if group in GROUPS else places.options("experiment")
            known = sorted({*own, *arguments.members_in(folder, group)})
            if name not in known and not set(name) & set(",("):
                return f"{group}: {shown(name)}; must be one of {', '.join(known)}{did_you_mean(name, known)}"
    return None


def _unknown_key(key: str) -> str:
    group, _, option = key.partition(".")
    if group == "hydra":
        return f"{key}: no such key; `rnnlab --cfg hydra` lists Hydra's, --package hydra.launcher the launcher's"
    if option and group in SECTIONS:
        known = list(defaults()[group])
        return f"{key}: no such key; {group} has {', '.join(known)}{did_you_mean(option, known)}"
    if option and group in GROUPS:
        return _unknown_option(key, group, option)
    known = [*TOP_LEVEL, "experiment"]
    return f"{key}: no such key; at the top there are {', '.join(known)}{did_you_mean(group, known)}"


def _unknown_option(key: str, group: str, option: str) -> str:
    """Of a group's member: which members have it, or else what they have."""
    options = {name: [own for own in defaults(group, name) if own != "name"] for name in GROUPS[group]}
    every = [own for own in next(iter(options.values())) if all(own in has for has in options.values())]
    others = [
        f"{name} also {', '.join(more)}"
        for name, has in options.items()
        if (more := [o for o in has if o not in every])
    ]
    known = list(dict.fromkeys(own for has in options.values() for own in has))
    hint = "" if option in known else did_you_mean(option, known)
    meant = option if option in known else hint.split("'")[1] if hint else None
    owners = [name for name, has in options.items() if meant in has]
    if owners and len(owners) < len(options):
        hint += f"; {', '.join(owners)} {'has' if len(owners) == 1 else 'have'} {meant}"
    start = f"{key}: no such key for the {group} that was chosen{hint}; `rnnlab --help {group}=NAME` lists all"
    listing = "; ".join([f"every {group} has {', '.join(every) or 'its own'}", *others])
    return start if len(start) + len(listing) > LONGEST_LINE - 2 else f"{start}; {listing}"
