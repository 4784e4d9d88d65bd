"""What is checked of a sweep before anything trains: its jobs as runs, its claims, the launcher's options."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from omegaconf import DictConfig, OmegaConf

from hydra_plugins.rnnlab_packed._compose import Job
from rnnlab.config.run import RunConfig, check_surroundings, from_node
from rnnlab.options import ConfigError, check_choice, dotted
from rnnlab.records import claims
from rnnlab.sweep.machine import check_device

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncherConf

RUN_FOLDER = "${run_folder:}"
LEAST = {"n_workers": 1, "memory_gb": 0.01, "checkpoint_s": 0.0, "gpus": 1}
LEAST |= {f"ray.{name}": least for name, least in {"cpus": 0.01, "gpus": 0.0, "memory_gb": 0.01, "retries": 0}.items()}
LEAST |= {f"slurm.{name}": 1 for name in ("time_min", "cpus", "array_parallelism", "max_queued")}
LEAST |= {"slurm.gpus": 0, "slurm.memory_gb": 0.01, "slurm.poll_s": 0.1}


def checked_runs(jobs: Sequence[Job], master: DictConfig) -> list[RunConfig]:
    """The run that each job is.  Raises ConfigError."""
    check_surroundings(master)
    _check_launcher(master)
    runs = _runs(jobs, master)
    if stated := claims.parse(master.claims or []):
        claims.check(stated, [dotted(run.as_dict()) for run in runs])
    return runs


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


def _runs(jobs: Sequence[Job], master: DictConfig) -> list[RunConfig]:
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
