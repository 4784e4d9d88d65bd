"""A run or a sweep by Hydra without a command line, for callers who may use Hydra themselves.

Hydra keeps things for the whole process: GlobalHydra, by which version's rules it goes, the name of the application,
and how messages are logged.  What is done here needs nothing of that from the caller, and leaves it as it was.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

from hydra import version
from hydra.core.config_search_path import ConfigSearchPath, SearchPathQuery
from hydra.core.plugins import Plugins
from hydra.core.utils import JobRuntime
from hydra.types import RunMode
from omegaconf import DictConfig

from rnnlab import places
from rnnlab.hydra.groups import GroupSource
from rnnlab.hydra.internals import Hydra, application, errors_raised_only, search_path
from rnnlab.hydra.launch import PackedTask
from rnnlab.hydra.studies import StudySource
from rnnlab.hydra.yaml_files import use_checked_files
from rnnlab.options import ConfigError

CONFIG = "config"  # conf/config.yaml
LOGGING = ("hydra/hydra_logging", "hydra/job_logging")  # their defaults set up the logging of the whole process

_one_at_a_time = RLock()  # one thread at a time; a callback of a sweep may itself start a run


def run(task: PackedTask, overrides: Sequence[str], config_dir: Path | None) -> Path:
    """Run one job.  The folder of its files.  Raises what Hydra and the task raise."""
    arguments = _arguments(overrides, RunMode.RUN)
    with _hydra(config_dir) as hydra:
        done = hydra.run(CONFIG, task, arguments, with_log_configuration=False)
    assert isinstance(done.hydra_cfg, DictConfig)
    return Path(done.hydra_cfg.hydra.runtime.output_dir)


def sweep(task: PackedTask, overrides: Sequence[str], config_dir: Path | None) -> Path | None:
    """Run a sweep.  The folder of the study; None after a dry run.  Raises what Hydra, its launcher and the task
    raise."""
    arguments = _arguments(overrides, RunMode.MULTIRUN)
    with _hydra(config_dir) as hydra:
        config = hydra.compose_config(CONFIG, arguments, RunMode.MULTIRUN).hydra
        folder = None if config.launcher.get("dry_run") else Path(config.sweep.dir)
        hydra.multirun(CONFIG, task, arguments, with_log_configuration=False)
    return folder


def _arguments(overrides: Sequence[str], mode: RunMode) -> list[str]:
    """The overrides, and what the command adds to them; logging stays the caller's, unless he says otherwise."""
    given = {text.partition("=")[0] for text in overrides}
    return [*overrides, *(f"{key}=none" for key in LOGGING if key not in given), f"hydra.mode={mode.name}"]


@contextmanager
def _hydra(config_dir: Path | None) -> Iterator[Hydra]:
    """Hydra as the command has it.  Raises ConfigError for a folder that is none."""
    if config_dir is not None and not config_dir.is_dir():
        raise ConfigError(f"config_dir: {str(config_dir)!r}; must be a folder")
    with _one_at_a_time:
        rules, name = version.getbase(), JobRuntime.instance().get("name")
        try:
            version.setbase("1.3")
            with errors_raised_only():
                yield application("rnnlab", _search_path(config_dir))
        finally:
            version.VersionBase.instance().version_base = rules
            JobRuntime.instance().set("name", name)


def _search_path(config_dir: Path | None) -> ConfigSearchPath:
    """The places of the command.  Our registries and studies are not made known as plugins, as the command does it:
    every application in this process would see them."""
    use_checked_files()
    where = search_path(str(places.CONF))
    ours = []
    for source in (GroupSource, StudySource):
        Plugins.instance().register(source)
        ours.append(f"{source.scheme()}://")
    ours += [f"file://{config_dir.absolute()}"] if config_dir else []
    known = {element.path for element in where.get_path()}
    for path in ours:
        if path not in known:
            where.prepend("rnnlab", path, SearchPathQuery(provider="schema"))
    return where
