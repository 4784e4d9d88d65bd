"""train(pack) -> one RunResult per run: the one training loop.  A single run is a pack of one.

The runs of a pack go through one program side by side, each with numbers of its own: weights, data, order of batches,
learning rate, clipping.  A lane that diverges stays at its last finite weights while the others go on; when half of
the lanes have stopped the pack is laid out anew without them.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rnnlab.config.run import RunConfig
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.network import Network
from rnnlab.nets.optimizers import Optimizer, clip_by_global_norm, clip_by_value
from rnnlab.nets.padding import MIN_WIDTH
from rnnlab.records.run import RunResult
from rnnlab.training import diagnostics, dynamics
from rnnlab.training.batches import Chunk, Pool, chunk_size
from rnnlab.training.checkpoints import LaneState, write_checkpoint
from rnnlab.training.construction import architecture, initialize, make_network, make_optimizer
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane
from rnnlab.training.randomness import add_gradient_noise, dropout_factors, drops

LEAST_CHUNK = 32  # samples evaluated at once, however small the training batches


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
    drops = (run.cell.dropout > 0, run.readout.dropout > 0)
    return (run.task, architecture(run), run.readout.activation, drops, run.optimizer.name, run.training)


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
        runs = [lane.run for lane in _slots(self.lanes)]
        network = make_network(runs, device)
        optimizer = make_optimizer(runs, network)
        self.step = 0
        self.task, self.training = pack[0].task, pack[0].training
        self.loss = LOSSES[self.task.loss](pack[0].readout.activation)
        self.checkpoints = checkpoints
        self._results: dict[Lane, RunResult] = {}
        # The states that the next batch of a stream begins with: for each chunk of a batch, for each layer (R, C, H).
        self.carried: list[list[Tensor]] = []
        if states is None:
            for slot, run in enumerate(runs):
                initialize(network, slot, run)
            for slot, lane in enumerate(self.lanes):
                found = dynamics.of_weights(network, slot)
                lane.dynamics = {f"initial_{name}": value for name, value in found.items()}
        else:
            self._resume(states, network, optimizer)
        self._lay_out(self.lanes, network, optimizer)

    def _lay_out(self, lanes: Sequence[Lane], network: Network, optimizer: Optimizer) -> None:
        """Make everything whose shape depends on which lanes are in the pack."""
        self.active, self.network, self.optimizer = list(lanes), network, optimizer
        self.slots = _slots(self.active)
        self.train_pool = Pool([lane.data.train for lane in self.slots], network.flat)
        self.eval_pool = Pool([lane.data.eval for lane in self.slots], network.flat)
        a = network.architecture
        self.chunk = chunk_size(self.training.batch_size or self.train_pool.n_samples, a.seq_len, a.hidden_size)
        self.evaluator = self._evaluator(network)
        self.workspace = self.evaluator.workspace if self.chunk >= LEAST_CHUNK else Workspace(network, self.chunk)
        self.clip_norm = network.flat.new_tensor([lane.clip_norm for lane in self.slots])
        self.clip_value = network.flat.new_tensor([lane.clip_value for lane in self.slots])
        recurrent = a.seq_len > 1 and any(cell.formula.recurrent for cell in self.workspace.cells)
        self.n_recurrent_layers = a.num_layers if recurrent else 0

    def _evaluator(self, network: Network) -> Evaluator:
        return Evaluator(network, self.loss, max(self.chunk, LEAST_CHUNK), carries_state=self.task.carries_state)

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

    def _row_is_due(self, step: int | None = None) -> bool:
        step, every = self.step if step is None else step, self.training.eval_every
        return step == self.training.steps or (every is not None and step % every == 0)

    def _states(self) -> list[LaneState]:
        """Where the lanes of the pack stand."""
        weights = self.network.flat.numpy(force=True)
        tensors = {name: slot.numpy(force=True) for name, slot in self.optimizer.state.items()}
        for n, states in enumerate(self.carried):
            tensors |= {f"carried.{n}.{k}": state.numpy(force=True) for k, state in enumerate(states)}
        return [
            LaneState(lane.run.run_id, self.step, weights[n], {k: v[n] for k, v in tensors.items()}, lane.progress())
            for n, lane in enumerate(self.active)
        ]

    def _resume(self, states: Sequence[LaneState], network: Network, optimizer: Optimizer) -> None:
        """Go on from where the lanes stood."""
        self.step = optimizer.steps = states[0].step
        for lane, state in zip(self.lanes, states, strict=True):
            lane.resume(state.lane)
        slots = _slots(states)
        network.flat.copy_(torch.from_numpy(np.stack([state.weights for state in slots])))
        for name in states[0].slots:
            rows = torch.from_numpy(np.stack([state.slots[name] for state in slots])).to(network.flat)
            kind, _, chunk = name.partition(".")
            if kind == "carried":  # in the order they were written: by chunk, then by layer
                while len(self.carried) <= int(chunk.split(".")[0]):
                    self.carried.append([])
                self.carried[-1].append(rows)
            else:
                optimizer.state[name].copy_(rows)

    def _step(self) -> None:
        """One update of every live lane."""
        recording = self._row_is_due(self.step + 1)
        losses, measured, through_time = self._passes(recording)
        grads = self.workspace.gather_grads()
        norms = torch.linalg.vector_norm(grads, dim=1)
        if recording:
            measured |= diagnostics.of_gradients(self.network, grads)
            self._take_note(measured, through_time)
        largest_grad = self._clip(grads, norms)
        add_gradient_noise(grads, self.slots, self.network, self.step)
        update = self.optimizer.update(grads, self.network.flat)
        largest = update.abs().amax(1)  # torch's infinity norm takes twenty times as long
        watched = torch.stack([losses, norms.double(), largest_grad.double(), largest.double()]).numpy(force=True)
        for lane, numbers in zip(self.active, watched.T.tolist(), strict=False):
            if lane.live:
                lane.watch(*numbers)
        stopped = [slot for slot, lane in enumerate(self.slots) if not lane.live]
        if stopped:
            update[stopped] = 0
        self.network.flat.sub_(update)
        self.step += 1

    def _passes(self, recording: bool) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
        """The batch forward and backward, chunk by chunk: the lanes' losses, and of a recorded step what the states
        show and the squared norms of the gradients through time, (R, layers, T)."""
        n_samples, begins, chunks = self._batch()
        carries, carried = self.task.carries_state, []
        losses, measured, through_time = 0, {}, None
        if recording and self.n_recurrent_layers:
            through_time = self.network.flat.new_zeros(len(self.slots), self.n_recurrent_layers, self.task.seq_len)
        self.workspace.start_from_zero()
        for n, chunk in enumerate(chunks):
            if carries and not begins:
                self.workspace.start_from(self.carried[n])
            n_answers = n_samples * (chunk.sample_weight.numel() // self.workspace.batch_size)
            keep = dropout_factors(self.slots, self.workspace) if drops(self.active[0]) else None
            z = self.workspace.forward(chunk.x, keep)
            loss, dz = self.loss(z, chunk.target, chunk.sample_weight)
            n_left = n_samples - n * self.workspace.batch_size
            if recording and n_left <= self.workspace.batch_size:
                measured = diagnostics.of_states(self.workspace, n_left)
            if carries:
                carried.append([state.clone() for state in self.workspace.last_states()])
            self.workspace.backward(dz.div_(n_answers), accumulate=n > 0, through_time=through_time)
            losses = losses + loss.double() / n_answers
        self.carried = carried
        return losses, measured, through_time

    def _batch(self) -> tuple[int, bool, Iterator[Chunk]]:
        """The next batch: how many samples a lane, whether streams begin with it, and its chunks."""
        begins = getattr(self.active[0].order, "begins", True)
        drawn = {lane: lane.order.next() for lane in self.active}
        batches = [drawn[lane] for lane in self.slots]
        if self.training.fresh:
            pool = Pool(batches, self.network.flat)
            indices = pool.first_indices(pool.n_samples)
        else:
            pool = self.train_pool
            indices = torch.from_numpy(np.stack(batches)).to(self.network.flat.device)
        return indices.shape[1], begins, pool.chunks(indices, self.workspace.batch_size)

    def _take_note(self, measured: dict[str, Tensor], through_time: Tensor | None) -> None:
        """Hand what was measured at this step to its lanes."""
        numbers = {name: values.tolist() for name, values in measured.items()}
        norms = through_time.sqrt().tolist() if through_time is not None else None
        for n, lane in enumerate(self.active):
            if lane.live:
                lane.measure({name: values[n] for name, values in numbers.items()}, norms and norms[n])

    def _clip(self, grads: Tensor, norms: Tensor) -> Tensor:
        """Clip what is to be clipped; the largest entry of the gradients before that, where values are clipped."""
        if any(lane.clip_norm < math.inf for lane in self.active):
            clip_by_global_norm(grads, norms, self.clip_norm)
        if not any(lane.clip_value < math.inf for lane in self.active):
            return torch.zeros_like(norms)
        largest = grads.abs().amax(1)
        clip_by_value(grads, self.clip_value)
        return largest

    def _add_rows(self) -> None:
        n = self.training.eval_samples
        train, eval_ = (self.evaluator.pool_loss(pool, n).tolist() for pool in (self.train_pool, self.eval_pool))
        for lane, train_loss, eval_loss in zip(self.active, train, eval_, strict=False):
            if lane.live:
                lane.add_row(train_loss, eval_loss)

    def _retire_stopped(self) -> None:
        """Finish the lanes that have stopped, and go on with the others in a narrower pack."""
        self._finish([lane for lane in self.active if not lane.live])
        live = [lane for lane in self.active if lane.live]
        places = self._places(live)
        self.carried = [[state[places] for state in states] for states in self.carried]
        network = self.network.select(places)
        self._lay_out(live, network, self.optimizer.select(places, network.flat))

    def _places(self, lanes: Sequence[Lane]) -> list[int]:
        """Where the slots of a pack of these lanes are found in the pack as it is."""
        return [self.active.index(lane) for lane in _slots(lanes)]

    def _finish(self, lanes: Sequence[Lane]) -> None:
        """Look at the trained networks once more and write down their results."""
        slots = _slots(lanes)
        network = self.network.select(self._places(lanes))
        evaluator = self._evaluator(network)
        diverged = [lane for lane in lanes if lane.divergence_reason is not None]
        if diverged:  # the others have a row at the step they have reached
            train, eval_ = (
                evaluator.pool_loss(Pool(splits, network.flat), self.training.eval_samples).tolist()
                for splits in zip(*((lane.data.train, lane.data.eval) for lane in slots), strict=True)
            )
            for lane in diverged:
                lane.add_row(train[lanes.index(lane)], eval_[lanes.index(lane)])
        self._measure_dynamics(lanes, network)
        findings = self.task.examine([lane.data for lane in slots], evaluator)
        for lane, finding in zip(lanes, findings, strict=False):
            self._results[lane] = lane.result(finding)

    def _measure_dynamics(self, lanes: Sequence[Lane], network: Network) -> None:
        """Of the recurrence as it came out."""
        if not self.n_recurrent_layers:
            return
        slots = _slots(lanes)
        pool = Pool([lane.data.eval for lane in slots], network.flat)
        exponents = dynamics.lyapunov_exponents(network, pool, [lane.directions() for lane in slots])
        for slot, lane in enumerate(lanes):
            found = {name: values[slot].item() for name, values in exponents.items()}
            lane.dynamics = lane.dynamics | dynamics.of_weights(network, slot) | found


def _slots(lanes: Sequence[Slot]) -> list[Slot]:
    """The lanes with a pack of one filled up by its own double: see padding.py"""
    return [*lanes, *lanes[:1] * (MIN_WIDTH - len(lanes))]
