"""What the packed launcher does: check every run, find what is there already, train the rest in packs, report."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn, configure_log, setup_globals
from omegaconf import DictConfig, OmegaConf

from hydra_plugins.rnnlab_packed._compose import Composer, Job
from hydra_plugins.rnnlab_packed._jobs import PackedJobReturn, run_one_by_one, run_with_callbacks, write_hydra_files
from rnnlab.checkpoints import forget
from rnnlab.config import RunConfig, check_surroundings, from_node
from rnnlab.options import ConfigError, check_choice
from rnnlab.records import RUN
from rnnlab.report import write_report
from rnnlab.sweep import FAILED, study
from rnnlab.sweep.engine import LocalEngine, Pack
from rnnlab.sweep.execute import Delivery, Execution
from rnnlab.sweep.jobs import RunFailed, objective, provenance
from rnnlab.sweep.machine import available_cores, half_of_memory_gb
from rnnlab.sweep.planner import Plan, plan
from rnnlab.sweep.progress import Progress

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher

Ending = tuple[float, bool]  # the objective, and whether the run failed
RUN_FOLDER = "${run_folder:}"


def launch(launcher: PackedLauncher, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
    """One JobReturn per job, in order.  Nothing trains before every run has been checked."""
    setup_globals()
    configure_log(launcher.config.hydra.hydra_logging, launcher.config.hydra.verbose)
    composer = Composer(launcher.hydra_context.config_loader, launcher.config)
    if not trains_rnnlab_runs(launcher):
        return run_one_by_one(launcher, composer, job_overrides, initial_job_idx)
    check_surroundings(launcher.config)
    _check_options(launcher)
    return _Sweep(launcher, composer).launch(job_overrides, initial_job_idx)


def trains_rnnlab_runs(launcher: PackedLauncher) -> bool:
    return getattr(launcher.task_function, "trains_rnnlab_runs", False)


def _check_options(launcher: PackedLauncher) -> None:
    options = launcher.options
    check_choice("hydra.launcher.redo", options.redo, ("missing", "failed", "all"))
    for name, value, least in (
        ("n_workers", options.n_workers, 1),
        ("memory_gb", options.memory_gb, 0.01),
        ("checkpoint_s", options.checkpoint_s, 0.0),
    ):
        if value is not None and not value >= least:
            raise ConfigError(f"hydra.launcher.{name}: {value}; must be at least {least}")
    subdir = OmegaConf.to_container(launcher.config.hydra.sweep)["subdir"]
    if subdir != RUN_FOLDER:
        raise ConfigError(f"hydra.sweep.subdir: {subdir!r}; must stay {RUN_FOLDER!r}, a run is known by its folder")


class _Sweep:
    """One batch of jobs on its way to records."""

    def __init__(self, launcher: PackedLauncher, composer: Composer):
        self.launcher, self.composer, self.options = launcher, composer, launcher.options
        self.folder = Path(launcher.config.hydra.sweep.dir)
        self.n_workers = launcher.options.n_workers or available_cores()

    def launch(self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int) -> list[JobReturn]:
        engine = None if self.options.dry_run else LocalEngine(self.n_workers)  # imports torch while this composes
        jobs = [self.composer.compose(o, initial_job_idx + n) for n, o in enumerate(job_overrides)]
        runs = _checked(jobs, self.launcher.config)
        unique = list({run.run_id: run for run in runs}.values())  # a run asked for twice is computed once
        with study.locked(self.folder):
            done = study.already_done(self.folder, unique, self.options.redo)
            planned = self._plan([run for run in unique if run.run_id not in done])
            if engine is None:
                print(planned.describe(n_done=len(done), n_workers=self.n_workers, folder=self.folder))
                return [PackedJobReturn(job, self.folder, None, failed=False) for job in jobs]
            experiment = self.launcher.config.hydra.runtime.choices.get("experiment")
            study.describe(self.folder, self.launcher.config, experiment, self.launcher.all_runs or unique)
            if self.options.redo == "all":
                forget(self.folder / study.CHECKPOINTS, {run.run_id for run in unique}, also_in_part=True)
            endings = {run_id: _ending(record) for run_id, record in done.items()}
            try:
                with closing(engine):
                    endings |= self._compute(planned, engine, jobs, runs, n_done=len(done))
            finally:
                if self.options.report:
                    self._report()
        FAILED.extend(str(self.folder / run.folder) for run in unique if endings[run.run_id][1])
        return [
            PackedJobReturn(job, self.folder / run.folder, *endings[run.run_id])
            for job, run in zip(jobs, runs, strict=True)
        ]

    def _plan(self, runs: Sequence[RunConfig]) -> Plan:
        return plan(runs, self.n_workers, self.options.memory_gb or half_of_memory_gb())

    def _compute(
        self, planned: Plan, engine: LocalEngine, jobs: Sequence[Job], runs: Sequence[RunConfig], n_done: int
    ) -> dict[str, Ending]:
        """Compute the packs and write each run's files as it comes in; run_id -> how it ended."""
        jobs_of: dict[str, list[Job]] = {}
        for job, run in zip(jobs, runs, strict=True):
            jobs_of.setdefault(run.run_id, []).append(job)
        checkpoints = self.folder / study.CHECKPOINTS
        packs = [
            Pack(pack, self.launcher.config.device, checkpoints, self.options.checkpoint_s) for pack in planned.packs
        ]
        endings: dict[str, Ending] = {}
        execution = Execution(packs, engine)

        def take(delivery: Delivery) -> None:
            self._write(delivery, jobs_of[delivery.run.run_id])
            finished = delivery.finished
            endings[delivery.run.run_id] = (finished.objective, finished.status == "failed")
            progress.add(delivery)

        with Progress(planned, n_done, self.folder) as progress:
            try:
                for delivery in execution.deliveries():
                    if delivery is None:
                        progress.tick()
                    else:
                        take(delivery)
            except KeyboardInterrupt:
                for delivery in execution.undelivered():
                    take(delivery)
                raise
            finally:
                forget(checkpoints, endings.keys(), also_in_part=False)
        return endings

    def _write(self, delivery: Delivery, jobs: Sequence[Job]) -> None:
        """Write a run's folder.  Raises RunFailed when that cannot be done: then there is no point in going on."""
        folder = self.folder / delivery.run.folder
        circumstances = {"pack_wall_s": delivery.pack_wall_s, "pack_width": delivery.pack_width}
        circumstances["device"] = self.launcher.config.device
        try:
            if self.launcher.hydra_context.callbacks.callbacks:
                for job in jobs:
                    run_with_callbacks(self.launcher, job, delivery, provenance() | circumstances)
            else:  # asked for by several jobs, it is the last one's .hydra/ that stays
                write_hydra_files(jobs[-1], folder)
                delivery.finished.write(folder, provenance() | circumstances)
        except OSError as error:
            raise RunFailed(
                f"{error.filename or folder}: cannot be written ({error.strerror}); the sweep has stopped, what was "
                "finished before is kept, and the same command goes on from there"
            ) from error

    def _report(self) -> None:
        """Report on what is there, however the sweep came to its end."""
        if not any(self.folder.glob(f"*/{RUN}")):
            return
        try:
            print(f"report: {write_report(self.folder)}", flush=True)
        except Exception as error:  # the records are what counts: rnnlab-report can be run again at any time
            print(f"rnnlab: no report ({error}); try: rnnlab-report {self.folder}", file=sys.stderr)


def _ending(record: Mapping[str, Any]) -> Ending:
    return objective(record["status"], record["diverged"], record["metrics"]), record["status"] == "failed"


def check(launcher: PackedLauncher, job_overrides: Sequence[Sequence[str]]) -> list[RunConfig]:
    """The runs of jobs that will come in several batches.  Raises what Hydra or `launch` would raise."""
    composer = Composer(launcher.hydra_context.config_loader, launcher.config)
    jobs = [composer.compose(overrides, number) for number, overrides in enumerate(job_overrides)]
    return _checked(jobs, launcher.config) if trains_rnnlab_runs(launcher) else []


def _checked(jobs: Sequence[Job], master: DictConfig) -> list[RunConfig]:
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
