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
from omegaconf import DictConfig

_HERE = "hydra_plugins.rnnlab_packed.packed_launcher"


@dataclass
class PackedLauncherConf:
    _target_: str = f"{_HERE}.PackedLauncher"
    n_workers: int | None = None  # processes; null: one per core
    memory_gb: float | None = None  # for all packs under way, in 10^9 bytes; null: half of the machine's
    redo: str = "failed"  # what to compute: missing (what has no record), failed (that, and what failed), all
    checkpoint_s: float = 60.0  # seconds between two checkpoints of a pack
    dry_run: bool = False  # say what would be computed, and train nothing
    report: bool = True  # write the report at the end


@dataclass
class PackedSweeperConf:
    _target_: str = f"{_HERE}.PackedSweeper"
    max_batch_size: int | None = None  # jobs handed to the launcher at once; null: all
    params: dict[str, str] | None = field(default=None)  # what is swept unless the command line says otherwise


ConfigStore.instance().store(group="hydra/launcher", name="packed", node=PackedLauncherConf, provider="rnnlab")
ConfigStore.instance().store(group="hydra/sweeper", name="packed", node=PackedSweeperConf, provider="rnnlab")


class PackedLauncher(Launcher):
    """Trains a sweep's runs in packs; jobs of any other application run one after the other, as by Hydra's own."""

    checks_jobs = True

    def __init__(
        self,
        n_workers: int | None = None,
        memory_gb: float | None = None,
        redo: str = "failed",
        checkpoint_s: float = 60.0,
        dry_run: bool = False,
        report: bool = True,
    ):
        self.options = PackedLauncherConf(
            n_workers=n_workers,
            memory_gb=memory_gb,
            redo=redo,
            checkpoint_s=checkpoint_s,
            dry_run=dry_run,
            report=report,
        )

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        self.config, self.hydra_context, self.task_function = config, hydra_context, task_function
        self.all_runs: list[Any] = []  # of a sweep that comes in several batches

    def check(self, job_overrides: Sequence[Sequence[str]]) -> None:
        """Check all jobs of a sweep that comes in several batches, before the first one starts."""
        from hydra_plugins.rnnlab_packed import _core

        self.all_runs = _core.check(self, job_overrides)

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> Sequence[JobReturn]:
        from hydra_plugins.rnnlab_packed import _core

        return _core.launch(self, job_overrides, initial_job_idx)


class PackedSweeper(BasicSweeper):
    """Hydra's basic sweeper, which leaves it to the packed launcher to check the jobs before the first one starts."""

    def __init__(self, max_batch_size: int | None = None, params: Any = None):
        super().__init__(max_batch_size=max_batch_size, params=params or {})

    def get_job_batch(self) -> Sequence[Sequence[str]]:
        batches = self.overrides or []
        if self.batch_index == 0 and len(batches) > 1 and getattr(self.launcher, "checks_jobs", False):
            self.launcher.check([job for batch in batches for job in batch])
        return super().get_job_batch()

    def validate_batch_is_legal(self, batch: Sequence[Sequence[str]]) -> None:
        if not getattr(self.launcher, "checks_jobs", False):
            super().validate_batch_is_legal(batch)
