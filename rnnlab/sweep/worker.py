"""What a worker does with a pack: train its runs, give up those that raise, and make their records."""

from __future__ import annotations

import math
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from rnnlab.config.run import RunConfig
from rnnlab.records.progress import forget_pack, write_pack
from rnnlab.records.run import RunResult
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.finished import FinishedRun, cannot_write, failed, finish
from rnnlab.sweep.provenance import computed_with, provenance
from rnnlab.training.checkpoints import SUFFIX, LaneState, read_checkpoints
from rnnlab.training.construction import backend_of
from rnnlab.training.loop import Checkpoints, train
from rnnlab.training.reporter import Reporter

Say = Callable[[str, str], None]  # name and text of the small file that says how far a pack is


def work_on(
    pack: Pack, say: Say | None = None, interrupted: Callable[[], bool] = lambda: False
) -> tuple[list[FinishedRun], dict[str, Any]]:
    """The runs of a pack, finished, in its order, and their provenance.

    say: takes how far the pack is; by default it is written where the pack says.  interrupted: see `Checkpoints`."""
    if say is None and pack.watched is not None:
        say = partial(write_pack, pack.watched)
    reporter = Reporter(pack.runs, say) if say else None
    try:
        return _work_on(pack, reporter, interrupted)
    finally:
        if reporter and pack.watched is not None:
            forget_pack(pack.watched, reporter.name)


def _work_on(
    pack: Pack, reporter: Reporter | None, interrupted: Callable[[], bool]
) -> tuple[list[FinishedRun], dict[str, Any]]:
    started = time.monotonic()
    computed_by = backend_of(pack.runs[0], pack.device, pack.backend)
    folder, every_s = pack.checkpoint_folder, pack.checkpoint_s
    results = compute(pack.runs, pack.device, computed_by, folder, every_s, reporter, interrupted)
    runs = [finish(run, result) for run, result in zip(pack.runs, results, strict=True)]
    circumstances = {"pack_wall_s": time.monotonic() - started, "pack_width": len(runs), "device": pack.device}
    circumstances |= computed_with(computed_by)
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        circumstances["cuda_visible_devices"] = os.environ["CUDA_VISIBLE_DEVICES"]
    origin = provenance() | circumstances
    if pack.command:
        origin |= {"command": pack.command}
    if pack.folder is not None:
        return [_written(run, done, pack, origin) for run, done in zip(pack.runs, runs, strict=True)], origin
    return runs, origin


def _written(run: RunConfig, finished: FinishedRun, pack: Pack, origin: Mapping[str, Any]) -> FinishedRun:
    """The run without its files, which are written; or with the reason why they are not."""
    assert pack.folder is not None
    folder = pack.folder / run.folder
    command = multiprocessing.parent_process()
    if command is not None and not command.is_alive():  # this process was stopped while the command was killed:
        os._exit(1)  # another command may be at work in the folder now
    try:
        finished.write(folder, origin, pack.beside.get(run.run_id))
    except OSError as error:
        return replace(finished, files={}, refusal=cannot_write(error, folder))
    return replace(finished, files={})


def compute(
    pack: Sequence[RunConfig],
    device: str,
    backend: str,
    folder: Path | None = None,
    every_s: float = math.inf,
    reporter: Reporter | None = None,
    interrupted: Callable[[], bool] = lambda: False,
) -> list[RunResult]:
    """Train a pack, from its checkpoints in `folder` where there are any, and write one every `every_s` seconds.

    When training raises, the pack is halved until the run that raises is alone; only that run has failed."""
    states = read_checkpoints(folder, [run.run_id for run in pack]) if folder else {}
    results: dict[str, RunResult] = {}
    for step, part in _by_step(pack, states).items():
        part_states = None if step is None else [states[run.run_id] for run in part]
        name = f"{part[0].run_id}-{len(part)}{SUFFIX}"
        checkpoints = Checkpoints(folder / name, every_s, interrupted) if folder else None
        try:
            found = train(part, device, backend, states=part_states, checkpoints=checkpoints, reporter=reporter)
        except Exception as error:
            middle = len(part) // 2
            if middle:  # each half continues from the latest checkpoint
                halves = (part[:middle], part[middle:])
                rest = (device, backend, folder, every_s, reporter, interrupted)
                found = [result for half in halves for result in compute(half, *rest)]
            else:
                found = [failed(part[0], error)]
        results |= {run.run_id: result for run, result in zip(part, found, strict=True)}
    return [results[run.run_id] for run in pack]


def _by_step(pack: Sequence[RunConfig], states: Mapping[str, LaneState]) -> dict[int | None, list[RunConfig]]:
    """The runs by the step of their checkpoint; None: those without one."""
    parts: dict[int | None, list[RunConfig]] = {}
    for run in pack:
        parts.setdefault(states[run.run_id].step if run.run_id in states else None, []).append(run)
    return parts
