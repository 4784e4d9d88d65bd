"""train(pack) -> one RunResult per run: the one training loop.  A single run is a pack of one.

The runs of a pack go through one program side by side, each with numbers of its own: weights, data, order of batches,
learning rate, clipping.  A lane that diverges stays at its last finite weights while the others go on; when half of
the lanes have stopped the pack is laid out anew without them.
"""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch

from rnnlab.activations import Activation, make_activation
from rnnlab.batches import Pool, chunk_size
from rnnlab.checkpoints import LaneState, write_checkpoint
from rnnlab.config import RunConfig
from rnnlab.evaluation import Evaluator
from rnnlab.initializers import INITIALIZERS, Fan
from rnnlab.lane import Lane
from rnnlab.losses import LOSSES
from rnnlab.network import Architecture, Network
from rnnlab.optimizers import OPTIMIZERS, Optimizer, clip_by_global_norm
from rnnlab.padding import MIN_WIDTH
from rnnlab.records import RunResult

LEAST_CHUNK = 32  # samples evaluated at once, however small the training batches
INIT_STREAM = 2  # a branch of the seed's tree of generators; 1 is the task's, 3 the order of batches


@dataclass(frozen=True)
class Checkpoints:
    """Where an unfinished pack is written down, and how often."""

    path: Path
    every_s: float


def train(
    pack: Sequence[RunConfig],
    device: str = "cpu",
    *,
    states: Sequence[LaneState] | None = None,
    checkpoints: Checkpoints | None = None,
) -> list[RunResult]:
    """Train the runs side by side.  Every run's numbers are those it would have alone, to the last bit.

    states: where the runs stand already, one per run, all at one step; None begins anew.
    Raises ValueError when the runs cannot share a program (see `program_key`)."""
    if len({program_key(run) for run in pack}) > 1:
        raise ValueError("the runs of a pack must share one program: see program_key")
    if states is not None and [state.run_id for state in states] != [run.run_id for run in pack]:
        raise ValueError("the states are not those of the runs")
    with _kernel_mode():
        return _PackTraining(pack, device, states, checkpoints).run()


def program_key(run: RunConfig) -> tuple[object, ...]:
    """Runs with equal keys can be lanes of one pack: same shapes, task, kind of optimiser and schedule.

    Activation, initialisation, every number of the optimiser, divergence limits and seed may differ."""
    return (run.task, architecture(run), run.readout, run.optimizer.name, run.training)


def architecture(run: RunConfig) -> Architecture:
    return Architecture(
        cell=run.cell.name,
        input_size=run.task.input_size,
        hidden_size=run.cell.hidden_size,
        output_size=run.task.output_size,
        num_layers=run.cell.num_layers,
        bias=run.cell.bias,
        readout_bias=run.readout.bias,
        seq_len=run.task.seq_len,
        answers=run.task.answers,
    )


def _activation(run: RunConfig) -> Activation:
    cell = run.cell
    return make_activation(cell.activation, negative_slope=cell.negative_slope, alpha=cell.alpha)


@contextmanager
def _kernel_mode() -> Iterator[None]:
    """One thread, since packs are what runs in parallel and threads would change the order of summation; numbers below
    the normal range count as zero, since vanishing gradients would else slow products down a hundredfold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)
    try:
        with torch.inference_mode():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_flush_denormal(False)


Slot = TypeVar("Slot")


class _PackTraining:
    def __init__(
        self,
        pack: Sequence[RunConfig],
        device: str,
        states: Sequence[LaneState] | None,
        checkpoints: Checkpoints | None,
    ):
        self.lanes = [Lane.start(run) for run in pack]
        slots = _slots(self.lanes)
        network = Network(architecture(pack[0]), [_activation(lane.run) for lane in slots], device=device)
        optimizer = OPTIMIZERS[pack[0].optimizer.name]([asdict(lane.run.optimizer) for lane in slots], network.flat)
        self.step = 0
        if states is None:
            for slot, lane in enumerate(slots):
                initialize(network, slot, lane.run)
        else:
            self.step = optimizer.steps = states[0].step
            for lane, state in zip(self.lanes, states, strict=True):
                lane.resume(state.lane)
            for slot, state in enumerate(_slots(states)):
                network.flat[slot] = torch.from_numpy(state.weights)
                for name, row in state.slots.items():
                    optimizer.state[name][slot] = torch.from_numpy(row)
        self.loss = LOSSES[pack[0].task.loss](pack[0].readout.activation)
        self.training = pack[0].training
        self.checkpoints = checkpoints
        self._results: dict[Lane, RunResult] = {}
        self._lay_out(self.lanes, network, optimizer)

    def _lay_out(self, lanes: Sequence[Lane], network: Network, optimizer: Optimizer) -> None:
        """Make everything whose shape depends on which lanes are in the pack."""
        self.active, self.network, self.optimizer = list(lanes), network, optimizer
        self.slots = _slots(self.active)
        self.train_pool = Pool([lane.data.train for lane in self.slots], network.flat)
        self.eval_pool = Pool([lane.data.eval for lane in self.slots], network.flat)
        a = network.architecture
        chunk = chunk_size(self.training.batch_size or self.train_pool.n_samples, a.seq_len, a.hidden_size)
        self.evaluator = Evaluator(network, self.loss, max(chunk, LEAST_CHUNK))
        self.workspace = self.evaluator.workspace if chunk >= LEAST_CHUNK else network.workspace(chunk)
        self.clip_norm = network.flat.new_tensor([lane.clip_norm for lane in self.slots])

    def run(self) -> list[RunResult]:
        if self.step == 0 and self._row_is_due():
            self._add_rows()
        written = time.monotonic()
        while self.step < self.training.steps and any(lane.live for lane in self.active):
            n_live = sum(lane.live for lane in self.active)
            if n_live <= len(self.slots) // 2 and len(self.slots) > MIN_WIDTH:
                self._retire_stopped()
            self._step()
            if self._row_is_due():
                self._add_rows()
            if self.checkpoints and time.monotonic() - written >= self.checkpoints.every_s:
                with suppress(OSError):  # without a checkpoint an interruption costs time, and nothing else
                    write_checkpoint(self.checkpoints.path, self._states())
                written = time.monotonic()
        self._finish(self.active)
        return [self._results[lane] for lane in self.lanes]

    def _row_is_due(self) -> bool:
        every = self.training.eval_every
        return self.step == self.training.steps or (every is not None and self.step % every == 0)

    def _states(self) -> list[LaneState]:
        """Where the lanes of the pack stand."""
        weights = self.network.flat.numpy(force=True)
        slots = {name: slot.numpy(force=True) for name, slot in self.optimizer.state.items()}
        return [
            LaneState(lane.run.run_id, self.step, weights[n], {k: v[n] for k, v in slots.items()}, lane.progress())
            for n, lane in enumerate(self.active)
        ]

    def _step(self) -> None:
        """One update of every live lane."""
        drawn = {lane: lane.order.next() for lane in self.active}
        indices = torch.from_numpy(np.stack([drawn[lane] for lane in self.slots])).to(self.network.flat.device)
        n_samples = indices.shape[1]
        losses = 0
        for n, chunk in enumerate(self.train_pool.chunks(indices, self.workspace.batch_size)):
            n_answers = n_samples * (chunk.sample_weight.numel() // self.workspace.batch_size)
            loss, dz = self.loss(self.workspace.forward(chunk.x), chunk.target, chunk.sample_weight)
            self.workspace.backward(dz.div_(n_answers), accumulate=n > 0)
            losses = losses + loss.double() / n_answers
        grads = self.workspace.gather_grads()
        norms = torch.linalg.vector_norm(grads, dim=1)
        if any(lane.clip_norm < math.inf for lane in self.active):
            clip_by_global_norm(grads, norms, self.clip_norm)
        update = self.optimizer.update(grads)
        largest = update.abs().amax(1)  # torch's infinity norm takes twenty times as long
        watched = torch.stack([losses, norms.double(), largest.double()]).numpy(force=True)
        for lane, (loss, grad_norm, largest_update) in zip(self.active, watched.T.tolist(), strict=False):
            if lane.live:
                lane.watch(loss, grad_norm, largest_update)
        stopped = [slot for slot, lane in enumerate(self.slots) if not lane.live]
        if stopped:
            update[stopped] = 0
        self.network.flat.sub_(update)
        self.step += 1

    def _add_rows(self) -> None:
        train, eval_ = self.evaluator.mean_loss(self.train_pool), self.evaluator.mean_loss(self.eval_pool)
        for lane, train_loss, eval_loss in zip(self.active, train.tolist(), eval_.tolist(), strict=False):
            if lane.live:
                lane.add_row(train_loss, eval_loss)

    def _retire_stopped(self) -> None:
        """Finish the lanes that have stopped, and go on with the others in a narrower pack."""
        self._finish([lane for lane in self.active if not lane.live])
        live = [lane for lane in self.active if lane.live]
        places = self._places(live)
        network = self.network.select(places)
        self._lay_out(live, network, self.optimizer.select(places, network.flat))

    def _places(self, lanes: Sequence[Lane]) -> list[int]:
        """Where the slots of a pack of these lanes are found in the pack as it is."""
        return [self.active.index(lane) for lane in _slots(lanes)]

    def _finish(self, lanes: Sequence[Lane]) -> None:
        """Look at the trained networks once more and write down their results."""
        slots = _slots(lanes)
        network = self.network.select(self._places(lanes))
        evaluator = Evaluator(network, self.loss, self.evaluator.workspace.batch_size)
        if any(not lane.live for lane in lanes):
            train, eval_ = (
                evaluator.mean_loss(Pool([getattr(lane.data, split) for lane in slots], network.flat)).tolist()
                for split in ("train", "eval")
            )
            for slot, lane in enumerate(lanes):
                if not lane.live:
                    lane.add_row(train[slot], eval_[slot])
        findings = lanes[0].run.task.examine([lane.data for lane in slots], evaluator)
        for lane, finding in zip(lanes, findings, strict=False):
            self._results[lane] = lane.result(finding)


def initialize(network: Network, slot: int, run: RunConfig) -> None:
    """Draw a lane's weights.  Every matrix has a generator of its own, so that leaving out a bias, or making the
    network deeper, changes no other draw."""
    for name, weight in network.specs.items():
        kind = INITIALIZERS[getattr(run.init, weight.role)]
        scale = getattr(run.init, f"{weight.role}_scale")
        branch = np.random.SeedSequence(run.seed, spawn_key=(INIT_STREAM, zlib.crc32(name.encode())))
        fan = Fan(weight.fan_in, weight.fan_out, run.cell.hidden_size)
        network.set_weight(slot, name, scale * kind(np.random.default_rng(branch), fan))


def _slots(lanes: Sequence[Slot]) -> list[Slot]:
    """The lanes with a pack of one filled up by its own double: see padding.py"""
    return [*lanes, *lanes[:1] * (MIN_WIDTH - len(lanes))]
