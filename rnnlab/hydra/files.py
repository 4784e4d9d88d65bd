"""What Hydra's users find of a job: its .hydra folder, its JobReturn, and what its callbacks get to see."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, run_job
from hydra.types import HydraContext
from omegaconf import DictConfig, OmegaConf

from rnnlab.hydra.compose import Job, without_hydra
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.finished import RunFailed
from rnnlab.sweep.sweep import write_record


class PackedJobReturn(JobReturn):
    """A JobReturn that makes its configs when somebody looks at them: of ten thousand jobs nobody looks at most.

    Its return value is the objective, +inf for a run that failed or diverged: the sweeper continues, and the command
    counts the failures.  It is None after a dry run, and for a run that no look
    has needed (rnnlab/sweep/until.py)."""

    def __init__(self, job: Job, folder: Path, objective: float | None, failed: bool) -> None:
        self._job, self._folder, self._objective = job, folder, objective
        self.status = JobStatus.FAILED if failed else JobStatus.COMPLETED

    @property
    def overrides(self) -> list[str]:  # type: ignore[override]
        return self._job.task_overrides

    @property
    def working_dir(self) -> str:  # type: ignore[override]
        return str(Path.cwd())

    @property
    def task_name(self) -> str:  # type: ignore[override]
        return "rnnlab"

    @property  # type: ignore[misc]  # of a JobReturn it can be set
    def return_value(self) -> float | None:
        return self._objective

    @cached_property
    def _config(self) -> DictConfig:
        config = self._job.config()
        config.hydra.runtime.output_dir = str(self._folder.absolute())
        return config

    @property
    def cfg(self) -> DictConfig:  # type: ignore[override]
        return without_hydra(self._config)

    @property
    def hydra_cfg(self) -> DictConfig:  # type: ignore[override]
        return OmegaConf.masked_copy(self._config, "hydra")


def hydra_files(job: Job, folder: Path) -> dict[str, str]:
    """The files of .hydra/ as Hydra writes them: relative path -> text.  folder: of the run, absolute."""
    subfolder = job.template.config.hydra.output_subdir
    if subfolder is None:
        return {}
    return {f"{subfolder}/{name}": text for name, text in job.hydra_files(str(folder)).items()}


def run_with_callbacks(hydra_context: HydraContext, job: Job, delivery: Delivery) -> None:
    """Let Hydra itself run the job, so that callbacks are called; the job only writes the record.  Raises OSError."""
    refused: Exception | None = None

    def task(_: DictConfig) -> float:
        nonlocal refused
        try:
            write_record(delivery, Path(HydraConfig.get().runtime.output_dir))
        except Exception as error:
            refused = error
            raise
        if delivery.finished.status == "failed":
            raise RunFailed(delivery.finished.summary)  # callbacks see a job that has raised
        return delivery.finished.objective

    run_job(
        hydra_context=hydra_context,
        task_function=task,
        config=job.config(),
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
    if refused is not None:
        raise refused
