"""A sweep as one call: find what is done already, plan packs, compute them, write each run, and report.

    runs = [from_node({...}), ...]                                          rnnlab.config.run
    endings = sweep(runs, Path("outputs/mine"), StudyFile("mine"))          rnnlab.records.study
    endings[run.run_id].status                                              completed, failed or cancelled

Hydra has no part in this.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from rnnlab.config.run import RunConfig
from rnnlab.records.run import RUN
from rnnlab.records.study import StudyFile, write_study_file
from rnnlab.report import write_report
from rnnlab.sweep.checks import with_runs
from rnnlab.sweep.engine import Engine, Pack
from rnnlab.sweep.engines import check_options, start_engine
from rnnlab.sweep.execute import Delivery, Execution
from rnnlab.sweep.finished import RunFailed, objective
from rnnlab.sweep.folder import CHECKPOINTS, already_done, locked
from rnnlab.sweep.interrupt import Interrupt
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.planner import Plan, plan
from rnnlab.sweep.progress import Progress
from rnnlab.sweep.provenance import command
from rnnlab.training.checkpoints import forget


@dataclass(frozen=True)
class Ending:
    """How a run of a sweep ended.  objective: its validation loss; +inf unless it completed and did not diverge."""

    folder: Path
    status: Literal["completed", "failed", "cancelled"]
    objective: float = math.inf


OnFinished = Callable[[Delivery, Path], None]  # what is done with a finished run, and the folder that belongs to it


def write_record(delivery: Delivery, folder: Path) -> None:
    """Write the record of a finished run into its folder.  Raises OSError."""
    delivery.finished.write(folder, delivery.provenance)


def sweep(
    runs: Sequence[RunConfig],
    folder: Path,
    study: StudyFile,
    *,
    device: str = "cpu",
    options: SweepOptions | None = None,
    on_finished: OnFinished = write_record,
) -> dict[str, Ending]:
    """Compute those runs that are not done yet: run_id -> how the run ended.  After a dry run it is empty.

    A run that is given twice is computed once.  folder: the study's, `folder / run.folder` the run's.  study: what
    study.json says; without expected runs it is completed with `runs` and its claims are checked.  on_finished: called
    once for each run that has been computed, in this process.

    Raises ConfigError before anything is computed, EngineError, RunFailed when on_finished cannot write, and
    KeyboardInterrupt after Ctrl-C.  Whatever it raises, what was finished before is written, and the same call
    continues from there.
    """
    options = options or SweepOptions()
    check_options(options)
    different = list({run.run_id: run for run in runs}.values())
    study = study if study.expected else with_runs(study, different)
    study = replace(study, command=study.command or command())
    with closing(start_engine(options, device, folder)) as engine:
        if options.dry_run:
            done = already_done(folder, different, options.redo)
            planned = _plan([run for run in different if run.run_id not in done], engine)
            print(planned.describe(n_done=len(done), n_workers=engine.n_workers, folder=folder))
            return {}
        with locked(folder):
            done = already_done(folder, different, options.redo)
            write_study_file(folder, study)
            if options.redo == "all":
                forget(folder / CHECKPOINTS, {run.run_id for run in different}, also_in_part=True)
            missing = [run for run in different if run.run_id not in done]
            checkpoints = folder.absolute() / CHECKPOINTS if engine.shares_folder else None
            everything = Pack(missing, device, checkpoints, options.checkpoint_s)
            try:
                computed = _compute(everything, done, engine, folder, _writing(on_finished, folder, study.command))
            finally:
                if options.report:
                    _report(folder)
    endings = {run.run_id: Ending(folder / run.folder, "cancelled") for run in different}
    endings |= {run_id: _ending(endings[run_id].folder, record) for run_id, record in done.items()}
    return endings | computed


def _plan(runs: Sequence[RunConfig], engine: Engine) -> Plan:
    return plan(runs, engine.n_workers, engine.pack_memory_gb * engine.n_workers, engine.pack_overhead_s)


def _compute(
    everything: Pack, done: Collection[str], engine: Engine, folder: Path, write: Callable[[Delivery], None]
) -> dict[str, Ending]:
    """Compute the runs of `everything`, in packs, and write each run as it arrives: run_id -> how it ended.

    Runs that somebody cancels are left out.  done: the run_ids that need not be computed.  Raises KeyboardInterrupt
    after Ctrl-C, when what has been computed is written."""
    under_way = engine.resume(everything)
    taken = {run.run_id for pack in under_way for run in pack.runs}
    planned = _plan([run for run in everything.runs if run.run_id not in taken], engine)
    packs = [replace(everything, runs=pack) for pack in planned.packs]
    execution = Execution(packs, engine, n_running=len(under_way))
    endings: dict[str, Ending] = {}

    def take(delivery: Delivery) -> None:
        write(delivery)
        run, finished = delivery.run, delivery.finished
        endings[run.run_id] = Ending(folder / run.folder, finished.status, finished.objective)
        progress.add(delivery)

    try:
        with (
            Interrupt() as interrupt,
            Progress(len(everything.runs), len(packs) + len(under_way), len(done), folder) as progress,
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
        forget(folder / CHECKPOINTS, endings.keys(), also_in_part=False)
        engine.forget({*done, *endings})
    if interrupt.requested:
        raise KeyboardInterrupt
    return endings


def _writing(on_finished: OnFinished, folder: Path, command: str) -> Callable[[Delivery], None]:
    """A function that gives on_finished the run's folder, and the provenance the name of this command.

    It raises RunFailed when on_finished cannot write: then there is no point in computing more."""

    def write(delivery: Delivery) -> None:
        place = folder / delivery.run.folder
        try:
            on_finished(replace(delivery, provenance={**delivery.provenance, "command": command}), place)
        except OSError as error:
            raise RunFailed(
                f"{error.filename or place}: cannot be written ({error.strerror}); the sweep has stopped, what was "
                "finished before is kept, and the same command goes on from there"
            ) from error

    return write


def _report(folder: Path) -> None:
    """Report on the runs that are there, however the sweep came to its end."""
    if not any(folder.glob(f"*/{RUN}")):
        return
    try:
        print(f"report: {write_report(folder)}", flush=True)
    except Exception as error:  # the records are what counts: rnnlab-report can be run again at any time
        print(f"rnnlab: no report ({error}); try: rnnlab-report {folder}", file=sys.stderr)


def _ending(folder: Path, record: Mapping[str, Any]) -> Ending:
    """How a run that was done before had ended.  record: its run.json."""
    return Ending(folder, record["status"], objective(record["status"], record["diverged"], record["metrics"]))
