"""One batch of checked jobs: find what is there already, train the rest in packs, write the records, report."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hydra.core.utils import JobReturn

from hydra_plugins.rnnlab_packed._compose import Job
from hydra_plugins.rnnlab_packed._jobs import PackedJobReturn, run_with_callbacks, write_hydra_files
from rnnlab import places
from rnnlab.checkpoints import forget
from rnnlab.config import RunConfig
from rnnlab.records import RUN
from rnnlab.report import write_report
from rnnlab.sweep import study
from rnnlab.sweep.engine import Engine, Pack
from rnnlab.sweep.engines.local import LocalEngine
from rnnlab.sweep.execute import Delivery, Execution
from rnnlab.sweep.interrupt import Interrupt
from rnnlab.sweep.jobs import RunFailed, objective, provenance
from rnnlab.sweep.machine import available_cores, half_of_memory_gb
from rnnlab.sweep.planner import Plan, plan
from rnnlab.sweep.progress import Progress

if TYPE_CHECKING:
    from hydra_plugins.rnnlab_packed.packed_launcher import PackedLauncher

Ending = tuple[float, bool]  # the objective, and whether the run failed


class Batch:
    """jobs and the runs that they are, in one order; all_runs: those of the whole sweep."""

    def __init__(
        self, launcher: PackedLauncher, jobs: Sequence[Job], runs: Sequence[RunConfig], all_runs: Sequence[RunConfig]
    ):
        self.launcher, self.options = launcher, launcher.options
        self.jobs, self.runs, self.all_runs = jobs, runs, all_runs
        self.folder = Path(launcher.config.hydra.sweep.dir)
        self.n_workers = launcher.options.n_workers or available_cores()

    def launch(self) -> list[JobReturn]:
        unique = list({run.run_id: run for run in self.runs}.values())  # a run asked for twice is computed once
        if self.options.dry_run:
            done = study.already_done(self.folder, unique, self.options.redo)
            planned = self._plan([run for run in unique if run.run_id not in done])
            print(planned.describe(n_done=len(done), n_workers=self.n_workers, folder=self.folder))
            return [PackedJobReturn(job, self.folder, None, failed=False) for job in self.jobs]
        with study.locked(self.folder):
            done = study.already_done(self.folder, unique, self.options.redo)
            planned = self._plan([run for run in unique if run.run_id not in done])
            study.describe(self.folder, self.launcher.config, self._study_file(), self.all_runs)
            if self.options.redo == "all":
                forget(self.folder / study.CHECKPOINTS, {run.run_id for run in unique}, also_in_part=True)
            endings = {run_id: _ending(record) for run_id, record in done.items()}
            try:
                with closing(LocalEngine(self.n_workers)) as engine:
                    endings |= self._compute(planned, engine, n_done=len(done))
            finally:
                if self.options.report:
                    self._report()
        failed = [str(self.folder / run.folder) for run in unique if endings[run.run_id][1]]
        self.launcher.task_function.failed.extend(failed)
        return [
            PackedJobReturn(job, self.folder / run.folder, *endings[run.run_id])
            for job, run in zip(self.jobs, self.runs, strict=True)
        ]

    def _study_file(self) -> Path | None:
        """The file of experiment=..., in rnnlab's own experiments/ or in one of the user's --config-dir."""
        runtime = self.launcher.config.hydra.runtime
        name = runtime.choices.get("experiment")
        folders = [Path(source.path, "experiment") for source in runtime.config_sources if source.schema == "file"]
        files = [folder / f"{name}.yaml" for folder in (places.EXPERIMENTS, *folders)]
        return next((file for file in files if file.is_file()), None)

    def _plan(self, runs: Sequence[RunConfig]) -> Plan:
        return plan(runs, self.n_workers, self.options.memory_gb or half_of_memory_gb())

    def _compute(self, planned: Plan, engine: Engine, n_done: int) -> dict[str, Ending]:
        """Compute the packs and write each run's files as it comes in; run_id -> how it ended.

        Raises KeyboardInterrupt after Ctrl-C, when what has been computed is written."""
        jobs_of: dict[str, list[Job]] = {}
        for job, run in zip(self.jobs, self.runs, strict=True):
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

        try:
            with Interrupt() as interrupt, Progress(planned, n_done, self.folder) as progress:
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
        if interrupt.requested:
            raise KeyboardInterrupt
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
