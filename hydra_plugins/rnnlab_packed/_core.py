"""What the packed launcher does: check every run, train in packs, let Hydra run each job as it writes its record."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from hydra.core.hydra_config import HydraConfig
from hydra.core.utils import JobReturn, JobStatus, run_job, setup_globals
from hydra.types import HydraContext
from omegaconf import DictConfig, open_dict

from rnnlab import places
from rnnlab.config import RunConfig, check_surroundings, from_node
from rnnlab.options import ConfigError
from rnnlab.records import RunResult, to_json, write_text
from rnnlab.report import write_report
from rnnlab.sweep.jobs import RunFailed, command, last_line, objective, save
from rnnlab.sweep.planner import plan
from rnnlab.sweep.workers import Workers, available_cores

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher


def launch(launcher: PackedLauncher, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    """One JobReturn per job, in order.  Nothing trains before every run has been checked."""
    setup_globals()
    check_surroundings(launcher.config)
    n_workers = launcher.n_workers
    if n_workers is not None and n_workers < 1:
        raise ConfigError(f"hydra.launcher.n_workers: {n_workers}; must be at least 1 (null: one per core)")
    folder = Path(launcher.config.hydra.sweep.dir)
    with Workers(n_workers or available_cores()) as workers:
        jobs = [
            _compose(launcher.hydra_context, launcher.config, overrides, initial_job_idx + n)
            for n, overrides in enumerate(job_overrides)
        ]
        runs = _checked(jobs)
        folder.mkdir(parents=True, exist_ok=True)
        _describe(folder, launcher.config, runs)
        returns = _train(launcher.hydra_context, jobs, runs, folder, workers)
    print(f"report: {write_report(folder)}")
    _count_failures(returns, folder)
    return returns


def _compose(context: HydraContext, config: DictConfig, overrides: Sequence[str], number: int) -> DictConfig:
    """A job's config, as Hydra's own launchers make it."""
    job = context.config_loader.load_sweep_config(config, list(overrides))
    with open_dict(job):
        job.hydra.job.id = str(number)
        job.hydra.job.num = number
    return job


def _checked(jobs: Sequence[DictConfig]) -> list[RunConfig]:
    """Every job as a RunConfig.  Raises ConfigError with the first complaint and how many jobs share it."""
    runs, complaints = [], Counter()
    for job in jobs:
        try:
            runs.append(from_node(job))
        except ConfigError as error:
            complaints[str(error)] += 1
    if complaints:
        complaint, n_jobs = complaints.most_common(1)[0]
        others = f", and {len(complaints) - 1} other complaints" if len(complaints) > 1 else ""
        raise ConfigError(f"{complaint} ({n_jobs} of {len(jobs)} runs{others}; nothing was trained)")
    return runs


def _describe(folder: Path, config: DictConfig, runs: Sequence[RunConfig]) -> None:
    """study.json: what was asked, and which runs belong to the answer."""
    file = places.EXPERIMENTS / f"{config.study}.yaml"
    description = {
        "schema": 1,
        "study": config.study,
        "question": config.question,
        "source": config.source,
        "command": command(),
        "study_sha256": hashlib.sha256(file.read_bytes()).hexdigest() if file.is_file() else None,
        "expected": list(dict.fromkeys(run.folder for run in runs)),
    }
    write_text(folder / "study.json", to_json(description))


def _train(
    context: HydraContext, jobs: Sequence[DictConfig], runs: Sequence[RunConfig], folder: Path, workers: Workers
) -> list[JobReturn]:
    """Train all runs in packs; Hydra runs each job, which writes its record, as soon as its pack is done."""
    places_of: dict[str, list[int]] = {}  # the same run asked for twice is trained once
    for place, run in enumerate(runs):
        places_of.setdefault(run.run_id, []).append(place)
    firsts = [places[0] for places in places_of.values()]
    packs = plan([runs[i] for i in firsts], workers.n_workers)
    print(f"{len(firsts)} runs in {len(packs)} packs on {workers.n_workers} workers -> {folder}", flush=True)
    returns: dict[int, JobReturn] = {}
    n_done: Counter[str] = Counter()
    for pack, results, wall_s in workers.compute([runs[i] for i in firsts], packs, jobs[0].device):
        for number, result in zip(pack, results, strict=True):
            n_done["diverged" if result.diverged else result.status] += 1
            for place in places_of[runs[firsts[number]].run_id]:
                circumstances = {"pack_wall_s": wall_s, "pack_width": len(pack)}
                returns[place] = _run_job(context, jobs[place], runs[place], result, circumstances)
        counts = ", ".join(f"{n} {what}" for what, n in n_done.items() if what != "completed")
        print(f"  {n_done.total()}/{len(firsts)} runs{', ' if counts else ''}{counts}", flush=True)
    return [returns[place] for place in range(len(runs))]


def _count_failures(returns: Sequence[JobReturn], folder: Path) -> None:
    """Sweepers raise the first failure they meet; let it speak for all."""
    failed = [job for job in returns if job.status is JobStatus.FAILED]
    for job in failed:
        reason = job._return_value
        job.return_value = RunFailed(f"{len(failed)} of {len(returns)} runs failed ({reason}); see {folder}/*/run.json")


def _run_job(
    context: HydraContext, job: DictConfig, run: RunConfig, result: RunResult, circumstances: dict[str, object]
) -> JobReturn:
    def task(_: DictConfig) -> float:
        save(run, result, Path(HydraConfig.get().runtime.output_dir), circumstances)
        if result.status == "failed":
            raise RunFailed(last_line(result))
        return objective(result)

    return run_job(
        hydra_context=context,
        task_function=task,
        config=job,
        job_dir_key="hydra.sweep.dir",
        job_subdir_key="hydra.sweep.subdir",
    )
