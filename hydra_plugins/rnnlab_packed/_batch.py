"""One batch of checked jobs: find what is there already, train the rest in packs, write the records, report."""

from __future__ import annotations

import math
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn

from hydra_plugins.rnnlab_packed._compose import Job
from hydra_plugins.rnnlab_packed._jobs import PackedJobReturn, run_with_callbacks, write_hydra_files
from rnnlab import places
from rnnlab.config.run import RunConfig
from rnnlab.records.run import RUN
from rnnlab.report import write_report
from rnnlab.sweep import study
from rnnlab.sweep.engine import Engine, Pack
from rnnlab.sweep.engines.local import LocalEngine
from rnnlab.sweep.execute import Delivery, Execution
from rnnlab.sweep.interrupt import Interrupt
from rnnlab.sweep.jobs import RunFailed, command, objective
from rnnlab.sweep.machine import available_cores, half_of_memory_gb, visible_gpus
from rnnlab.sweep.planner import Plan, plan
from rnnlab.sweep.progress import Progress
from rnnlab.training.checkpoints import forget

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher, PackedLauncherConf

Ending = tuple[float, bool]  # the objective, and whether the run failed
CANCELLED: Ending = (math.inf, True)
SLURM = ".slurm"  # the folder, below a study's, through which packs and records pass


class Batch:
    """jobs and the runs that they are, in one order; all_runs: those of the whole sweep."""

    def __init__(
        self, launcher: PackedLauncher, jobs: Sequence[Job], runs: Sequence[RunConfig], all_runs: Sequence[RunConfig]
    ):
        self.launcher, self.options = launcher, launcher.options
        self.jobs, self.runs, self.all_runs = jobs, runs, all_runs
        self.folder = Path(launcher.config.hydra.sweep.dir)

    def launch(self) -> list[JobReturn]:
        unique = list({run.run_id: run for run in self.runs}.values())  # a run asked for twice is computed once
        with closing(start_engine(self.options, self.launcher.config.device, self.folder)) as engine:
            if self.options.dry_run:
                self._describe(unique, engine)
                return [PackedJobReturn(job, self.folder, None, failed=False) for job in self.jobs]
            with study.locked(self.folder):
                endings = self._complete(unique, engine)
        self._account(unique, endings)
        return [
            PackedJobReturn(job, self.folder / run.folder, *endings.get(run.run_id, CANCELLED))
            for job, run in zip(self.jobs, self.runs, strict=True)
        ]

    def _describe(self, runs: Sequence[RunConfig], engine: Engine) -> None:
        """Say what would be computed."""
        done = study.already_done(self.folder, runs, self.options.redo)
        planned = self._plan([run for run in runs if run.run_id not in done], engine)
        print(planned.describe(n_done=len(done), n_workers=engine.n_workers, folder=self.folder))

    def _plan(self, runs: Sequence[RunConfig], engine: Engine) -> Plan:
        return plan(runs, engine.n_workers, engine.pack_memory_gb * engine.n_workers, engine.pack_overhead_s)

    def _complete(self, runs: Sequence[RunConfig], engine: Engine) -> dict[str, Ending]:
        """Compute what is missing and report on all; run_id -> how the run ended."""
        done = study.already_done(self.folder, runs, self.options.redo)
        study.describe(self.folder, self.launcher.config, self._study_file(), self.all_runs)
        if self.options.redo == "all":
            forget(self.folder / study.CHECKPOINTS, {run.run_id for run in runs}, also_in_part=True)
        try:
            computed = self._compute([run for run in runs if run.run_id not in done], engine, done)
        finally:
            if self.options.report:
                self._report()
        return {run_id: _ending(record) for run_id, record in done.items()} | computed

    def _account(self, runs: Sequence[RunConfig], endings: Mapping[str, Ending]) -> None:
        """Tell the command what it has to say at its end."""
        task = self.launcher.task_function
        for run in runs:
            folder = str(self.folder / run.folder)
            if run.run_id not in endings:
                task.cancelled.append(folder)
            elif endings[run.run_id][1]:
                task.failed.append(folder)

    def _study_file(self) -> Path | None:
        """The file of experiment=..., in rnnlab's own experiments/ or in one of the user's --config-dir."""
        runtime = self.launcher.config.hydra.runtime
        name = runtime.choices.get("experiment")
        folders = [Path(source.path, "experiment") for source in runtime.config_sources if source.schema == "file"]
        files = [folder / f"{name}.yaml" for folder in (places.EXPERIMENTS, *folders)]
        return next((file for file in files if file.is_file()), None)

    def _compute(self, runs: Sequence[RunConfig], engine: Engine, done: Collection[str]) -> dict[str, Ending]:
        """Compute the runs and write each one's files as it comes in; run_id -> how it ended.  done: what need not be.

        Raises KeyboardInterrupt after Ctrl-C, when what has been computed is written."""
        jobs_of: dict[str, list[Job]] = {}
        for job, run in zip(self.jobs, self.runs, strict=True):
            jobs_of.setdefault(run.run_id, []).append(job)
        checkpoints = self.folder.absolute() / study.CHECKPOINTS
        left_there = checkpoints if engine.shares_folder else None
        everything = Pack(runs, self.launcher.config.device, left_there, self.options.checkpoint_s)
        under_way = engine.resume(everything)
        taken = {run.run_id for pack in under_way for run in pack.runs}
        planned = self._plan([run for run in runs if run.run_id not in taken], engine)
        packs = [replace(everything, runs=pack) for pack in planned.packs]
        endings: dict[str, Ending] = {}
        execution = Execution(packs, engine, n_running=len(under_way))

        def take(delivery: Delivery) -> None:
            self._write(delivery, jobs_of[delivery.run.run_id])
            finished = delivery.finished
            endings[delivery.run.run_id] = (finished.objective, finished.status == "failed")
            progress.add(delivery)

        try:
            with (
                Interrupt() as interrupt,
                Progress(len(runs), len(packs) + len(under_way), len(done), self.folder) as progress,
            ):
                for delivery in execution.deliveries():
                    if delivery is None:
                        progress.tick()
                    else:
                        take(delivery)
                    if interrupt.requested:
                        break
                for delivery in execution.undelivered():
                    take(delivery)
        finally:
            forget(checkpoints, endings.keys(), also_in_part=False)
            engine.forget({*done, *endings})
        if interrupt.requested:
            raise KeyboardInterrupt
        return endings

    def _write(self, delivery: Delivery, jobs: Sequence[Job]) -> None:
        """Write a run's folder.  Raises RunFailed when that cannot be done: then there is no point in going on."""
        folder = self.folder / delivery.run.folder
        origin = {**delivery.provenance, "command": command()}
        try:
            if self.launcher.hydra_context.callbacks.callbacks:
                for job in jobs:
                    run_with_callbacks(self.launcher, job, delivery, origin)
            else:  # asked for by several jobs, it is the last one's .hydra/ that stays
                write_hydra_files(jobs[-1], folder)
                delivery.finished.write(folder, origin)
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


def start_engine(options: PackedLauncherConf, device: str, folder: Path) -> Engine:
    """The engine that was asked for.  Raises ConfigError when it cannot be had."""
    if options.engine == "ray":
        from rnnlab.sweep.engines.ray import RayEngine

        return RayEngine(options.ray, options.n_workers)
    if options.engine == "slurm":
        from rnnlab.sweep.engines.slurm import SlurmEngine

        return SlurmEngine(options.slurm, folder / SLURM)
    gpus = visible_gpus()[: options.gpus] if device == "cuda" else []
    n_workers = options.n_workers or len(gpus) or available_cores()
    return LocalEngine(n_workers, options.memory_gb or half_of_memory_gb(), gpus)


def _ending(record: Mapping[str, Any]) -> Ending:
    return objective(record["status"], record["diverged"], record["metrics"]), record["status"] == "failed"
