"""The Hydra application: from the command line to run folders, and from errors to one line and an exit code.

Exit codes: 0 done; 1 a run failed or was cancelled, or something broke; 2 the command or a value cannot be used, and
nothing was trained; 130 interrupted by Ctrl-C.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import hydra
from hydra import compose, initialize_config_dir
from hydra.core.plugins import Plugins
from hydra.core.utils import env_override
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedSweeper, store_options
from rnnlab import arguments, places, plugins
from rnnlab.hydra.errors import complaint
from rnnlab.hydra.groups import GroupSearchPath, GroupSource
from rnnlab.hydra.internals import errors_raised_only, overrides_first
from rnnlab.hydra.refusals import refuse_misleading
from rnnlab.hydra.runs import TrainRuns
from rnnlab.hydra.studies import StudySearchPath, StudySource
from rnnlab.hydra.yaml_files import use_checked_files
from rnnlab.options import ConfigError, in_one_line
from rnnlab.sweep.engine import EngineError
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.sweep import not_completed


def run() -> int:
    """Do what the command line asks for.  Returns the exit code."""
    user_wants_tracebacks = os.environ.get("HYDRA_FULL_ERROR") == "1"
    task = TrainRuns()
    try:
        sys.argv[1:] = overrides_first(sys.argv[1:])
        words = arguments.words_of(sys.argv[1:])
        names, folder = arguments.plugins_of(words)
        plugins.use(plugins.listed(names), folder)
        register()
        _complete(words)
        refuse_misleading(sys.argv[1:])
        # With these, Hydra raises errors instead of printing them at length.
        with env_override({"HYDRA_FULL_ERROR": "1"}), errors_raised_only():
            hydra.main(config_path=str(places.CONF), config_name="config", version_base="1.3")(task)()
    except (RunFailed, EngineError) as error:
        return _complain(error, 1)
    except Exception as error:
        line = complaint(error, sys.argv[1:])
        if line is None or user_wants_tracebacks:
            raise
        return _complain(line, 2)
    except KeyboardInterrupt:
        return _complain("interrupted; what was finished is kept, and the same command goes on from there", 130)
    lines = not_completed(task.endings.values())
    for line in lines:
        _complain(line, 1)
    return 1 if lines else 0


def register() -> None:
    """Make known to Hydra what it does not find by itself."""
    # Hydra's own search misses the launcher and the sweeper under some editable installs.
    for plugin in (GroupSource, GroupSearchPath, StudySource, StudySearchPath, PackedLauncher, PackedSweeper):
        Plugins.instance().register(plugin)
    use_checked_files()
    store_options()  # again, for engines that have been registered since Hydra imported the launcher


def composed_members(folder: Path, groups: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The members of these groups that the files of a --config-dir describe: {"task=short": its values}.

    Raises ConfigError for a file that cannot be composed."""
    names = [f"{group}={name}" for group in groups for name in arguments.members_in(folder, group)]
    register()
    found = {}
    with initialize_config_dir(str(places.CONF), version_base="1.3"):
        for name in names:
            try:
                config = compose("config", [f"hydra.searchpath=[file://{folder.absolute()}]", name])
            except (HydraException, OmegaConfBaseException) as error:
                raise ConfigError(complaint(error, ())) from None
            values = OmegaConf.to_container(config[name.partition("=")[0]])
            assert isinstance(values, dict)
            found[name] = {str(key): value for key, value in values.items()}
    return found


def _complete(words: Sequence[str]) -> None:
    """When a shell asks for completions, Hydra does not see the --config-dir of the line that is being completed, and
    completes no values of keys."""
    completes = list(words) != sys.argv[1:]
    GroupSource.completed = words[-1].rpartition("=")[0] if completes and words else ""
    if completes and (folder := arguments.config_dir(words)):
        sys.argv.append(f"--config-dir={folder}")


def _complain(what: object, code: int) -> int:
    print(f"rnnlab: {in_one_line(what)}", file=sys.stderr)
    return code
