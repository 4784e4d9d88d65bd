"""The training loop: train(runs) -> one RunResult per run.  A single run is a pack of one.

Every step of a pack does three things for all its lanes: draw a batch, compute the update, judge it.  A lane that
diverges keeps its last finite weights, and the others continue.  When half of the lanes have stopped, the loop
continues with a narrower pack.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import torch

from rnnlab.config.run import RunConfig
from rnnlab.records.run import RunResult
from rnnlab.training import dynamics
from rnnlab.training.checkpoints import LaneState, write_checkpoint
from rnnlab.training.compute import compute
from rnnlab.training.lane import Lane
from rnnlab.training.pack import Pack, program_key
from rnnlab.training.results import results_of


@dataclass(frozen=True)
class Checkpoints:
    """The file for the checkpoints of a pack, and the seconds between two of them."""

    path: Path
    every_s: float


def train(
    runs: Sequence[RunConfig],
    device: str = "cpu",
    *,
    states: Sequence[LaneState] | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[RunResult]:
    """Train the runs side by side.  The numbers of every run are the same as if it ran alone, to the last bit.

    states: from which to continue, one per run, all at the same step; None to begin.
    Raises ValueError for runs that cannot be one pack (see `program_key`), and for states of other runs."""
    if len({program_key(run) for run in runs}) > 1:
        raise ValueError("the runs of a pack must share one program: see program_key")
    if states is not None and [state.run_id for state in states] != [run.run_id for run in runs]:
        raise ValueError("the states are not those of the runs")
    with _kernel_mode():
        lanes = [Lane.start(run) for run in runs]
        pack = _begin(lanes, device) if states is None else Pack.resume(lanes, states, device)
        results = _trained(pack, checkpoints)
        return [results[lane] for lane in lanes]


def _begin(lanes: Sequence[Lane], device: str) -> Pack:
    """A new pack, with the dynamics of its initial weights measured."""
    pack = Pack.begin(lanes, device)
    for slot, lane in enumerate(lanes):
        initial = dynamics.of_weights(pack.network, slot)
        lane.dynamics = {f"initial_{name}": value for name, value in initial.items()}
    return pack


def _trained(pack: Pack, checkpoints: Checkpoints | None) -> dict[Lane, RunResult]:
    """Train until the last step, or until every lane has stopped."""
    results: dict[Lane, RunResult] = {}
    steps, every = pack.training.steps, pack.training.eval_every

    def is_recorded(step: int) -> bool:
        return step == steps or (every is not None and step % every == 0)

    if pack.step == 0 and is_recorded(0):
        pack.evaluate()
    written = time.monotonic()
    while pack.step < steps and pack.live:
        if pack.is_half_stopped:
            results |= results_of(pack, [lane for lane in pack.lanes if not lane.live])
            pack = pack.narrowed(pack.live)
        recording = is_recorded(pack.step + 1)
        batch = pack.draw()
        update = compute(pack, batch, recording=recording)
        pack.judge(update)
        if recording:
            pack.evaluate()
        if checkpoints and time.monotonic() - written >= checkpoints.every_s:
            with suppress(OSError):  # a missing checkpoint costs time after an interruption, and nothing else
                write_checkpoint(checkpoints.path, pack.states())
            written = time.monotonic()
    return results | results_of(pack, pack.lanes)


@contextmanager
def _kernel_mode() -> Iterator[None]:
    """The settings of torch while a pack is trained.

    One thread: packs run in parallel, and more threads would change the order of summation.  Subnormal numbers count as
    zero: else vanishing gradients would slow products down a hundredfold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)
