"""hydra/launcher=packed: all jobs of a sweep at once, trained in packs.

Only the part that Hydra sees; what it does is in rnnlab.sweep.  No heavy imports here: every Hydra start imports this.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig


@dataclass
class PackedLauncherConf:
    _target_: str = "hydra_plugins.rnnlab_packed.packed_launcher.PackedLauncher"
    n_workers: int | None = None  # processes; null: one per core


ConfigStore.instance().store(group="hydra/launcher", name="packed", node=PackedLauncherConf, provider="rnnlab")


class PackedLauncher(Launcher):
    def __init__(self, n_workers: int | None = None):
        self.n_workers = n_workers
        self.config: DictConfig | None = None
        self.hydra_context: HydraContext | None = None
        self.task_function: TaskFunction | None = None

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.rnnlab_packed import _core

        return _core.launch(self, job_overrides, initial_job_idx)
