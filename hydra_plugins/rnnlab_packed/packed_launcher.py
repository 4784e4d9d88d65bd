"""hydra/launcher=packed and hydra/sweeper=packed: all jobs of a sweep at once, trained in packs.

Only the part that Hydra sees; what it does is in _core.py and rnnlab.sweep.  No heavy imports: every start of Hydra
imports this module.  And no postponed annotations: Hydra runs the module before it is in sys.modules, where
dataclasses look them up.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from rnnlab.sweep.settings import RaySettings, SlurmSettings

_HERE = "hydra_plugins.rnnlab_packed.packed_launcher"


@dataclass
class PackedLauncherConf:
    _target_: str = f"{_HERE}.PackedLauncher"
    engine: str = "local"  # where packs are computed: local, ray, slurm
    n_workers: int | None = None  # packs at once; null: one per core, or per GPU (local), or what the cluster has (ray)
    memory_gb: float | None = None  # local: for all packs under way, in 10^9 bytes; null: half of the machine's
    gpus: int | None = None  # local, device=cuda: how many are used; null: all
    redo: str = "failed"  # what to compute: missing (what has no record), failed (that, and what failed), all
    checkpoint_s: float = 60.0  # seconds between two checkpoints of a pack
    dry_run: bool = False  # say what would be computed, and train nothing
    report: bool = True  # write the report at the end
    ray: RaySettings = field(default_factory=RaySettings)
    slurm: SlurmSettings = field(default_factory=SlurmSettings)


@dataclass
class PackedSweeperConf:
    _target_: str = f"{_HERE}.PackedSweeper"
    max_batch_size: int | None = None  # jobs handed to the launcher at once; null: all
    params: dict[str, str] | None = field(default=None)  # what is swept unless the command line says otherwise


ConfigStore.instance().store(group="hydra/launcher", name="packed", node=PackedLauncherConf, provider="rnnlab")
ConfigStore.instance().store(group="hydra/sweeper", name="packed", node=PackedSweeperConf, provider="rnnlab")


class PackedLauncher(Launcher):
    """Trains a sweep's runs in packs; jobs of any other application run one after the other, as by Hydra's own."""

    def __init__(self, **options: Any):
        plain = {key: OmegaConf.to_object(o) if OmegaConf.is_config(o) else o for key, o in options.items()}
        self.options = PackedLauncherConf(**plain)

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        self.checked: Any = None  # the whole sweep, where a sweeper has had it checked

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.rnnlab_packed import _core

        return _core.launch(self, job_overrides, initial_job_idx)


class PackedSweeper(BasicSweeper):
    """Hydra's basic sweeper, but that all jobs are checked before the first one starts, whichever launcher runs them,
    and before anything is written."""

    def __init__(self, max_batch_size: int | None = None, params: Any = None):
        super().__init__(max_batch_size=max_batch_size, params=params or {})

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        super().setup(hydra_context=hydra_context, task_function=task_function, config=config)
        self.task_function = task_function

    def sweep(self, arguments: list[str]) -> list[Sequence[JobReturn]]:
        from hydra_plugins.rnnlab_packed import _core

        return _core.sweep(self, arguments)
