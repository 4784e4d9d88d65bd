"""What Hydra's users know of a job: its .hydra folder, its JobReturn, its callbacks."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, run_job
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.rnnlab_packed._compose import Job
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.jobs import RunFailed

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher


class PackedJobReturn(JobReturn):
    """A JobReturn whose configs are made when somebody looks at them: of ten thousand jobs nobody looks at most.

    Its return value is the objective, +inf for a run that failed or diverged: a sweeper goes on, the command counts."""

    def __init__(self, job: Job, folder: Path, objective: float | None, failed: bool):
        self._job, self._folder, self._objective = job, folder, objective
        self.overrides, self.working_dir, self.task_name = job.task_overrides, str(Path.cwd()), "rnnlab"
        self.status = JobStatus.FAILED if failed else JobStatus.COMPLETED

    @property
    def return_value(self) -> float | None:
        return self._objective

    @cached_property
    def _config(self) -> DictConfig:
        config = self._job.config()
        config.hydra.runtime.output_dir = str(self._folder.absolute())
        return config

    @property
    def cfg(self) -> DictConfig:
        return OmegaConf.masked_copy(self._config, [key for key in self._config if key != "hydra"])

    @property
    def hydra_cfg(self) -> DictConfig:
        return OmegaConf.masked_copy(self._config, "hydra")


def write_hydra_files(job: Job, folder: Path) -> None:
    """.hydra/ as Hydra writes it."""
    subfolder = job.template.config.hydra.output_subdir
    if subfolder is None:
        return
    (folder / subfolder).mkdir(parents=True, exist_ok=True)
    for name, text in job.hydra_files(str(folder.absolute())).items():
        (folder / subfolder / name).write_text(text, encoding="utf-8")


def run_with_callbacks(launcher: PackedLauncher, job: Job, delivery: Delivery, provenance: Mapping[str, Any]) -> None:
    """Let Hydra itself run the job, for the callbacks' sake; what the job does is write its record."""

    def task(_: DictConfig) -> float:
        delivery.finished.write(Path(HydraConfig.get().runtime.output_dir), provenance)
        if delivery.finished.status == "failed":
            raise RunFailed(delivery.finished.summary)
        return delivery.finished.objective

    done = run_job(
        hydra_context=launcher.hydra_context,
        task_function=task,
        config=job.config(),
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    if done.status is JobStatus.FAILED and not isinstance(done._return_value, RunFailed):
        raise done._return_value  # the record could not be written
