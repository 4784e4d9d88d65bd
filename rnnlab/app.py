"""The Hydra application: from the command line to run folders, and from errors to one line and an exit code.

Exit codes: 0 done; 1 a run failed or was cancelled, or something broke; 2 the command or a value cannot be used, and
nothing was trained; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import os
import re
import sys
import traceback
from collections.abc import Collection, Sequence
from pathlib import Path

import hydra
from hydra.core.plugins import Plugins
from hydra.core.utils import env_override
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedSweeper, store_options
from rnnlab import places
from rnnlab.config.run import GROUPS, SECTIONS, TOP_LEVEL, defaults
from rnnlab.hydra.groups import GroupSearchPath, GroupSource
from rnnlab.hydra.runs import TrainRuns
from rnnlab.hydra.studies import StudySearchPath, StudySource
from rnnlab.options import ConfigError, did_you_mean
from rnnlab.records.run import RUN
from rnnlab.sweep.engine import EngineError
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.sweep import Ending


def run() -> int:
    """Do what the command line asks for.  Returns the exit code."""
    user_wants_tracebacks = os.environ.get("HYDRA_FULL_ERROR") == "1"
    register()
    task = TrainRuns()
    try:
        _refuse_repetitions(sys.argv[1:])
        # With this, Hydra raises errors instead of printing them at length.
        with env_override({"HYDRA_FULL_ERROR": "1"}):
            hydra.main(config_path=str(places.CONF), config_name="config", version_base="1.3")(task)()
    except (RunFailed, EngineError) as error:
        return _complain(error, 1)
    except (HydraException, OmegaConfBaseException, ConfigError, OSError) as error:
        if user_wants_tracebacks:
            raise
        return _complain(_in_one_line(error), 2)
    except (ValueError, TypeError) as error:
        if user_wants_tracebacks or not _raised_by_hydra(error):
            raise
        return _complain(_unusable_choice() or f"the command line cannot be understood ({error})", 2)
    except KeyboardInterrupt:
        return _complain("interrupted; what was finished is kept, and the same command goes on from there", 130)
    return _account(task.endings.values())


def _account(endings: Collection[Ending]) -> int:
    """Say which runs of a sweep have not completed; the exit code."""
    cancelled = [ending for ending in endings if ending.status == "cancelled"]
    failed = [ending for ending in endings if ending.status == "failed"]
    if cancelled:
        _complain(f"{len(cancelled)} runs were cancelled; the same command computes them", 1)
    if failed:
        _complain(f"{len(failed)} runs failed; tracebacks are in {failed[0].folder / RUN} and the like", 1)
    return 1 if cancelled or failed else 0


def register() -> None:
    """Make known to Hydra what it does not find by itself."""
    # Hydra's own search misses the launcher and the sweeper under some editable installs.
    for plugin in (GroupSource, GroupSearchPath, StudySource, StudySearchPath, PackedLauncher, PackedSweeper):
        Plugins.instance().register(plugin)
    store_options()  # again, for engines that have been registered since Hydra imported the launcher


def _refuse_repetitions(arguments: Sequence[str]) -> None:
    """Raise ConfigError for a key that is given twice: Hydra lets the last one win, and says nothing."""
    given: dict[str, str] = {}
    for argument in arguments:
        key, equals, value = argument.partition("=")
        if not equals or key.startswith("-"):
            continue
        if key in given:
            both = f"{given[key]},{value}"
            raise ConfigError(f"{key}: given twice, only the last would count; a sweep over both is -m {key}={both}")
        given[key] = value


def _complain(what: object, code: int) -> int:
    print(f"rnnlab: {what}", file=sys.stderr)
    return code


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


def _unusable_choice() -> str | None:
    """The first group=name of the command line whose name is none of the group's."""
    for argument in sys.argv[1:]:
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
    return f"{key}: no such key; at the top there are {', '.join(known)}{did_you_mean(key, known)}"
