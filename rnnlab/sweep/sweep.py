"""A sweep as one call: find what is done already, plan packs, compute them, write each run, and report.

    runs = [from_node({...}), ...]                                          rnnlab.config.parse
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
from functools import partial
from pathlib import Path
from typing import Literal

from rnnlab.config.run import RunConfig
from rnnlab.options import counted
from rnnlab.records.checked import Ended
from rnnlab.records.files import write_text
from rnnlab.records.progress import CommandProgress, at_work, cleared, tell
from rnnlab.records.run import RUN
from rnnlab.records.study import StudyFile, read_study_file, write_study_file
from rnnlab.report import write_report
from rnnlab.sweep.backend import check_backend, expected_backend, say_if_computed_otherwise
from rnnlab.sweep.checks import with_runs
from rnnlab.sweep.done import already_done, check_study_of
from rnnlab.sweep.engine import Engine, Pack
from rnnlab.sweep.engines import check_options, start_engine
from rnnlab.sweep.execute import Delivery, Execution
from rnnlab.sweep.finished import RunFailed, cannot_write, objective
from rnnlab.sweep.folder import CHECKPOINTS, forget_finished, locked, say_what_code_has_changed
from rnnlab.sweep.interrupt import Interrupt
from rnnlab.sweep.memory import check_memory
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.planner import Plan, plan
from rnnlab.sweep.progress import Progress
from rnnlab.sweep.prospects import describe, expected_of, say_what_cannot_be_decided
from rnnlab.sweep.provenance import command
from rnnlab.training.checkpoints import forget


@dataclass(frozen=True)
class Ending:
    """How a run of a sweep ended.  objective: its validation loss; +inf unless it completed and did not diverge."""

    folder: Path
    status: Literal["completed", "failed", "cancelled"]
    objective: float = math.inf


def not_completed(endings: Collection[Ending]) -> list[str]:
    """Which runs of a sweep have not completed, a line for a person for each reason."""
    cancelled = [ending for ending in endings if ending.status == "cancelled"]
    failed = [ending for ending in endings if ending.status == "failed"]
    lines = [f"{counted(len(cancelled), 'run')} cancelled; the same command computes the rest"] if cancelled else []
    if failed:
        lines.append(f"{counted(len(failed), 'run')} failed; tracebacks are in {failed[0].folder / RUN} and the like")
    return lines


OnFinished = Callable[[Delivery, Path], None]  # what is done with a finished run, and the folder that belongs to it
Beside = Callable[[RunConfig, Path], Mapping[str, str]]  # files beside the record of a run, relative path -> text


def write_record(delivery: Delivery, folder: Path) -> None:
    """Write the record of a finished run into its folder.  Raises OSError."""
    delivery.finished.write(folder, delivery.provenance)


def no_files(run: RunConfig, folder: Path) -> Mapping[str, str]:
    return {}


def sweep(
    runs: Sequence[RunConfig],
    folder: Path,
    study: StudyFile,
    *,
    device: str = "cpu",
    backend: str = "auto",
    options: SweepOptions | None = None,
    files: Mapping[str, str] | None = None,
    beside: Beside = no_files,
    on_finished: OnFinished | None = None,
) -> dict[str, Ending]:
    """Compute those runs that are not done yet: run_id -> how the run ended.  After a dry run it is empty.

    A run that is given twice is computed once.  folder: the study's, `folder / run.folder` the run's.  study: what
    study.json says; without expected runs it is completed with `runs` and its claims are checked.

    files: what else stands beside study.json, name -> text.  beside: gives the files that belong beside a run's
    record.  on_finished: called once for each run that has been computed, in this process; it writes the record.
    Without it the workers write the records, or this process does.

    Raises ConfigError before anything is computed, EngineError, RunFailed when on_finished cannot write, and
    KeyboardInterrupt after Ctrl-C.  Whatever it raises, what was finished before is written, and the same call
    continues from there.
    """
    options = options or SweepOptions()
    check_options(options)
    different = list({run.run_id: run for run in runs}.values())
    check_backend(different, device, backend)
    study = study if study.expected else with_runs(study, different)
    study = replace(study, command=study.command or command())
    expected = expected_of(study, different)
    if study.looks is None or len(study.looks.taken) < 2:  # later looks need not say it again
        say_what_cannot_be_decided(expected)
    with cleared(folder), closing(start_engine(options, device, folder)) as engine:
        check_memory(different, device, options.memory_gb if options.engine == "local" else engine.pack_memory_gb)
        if options.dry_run:
            done = already_done(folder, different, options.redo).done
            planned = _plan(Pack([run for run in different if run.run_id not in done], device, backend), engine)
            print(planned.describe(n_done=len(done), n_workers=engine.n_workers, folder=folder))
            if expected:
                print(describe(expected))
            return {}
        with locked(folder), at_work(folder):
            found = already_done(folder, different, options.redo)
            done = found.done
            check_study_of(folder)
            for name, text in (files or {}).items():
                write_text(folder / name, text)
            write_study_file(folder, _with_earlier_plans(folder, study))
            forget_finished(folder)
            if options.redo == "all":
                forget(folder / CHECKPOINTS, {run.run_id for run in different}, also_in_part=True)
            missing = [run for run in different if run.run_id not in done]
            checkpoints = folder.absolute() / CHECKPOINTS if engine.shares_folder else None
            watched = folder.absolute() if engine.shares_folder else None
            everything = Pack(missing, device, backend, checkpoints, options.checkpoint_s, watched=watched)
            found.set_aside(folder, missing)
            if missing:
                say_what_code_has_changed(folder, missing)
                say_if_computed_otherwise(folder, [run for run in different if run.run_id in done], device, backend)
            try:
                computed = _compute(everything, done, engine, folder, Writing(study.command, beside, on_finished))
            finally:
                tell(folder, CommandProgress(over=True))
                if options.report:
                    report_on(folder)
    endings = {run.run_id: Ending(folder / run.folder, "cancelled") for run in different}
    endings |= {run_id: _ending(endings[run_id].folder, record) for run_id, record in done.items()}
    return endings | computed


@dataclass(frozen=True)
class Writing:
    """How records get to their folders.  command: for their provenance."""

    command: str
    beside: Beside
    on_finished: OnFinished | None

    def by_worker(self, pack: Pack, folder: Path) -> Pack:
        """The pack with what a worker needs to write the records of its runs into the study's folder."""
        beside = {run.run_id: self.beside(run, folder / run.folder) for run in pack.runs}
        return replace(pack, folder=folder, beside=beside, command=self.command)

    def take(self, delivery: Delivery, folder: Path, written: bool) -> None:
        """See that the record of a delivered run is written.  Raises RunFailed: then there is no point in computing
        more."""
        if delivery.finished.refusal:
            raise RunFailed(delivery.finished.refusal)
        if written and not delivery.finished.files:
            return
        delivery = replace(delivery, provenance={**delivery.provenance, "command": self.command})
        place = folder / delivery.run.folder
        try:
            if self.on_finished:
                self.on_finished(delivery, place)
            else:
                beside = self.beside(delivery.run, place.absolute())
                delivery.finished.write(place, delivery.provenance, beside)
        except OSError as error:
            raise RunFailed(cannot_write(error, place)) from error


def _plan(everything: Pack, engine: Engine) -> Plan:
    def backend_of(run: RunConfig) -> str:
        return expected_backend(run, everything.device, everything.backend)

    memory_gb = engine.pack_memory_gb * engine.n_workers
    return plan(everything.runs, engine.n_workers, memory_gb, engine.pack_overhead_s, backend_of, everything.device)


def _compute(
    everything: Pack, done: Collection[str], engine: Engine, folder: Path, writing: Writing
) -> dict[str, Ending]:
    """Compute the runs of `everything`, in packs, and write each run as it arrives: run_id -> how it ended.

    Runs that somebody cancels are left out.  done: the run_ids that need not be computed.  Raises KeyboardInterrupt
    after Ctrl-C, when what has been computed is written."""
    under_way = engine.resume(everything)
    taken = {run.run_id for pack in under_way for run in pack.runs}
    left = replace(everything, runs=[run for run in everything.runs if run.run_id not in taken])
    planned = _plan(left, engine)
    packs = [replace(everything, runs=pack) for pack in planned.packs]
    by_workers = engine.writes_records and writing.on_finished is None
    prepare = partial(writing.by_worker, folder=folder.absolute()) if by_workers else lambda pack: pack
    execution = Execution(packs, engine, n_running=len(under_way), prepare=prepare)
    endings: dict[str, Ending] = {}

    def take(delivery: Delivery) -> None:
        writing.take(delivery, folder, written=by_workers)
        run, finished = delivery.run, delivery.finished
        endings[run.run_id] = Ending(folder / run.folder, finished.status, finished.objective)
        progress.add(delivery)

    try:
        with (
            Interrupt() as interrupt,
            Progress(everything.runs, len(packs) + len(under_way), len(done), folder) as progress,
        ):
            for delivery in execution.deliveries():
                if delivery is not None:
                    take(delivery)
                if interrupt.requested:
                    break
            for delivery in execution.undelivered():
                take(delivery)
    finally:
        forget_finished(folder)  # what has failed goes on from its checkpoint with redo=failed
        engine.forget({*done, *endings})
    if interrupt.requested:
        raise KeyboardInterrupt
    return endings


def _with_earlier_plans(folder: Path, study: StudyFile) -> StudyFile:
    """The study with the plans that it had when the first of its runs was computed, and later."""
    previous, _ = read_study_file(folder)
    has_data = any((folder / name / RUN).is_file() for name in previous.expected)
    return study.after(previous) if has_data else study


def report_on(folder: Path) -> None:
    """Report on the runs that are there, however the sweep came to its end."""
    if not any(folder.glob(f"*/{RUN}")):
        return
    try:
        print(f"report: {write_report(folder)}", flush=True)
    except Exception as error:  # the records are what counts: rnnlab-report can be run again at any time
        print(f"rnnlab: no report ({error}); try: rnnlab-report {folder}", file=sys.stderr)


def _ending(folder: Path, how: Ended) -> Ending:
    """How a run that was done before had ended."""
    return Ending(folder, how.status, objective(how.status, how.diverged, how.eval_loss))
