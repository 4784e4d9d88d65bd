"""What the packed sweeper and launcher do: compose and check every job of a sweep, then hand batches to _batch.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.utils import JobReturn, configure_log, setup_globals
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.rnnlab_packed._batch import Batch
from hydra_plugins.rnnlab_packed._compose import Composer, Job
from hydra_plugins.rnnlab_packed._jobs import run_one_by_one
from rnnlab import claims
from rnnlab.config import RunConfig, check_surroundings, from_node
from rnnlab.options import ConfigError, check_choice, dotted
from rnnlab.sweep.machine import check_device

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedLauncherConf, PackedSweeper

RUN_FOLDER = "${run_folder:}"
LEAST = {"n_workers": 1, "memory_gb": 0.01, "checkpoint_s": 0.0, "gpus": 1}
LEAST |= {f"ray.{name}": least for name, least in {"cpus": 0.01, "gpus": 0.0, "memory_gb": 0.01, "retries": 0}.items()}
LEAST |= {f"slurm.{name}": 1 for name in ("time_min", "cpus", "array_parallelism", "max_queued")}
LEAST |= {"slurm.gpus": 0, "slurm.memory_gb": 0.01, "slurm.poll_s": 0.1}


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
        return run_one_by_one(launcher, batch.jobs)
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
    check_surroundings(master)
    _check_launcher(master)
    runs = _checked_runs(jobs, master)
    if stated := claims.parse(master.claims or []):
        claims.check(stated, [dotted(run.as_dict()) for run in runs])
    return CheckedJobs(jobs, runs)


def _check_launcher(master: DictConfig) -> None:
    subdir = OmegaConf.to_container(master.hydra.sweep)["subdir"]
    if subdir != RUN_FOLDER:
        raise ConfigError(f"hydra.sweep.subdir: {subdir!r}; must stay {RUN_FOLDER!r}, a run is known by its folder")
    if master.hydra.runtime.choices.get("hydra/launcher") == "packed":
        _check_options(master.hydra.launcher)
    if master.hydra.launcher.get("engine", "local") == "local":
        check_device(master.device)


def _check_options(options: PackedLauncherConf) -> None:
    check_choice("hydra.launcher.engine", options.engine, ("local", "ray", "slurm"))
    check_choice("hydra.launcher.redo", options.redo, ("missing", "failed", "all"))
    for name, least in LEAST.items():
        value = OmegaConf.select(options, name)
        if value is not None and not value >= least:
            raise ConfigError(f"hydra.launcher.{name}: {value}; must be at least {least}")


def _checked_runs(jobs: Sequence[Job], master: DictConfig) -> list[RunConfig]:
    """Every job as a RunConfig.  Raises ConfigError with the first complaint and how many jobs share it."""
    if not jobs:
        raise ConfigError("nothing to sweep: one of the swept values is an empty range or list")
    runs, complaints = [], Counter()
    for job in jobs:
        config = job.resolved()
        try:
            for key in ("study", "device"):
                if config[key] != master[key]:
                    raise ConfigError(
                        f"{key}: {config[key]!r} and {master[key]!r}; must be one for all runs of a sweep"
                    )
            runs.append(from_node(config))
        except ConfigError as error:
            complaints[str(error)] += 1
    if complaints:
        complaint, n_jobs = complaints.most_common(1)[0]
        others = f"; {len(complaints) - 1} other complaints" if len(complaints) > 1 else ""
        raise ConfigError(f"{complaint} ({n_jobs} of {len(jobs)} runs{others}; nothing was trained)")
    return runs
