"""The training loop: train(runs) -> one RunResult per run.  A single run is a pack of one.

A pack goes from one row of its curves to the next in three steps, for all its lanes: draw what the updates need,
compute them, judge what became of them.  A lane that diverges keeps its last finite weights, and the others continue.
When half of the lanes have stopped, the loop continues with a narrower pack.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from threadpoolctl import ThreadpoolController

from rnnlab.config.run import RunConfig
from rnnlab.records.run import RunResult
from rnnlab.training import dynamics
from rnnlab.training.checkpoints import LaneState, write_checkpoint
from rnnlab.training.construction import backend_of, program_key
from rnnlab.training.lane import Lane
from rnnlab.training.pack import Pack
from rnnlab.training.reporter import Reporter
from rnnlab.training.results import results_of


@dataclass(frozen=True)
class Checkpoints:
    """The file for the checkpoints of a pack, and the seconds between two of them.

    interrupted: whether somebody has asked for an end; then training writes a last checkpoint and raises
    KeyboardInterrupt."""

    path: Path
    every_s: float
    interrupted: Callable[[], bool] = lambda: False


def train(
    runs: Sequence[RunConfig],
    device: str = "cpu",
    backend: str = "auto",
    *,
    states: Sequence[LaneState] | None = None,
    checkpoints: Checkpoints | None = None,
    reporter: Reporter | None = None,
) -> list[RunResult]:
    """Train the runs side by side.  The compiled backend gives every run the numbers it has alone, to the last bit.

    backend: auto, compiled or torch.  states: from which to continue, one per run, all at the same step; None to begin.
    reporter: is told how far the runs are.

    Raises ValueError for runs that cannot be one pack (see `program_key`), for states of other runs, and where
    backend=compiled is impossible."""
    if len({program_key(run) for run in runs}) > 1:
        raise ValueError("the runs of a pack must share one program: see program_key")
    if states is not None and [state.run_id for state in states] != [run.run_id for run in runs]:
        raise ValueError("the states are not those of the runs")
    (chosen,) = {backend_of(run, device, backend) for run in runs}
    with _one_thread():
        lanes = [Lane.start(run) for run in runs]
        pack = _begin(lanes, device, chosen) if states is None else Pack.resume(lanes, states, device, chosen)
        results = _trained(pack, checkpoints, reporter)
    return [results[lane] for lane in lanes]


@contextmanager
def _one_thread() -> Iterator[None]:
    """numpy's linear algebra uses one thread: packs run in parallel, and its threads wait longer than they compute."""
    with _pools().limit(limits=1):
        yield


@cache
def _pools() -> ThreadpoolController:
    return ThreadpoolController()


def _begin(lanes: Sequence[Lane], device: str, backend: str) -> Pack:
    """A new pack, with the dynamics of its initial weights measured."""
    pack = Pack.begin(lanes, device, backend)
    for lane, initial in zip(lanes, dynamics.of_weights(pack.backend), strict=True):
        lane.dynamics = {f"initial_{name}": value for name, value in initial.items()}
    return pack


def _trained(pack: Pack, checkpoints: Checkpoints | None, reporter: Reporter | None) -> dict[Lane, RunResult]:
    """Train until the last step, or until every lane has stopped."""
    results: dict[Lane, RunResult] = {}
    lanes = pack.lanes
    if reporter:
        reporter.begin(lanes)
    steps, every = pack.training.steps, pack.training.eval_every
    if pack.step == 0 and (every is not None or steps == 0):
        pack.evaluate()
    written = time.monotonic()
    while pack.step < steps and pack.live:
        if pack.is_half_stopped:
            results |= results_of(pack, [lane for lane in pack.lanes if not lane.live])
            pack = pack.narrowed(pack.live)
        next_row = steps if every is None else min(steps, pack.step - pack.step % every + every)
        n = min(next_row - pack.step, pack.most_updates)
        recording = pack.step + n == next_row
        updates = pack.draw(n)
        taken = pack.backend.train(updates, recording=recording)
        pack.judge(taken, n)
        if recording:
            pack.evaluate()
        if reporter:
            reporter.update(lanes)
        if checkpoints and (checkpoints.interrupted() or time.monotonic() - written >= checkpoints.every_s):
            with suppress(OSError):  # a missing checkpoint costs time after an interruption, and nothing else
                write_checkpoint(checkpoints.path, pack.states())
            written = time.monotonic()
            if checkpoints.interrupted():
                raise KeyboardInterrupt
    return results | results_of(pack, pack.lanes)
