"""hydra/launcher=packed and hydra/sweeper=packed: all jobs of a sweep at once, trained in packs.

This is only what Hydra must find here; what the two do is in rnnlab/hydra/launch.py.  Every start of Hydra imports
this module, so it imports nothing heavy.  It has no postponed annotations: Hydra runs the module before it is in
sys.modules, where dataclasses look them up.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, make_dataclass
from typing import Any, get_type_hints

from hydra.core.config_store import ConfigStore
from hydra.core.plugins import Plugins
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from rnnlab.hydra.launch import Setup, launch, sweep
from rnnlab.options import ConfigError
from rnnlab.sweep.engines import check_options, engines
from rnnlab.sweep.options import SweepOptions


class PackedLauncher(Launcher):
    """Trains the runs of a sweep in packs; the jobs of any other application run one after the other."""

    def __init__(self, **options: Any) -> None:
        """options: the fields of SweepOptions, and for each engine its settings under its name."""
        settings = {name: OmegaConf.to_object(options.pop(name)) for name in engines() if name in options}
        self.options = SweepOptions(**options, settings=settings)
        check_options(self.options)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.given = Setup(hydra_context, task_function, config)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        return launch(self.given, self.options, job_overrides, initial_job_idx)


class PackedSweeper(Sweeper):
    """Hydra's basic sweeper, but all jobs are checked before the first one starts, whichever launcher runs them, and
    before anything is written."""

    launcher: Launcher

    def __init__(self, max_batch_size: int | None, params: Mapping[str, str] | None) -> None:
        if max_batch_size is not None and max_batch_size < 1:
            raise ConfigError(
                f"hydra.sweeper.max_batch_size: {max_batch_size}; must be a whole number at least 1, or null"
            )
        self.max_batch_size, self.params = max_batch_size, params or {}

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.given = Setup(hydra_context, task_function, config)
        self.launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        return sweep(self.given, self.launcher, self.params, self.max_batch_size, arguments)


@dataclass
class PackedSweeperConf:
    _target_: str = f"{__name__}.PackedSweeper"
    max_batch_size: int | None = None  # jobs given to the launcher at once; null: all
    params: dict[str, str] | None = None  # what is swept unless the command line says otherwise


def launcher_conf() -> type:
    """The dataclass behind hydra.launcher: the options of a sweep, and the settings of each engine that is registered
    by now."""
    types = get_type_hints(SweepOptions)
    target = ("_target_", str, field(default=f"{__name__}.PackedLauncher"))
    options = [(f.name, types[f.name], field(default=f.default)) for f in fields(SweepOptions) if f.name != "settings"]
    settings = [(name, e.settings, field(default_factory=e.settings)) for name, e in engines().items() if e.settings]
    return make_dataclass("PackedLauncherConf", [target, *options, *settings])


def store_options() -> None:
    """Make the options known to Hydra's config.  To be called again when an engine has been registered."""
    for group, node in (("hydra/launcher", launcher_conf()), ("hydra/sweeper", PackedSweeperConf)):
        ConfigStore.instance().store(group=group, name="packed", node=node, provider="rnnlab")


store_options()
