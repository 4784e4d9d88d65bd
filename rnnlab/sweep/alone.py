"""One run by itself: trained in this process, with a bar, and from the checkpoint of a command that was stopped."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

from rnnlab.config.run import RunConfig
from rnnlab.records.progress import at_work, read_packs
from rnnlab.records.run import RUN
from rnnlab.sweep.displays import Display
from rnnlab.sweep.done import refuse_other_versions
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.finished import FinishedRun, RunFailed
from rnnlab.sweep.folder import CHECKPOINTS, locked_for_a_moment
from rnnlab.sweep.interrupt import Interrupt
from rnnlab.sweep.progress import Looks
from rnnlab.sweep.reckoning import Reckoning, duration
from rnnlab.sweep.worker import work_on
from rnnlab.training.checkpoints import forget


def run_alone(
    run: RunConfig,
    folder: Path,
    device: str,
    backend: str,
    command: str = "",
    *,
    checkpoint_s: float = math.inf,
    display: Display | None = None,
) -> FinishedRun:
    """Train a run as a pack of one and write its record.  command: for its provenance; by default this process's.

    The run goes on from its checkpoint, if there is one.  checkpoint_s: seconds between two checkpoints.  After Ctrl-C
    a last one is written, and KeyboardInterrupt is raised.  display: shows how far the run is.

    Raises RunFailed after the record of a failed run, and ConfigError where a record of another version is there."""
    refuse_other_versions(folder)
    is_in_a_study = folder.name == run.folder
    study = folder.absolute().parent if is_in_a_study else folder.absolute()
    checkpoints = study / CHECKPOINTS
    pack = Pack([run], device, backend, checkpoints, checkpoint_s, watched=study, command=command)
    with at_work(study, is_sweep=False), Interrupt() as interrupt:
        with _shown(run, study, display) if display else nullcontext():
            (finished,), origin = work_on(pack, interrupted=lambda: interrupt.requested)
        with locked_for_a_moment(study) if is_in_a_study else nullcontext():
            finished.write(folder, origin)
        if finished.status == "completed":
            forget(checkpoints, {run.run_id}, also_in_part=False)
    if interrupt.requested:
        raise KeyboardInterrupt
    if finished.status == "failed":
        raise RunFailed(f"the run failed: {finished.summary}; its traceback is in {folder / RUN}")
    return finished


@contextmanager
def _shown(run: RunConfig, study: Path, display: Display) -> Iterator[None]:
    """A block in which the display has the steps of the run.  They are read as those of any worker are."""
    started = time.monotonic()
    reckoning = Reckoning({run.run_id: 1.0}, started)
    line = "about to start"

    def look() -> None:
        nonlocal line
        packs = [pack for pack in read_packs(study, curves=True) if pack.runs[0].run_id == run.run_id]
        reckoning.see(packs, now := time.monotonic())
        for pack in packs:
            parts = [f"step {pack.runs[0].step:,} of {pack.steps:,}"]
            if losses := pack.curves.get(run.run_id, {}).get("eval_loss"):
                parts.append(f"eval_loss {losses[-1]:.4g}")
            if (left_s := reckoning.left_s(now)) is not None:
                parts.append(f"{duration(left_s)} left")
            line = ", ".join(parts)
        if packs:
            display.show(line, reckoning.share)

    try:
        with Looks(look):
            yield
    except BaseException:
        display.show(line, reckoning.share, last=True)
        raise
    display.show(f"done, after {duration(time.monotonic() - started)}", 1.0, last=True)
