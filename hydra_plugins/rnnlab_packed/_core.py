"""What the packed sweeper and launcher do: compose and check every job of a sweep, then hand batches to _batch.py.

Jobs of an application that is not rnnlab run one after the other; what knows torch is imported for rnnlab's only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, configure_log, run_job, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.rnnlab_packed._compose import Composer, Job

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedSweeper
    from rnnlab.config.run import RunConfig


@dataclass(frozen=True)
class CheckedJobs:
    """The jobs of a sweep, and the runs that they are; no runs where the application is not rnnlab."""

    jobs: Sequence[Job]
    runs: Sequence[RunConfig]


def sweep(sweeper: PackedSweeper, arguments: Sequence[str]) -> list[Sequence[JobReturn]]:
    """As Hydra's basic sweeper, but that all jobs are checked first."""
    config, launcher = sweeper.config, sweeper.launcher
    parser = OverridesParser.create(config_loader=sweeper.hydra_context.config_loader)
    swept = [f"{key}={value}" for key, value in sweeper.params.items()]
    batches = sweeper.split_arguments(parser.parse_overrides([*swept, *arguments]), sweeper.max_batch_size)
    jobs = [job for batch in batches for job in batch]
    checked = check(sweeper.hydra_context, sweeper.task_function, config, jobs, first_number=0)
    if hasattr(launcher, "checked"):
        launcher.checked = checked
    if not config.hydra.launcher.get("dry_run"):
        folder = Path(config.hydra.sweep.dir)
        folder.mkdir(parents=True, exist_ok=True)
        OmegaConf.save(config, folder / "multirun.yaml")
    returns: list[Sequence[JobReturn]] = []
    for batch in batches:
        returns.append(launcher.launch(batch, initial_job_idx=sum(map(len, returns))))
        for job in returns[-1]:
            _ = job.return_value  # raises what the job raised
    return returns


def launch(launcher: PackedLauncher, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    """One JobReturn per job, in order.  Nothing trains before every run has been checked."""
    setup_globals()
    configure_log(launcher.config.hydra.hydra_logging, launcher.config.hydra.verbose)
    whole = launcher.checked
    if whole is None:  # another sweeper, which hands over one batch after the other
        whole = batch = check(
            launcher.hydra_context, launcher.task_function, launcher.config, job_overrides, initial_job_idx
        )
    else:
        part = slice(initial_job_idx, initial_job_idx + len(job_overrides))
        batch = CheckedJobs(whole.jobs[part], whole.runs[part])
    if not trains_rnnlab_runs(launcher.task_function):
        return _run_one_by_one(launcher, batch.jobs)
    from hydra_plugins.rnnlab_packed._batch import Batch

    return Batch(launcher, batch.jobs, batch.runs, whole.runs).launch()


def trains_rnnlab_runs(task_function: TaskFunction) -> bool:
    return getattr(task_function, "trains_rnnlab_runs", False)


def check(
    hydra_context: HydraContext,
    task_function: TaskFunction,
    master: DictConfig,
    job_overrides: Sequence[Sequence[str]],
    first_number: int,
) -> CheckedJobs:
    """Compose all jobs.  Raises what Hydra raises where one cannot be composed, and ConfigError."""
    composer = Composer(hydra_context.config_loader, master)
    jobs = [composer.compose(overrides, first_number + n) for n, overrides in enumerate(job_overrides)]
    if not trains_rnnlab_runs(task_function):
        return CheckedJobs(jobs, [])
    from hydra_plugins.rnnlab_packed._checks import checked_runs

    return CheckedJobs(jobs, checked_runs(jobs, master))


def _run_one_by_one(launcher: PackedLauncher, jobs: Sequence[Job]) -> list[JobReturn]:
    """In this process, as by Hydra's basic launcher."""
    Path(str(launcher.config.hydra.sweep.dir)).mkdir(parents=True, exist_ok=True)
    return [
        run_job(
            hydra_context=launcher.hydra_context,
            task_function=launcher.task_function,
            config=job.config(),
            job_dir_key="hydra.sweep.dir",
            job_subdir_key="hydra.sweep.subdir",
        )
        for job in jobs
    ]
