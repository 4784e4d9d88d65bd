"""rnnlab.run and rnnlab.sweep: the command, called from a script or a notebook.

    result = rnnlab.run({"task": "sines", "cell.activation": "relu"})       rnnlab.networks.results.Result
    results = rnnlab.sweep("activations", seeds=20)                         rnnlab.networks.results.Results

Both compose, check, train, record and report by the code of the command, and raise ConfigError with its one line.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.process import current_process
from numbers import Integral
from pathlib import Path
from typing import TypeVar

from hydra.core.plugins import Plugins

from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedSweeper, store_options
from rnnlab import arguments, plugins
from rnnlab.hydra import session
from rnnlab.hydra.errors import complaint
from rnnlab.hydra.overrides import as_overrides
from rnnlab.hydra.refusals import refuse_misleading
from rnnlab.hydra.runs import TrainRuns
from rnnlab.networks.results import Result, Results, load, load_run
from rnnlab.options import ConfigError
from rnnlab.sweep import server
from rnnlab.sweep.engine import EngineError
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.options import KEY
from rnnlab.sweep.sweep import not_completed

Values = Mapping[str, object]
Place = str | os.PathLike[str] | None
Folder = TypeVar("Folder")


def run(config: Values | Sequence[str], values: Values, folder: Place, config_dir: Place) -> Result:
    """rnnlab.run, which documents it."""
    _refuse_in_a_child()
    stated = _overrides(config)
    refuse_misleading(stated)
    # By key, so that a value takes the place of one in the config.
    given = list({text.partition("=")[0]: text for text in (*stated, *as_overrides(values))}.values())
    if folder is not None:
        given += as_overrides({"hydra.run.dir": f"{os.fspath(folder)}/${{run_folder:}}"})
    _, place = _do(session.run, given, config_dir, [])
    return load_run(place)


def sweep(
    experiment: str | None,
    axes: Values,
    seeds: int | Sequence[int] | None,
    overrides: Sequence[str],
    folder: Place,
    config_dir: Place,
    options: Values,
) -> Results | None:
    """rnnlab.sweep, which documents it.  options: of the launcher; those that are None are left out."""
    _refuse_in_a_child()
    given = as_overrides({"experiment": experiment}) if experiment is not None else []
    given += [*_overrides(overrides), *as_overrides(axes, sweep=True)]
    if seeds is not None:
        n_or_which = range(int(seeds)) if isinstance(seeds, Integral) else seeds
        given += as_overrides({"seed": n_or_which}, sweep=True)
    given += as_overrides({f"{KEY}.{name}": value for name, value in options.items() if value is not None})
    if folder is not None:
        given += as_overrides({"hydra.sweep.dir": folder})
    server.start()  # it imports torch while this process composes
    try:
        task, place = _do(session.sweep, given, config_dir, ["-m"])
    except KeyboardInterrupt:
        raise KeyboardInterrupt("what was finished is kept, and the same call goes on from there") from None
    for line in not_completed(task.endings.values()):
        print(f"rnnlab: {line}", file=sys.stderr)
    return None if place is None else load(place)


def _do(
    job: Callable[[TrainRuns, Sequence[str], Path | None], Folder],
    overrides: Sequence[str],
    config_dir: Place,
    flags: Sequence[str],
) -> tuple[TrainRuns, Folder]:
    """The task function after the job, and what the job returns.  Raises ConfigError for what cannot be used.

    flags: of the command that does the same, which the records name."""
    where = [] if config_dir is None else ["--config-dir", os.fspath(config_dir)]
    names, relative_to = arguments.plugins_of([*where, *overrides])
    plugins.use(plugins.listed(names), relative_to)
    _register()
    task = TrainRuns(typed=shlex.join(["rnnlab", *flags, *where, *overrides]), quiet=True)
    try:
        refuse_misleading(overrides)
        return task, job(task, overrides, None if config_dir is None else Path(config_dir))
    except (RunFailed, EngineError):
        raise
    except Exception as error:
        line = complaint(error, overrides)
        if line is None or os.environ.get("HYDRA_FULL_ERROR") == "1":
            raise
        raise ConfigError(line) from None


def _register() -> None:
    """Make known to Hydra what it does not find by itself under some editable installs."""
    for plugin in (PackedLauncher, PackedSweeper):
        Plugins.instance().register(plugin)
    store_options()  # again, for engines that have been registered since Hydra imported the launcher


def _overrides(config: Values | Sequence[str]) -> list[str]:
    if isinstance(config, Mapping):
        return as_overrides(config)
    if isinstance(config, str) or not all(isinstance(text, str) for text in config):
        raise ConfigError(f"{config!r}: must be a mapping, or a list of overrides such as 'cell.activation=relu'")
    return list(config)


def _refuse_in_a_child() -> None:
    """Raise ConfigError while multiprocessing imports the user's script into a process that it makes."""
    if getattr(current_process(), "_inheriting", False):  # as multiprocessing.spawn asks; it has no public function
        raise ConfigError(
            "a process that multiprocessing has made imports this script, and comes to this call again; "
            'the call must stand under `if __name__ == "__main__":`'
        )
