"""A pack: runs trained side by side, and everything whose shape depends on which of them are in it.

R lanes, each with numbers of its own: weights, data, order of batches, learning rate, clipping.  A pack narrows when
lanes stop; then all of this is laid out anew for those that are left.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from rnnlab.config.run import RunConfig
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.network import Network
from rnnlab.nets.optimizers import Optimizer
from rnnlab.nets.padding import MIN_WIDTH
from rnnlab.training.batches import LEAST_CHUNK, Chunk, Pool, chunk_size
from rnnlab.training.checkpoints import LaneState
from rnnlab.training.construction import architecture, initialize, make_network, make_optimizer
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane

Slot = TypeVar("Slot")


def program_key(run: RunConfig) -> tuple[object, ...]:
    """Runs with equal keys can be lanes of one pack: same shapes, task, kind of optimiser and schedule.

    Activation, initialisation, every number of the optimiser, divergence limits and seed may differ."""
    drops = (run.cell.dropout > 0, run.readout.dropout > 0)
    return (run.task, architecture(run), run.readout.activation, drops, run.optimizer.name, run.training)


@dataclass(frozen=True)
class Batch:
    """What was drawn for one update.  begins: streams start with it, so that states start from zero."""

    n_samples: int  # per lane
    begins: bool
    chunks: Iterator[Chunk]


@dataclass
class Computed:
    """What one update was found to be, before it is taken.  (R,) each, but for update (R, P)."""

    losses: Tensor
    grad_norms: Tensor  # before clipping
    largest_grads: Tensor  # before clipping by value; zero where no lane clips by value
    update: Tensor
    measured: dict[str, Tensor] = field(default_factory=dict)  # by diagnostics, at a recorded step
    through_time: Tensor | None = None  # (R, layers, T): squared norms of dL/dh[t], at a recorded step


class Pack:
    """Lanes at one step, with their weights and the optimiser's state.

    carried: of a task that carries its state, the states that the next batch begins with: for each chunk of a batch,
    for each layer (R, C, H).
    """

    def __init__(
        self,
        lanes: Sequence[Lane],
        network: Network,
        optimizer: Optimizer,
        step: int = 0,
        carried: Sequence[Sequence[Tensor]] = (),
    ):
        self.lanes, self.network, self.optimizer, self.step = list(lanes), network, optimizer, step
        self.carried = [list(states) for states in carried]
        self.slots = filled_up(self.lanes)
        run, a, like = self.lanes[0].run, network.architecture, network.flat
        self.task, self.training = run.task, run.training
        self.loss = LOSSES[self.task.loss](run.readout.activation)
        self.train_pool = Pool([lane.data.train for lane in self.slots], like)
        self.eval_pool = Pool([lane.data.eval for lane in self.slots], like)
        self._chunk = chunk_size(self.training.batch_size or self.train_pool.n_samples, a.seq_len, a.hidden_size)
        self.evaluator = self._evaluator(network)
        self.workspace = self.evaluator.workspace if self._chunk >= LEAST_CHUNK else Workspace(network, self._chunk)
        self.clip_norm = like.new_tensor([lane.clip_norm for lane in self.slots])
        self.clip_value = like.new_tensor([lane.clip_value for lane in self.slots])
        self.n_recurrent_layers = a.num_layers if a.seq_len > 1 and a.cell.recurrent else 0

    @classmethod
    def begin(cls, lanes: Sequence[Lane], device: str) -> Pack:
        """Lanes with their first weights."""
        runs = [lane.run for lane in filled_up(lanes)]
        network = make_network(runs, device)
        for slot, run in enumerate(runs):
            initialize(network, slot, run)
        return cls(lanes, network, make_optimizer(runs, network))

    @classmethod
    def resume(cls, lanes: Sequence[Lane], states: Sequence[LaneState], device: str) -> Pack:
        """Lanes that go on from where they stood, all at one step."""
        for lane, state in zip(lanes, states, strict=True):
            lane.resume(state.lane)
        runs, slots = [lane.run for lane in filled_up(lanes)], filled_up(states)
        network = make_network(runs, device)
        optimizer = make_optimizer(runs, network)
        optimizer.steps = states[0].step
        network.flat.copy_(torch.from_numpy(np.stack([state.weights for state in slots])))
        carried: list[list[Tensor]] = []
        for name in states[0].slots:
            rows = torch.from_numpy(np.stack([state.slots[name] for state in slots])).to(network.flat)
            kind, _, chunk = name.partition(".")
            if kind == "carried":  # in the order in which they were written: by chunk, then by layer
                while len(carried) <= int(chunk.split(".")[0]):
                    carried.append([])
                carried[-1].append(rows)
            else:
                optimizer.state[name].copy_(rows)
        return cls(lanes, network, optimizer, states[0].step, carried)

    def states(self) -> list[LaneState]:
        """Where the lanes stand, for a checkpoint."""
        weights = self.network.flat.numpy(force=True)
        tensors = {name: slot.numpy(force=True) for name, slot in self.optimizer.state.items()}
        for n, states in enumerate(self.carried):
            tensors |= {f"carried.{n}.{k}": state.numpy(force=True) for k, state in enumerate(states)}
        return [
            LaneState(lane.run.run_id, self.step, weights[n], {k: v[n] for k, v in tensors.items()}, lane.progress())
            for n, lane in enumerate(self.lanes)
        ]

    @property
    def live(self) -> list[Lane]:
        return [lane for lane in self.lanes if lane.live]

    @property
    def is_half_stopped(self) -> bool:
        """Whether it pays to lay the pack out anew without the lanes that have stopped."""
        return len(self.live) <= len(self.slots) // 2 and len(self.slots) > MIN_WIDTH

    def narrowed(self, lanes: Sequence[Lane]) -> Pack:
        """The pack of some of its lanes."""
        places = self._places(lanes)
        network = self.network.select(places)
        carried = [[state[places] for state in states] for states in self.carried]
        return Pack(lanes, network, self.optimizer.select(places, network.flat), self.step, carried)

    def networks_of(self, lanes: Sequence[Lane]) -> tuple[Network, Evaluator]:
        """A copy of the networks of some lanes (filled up), and what reads them."""
        network = self.network.select(self._places(lanes))
        return network, self._evaluator(network)

    def _places(self, lanes: Sequence[Lane]) -> list[int]:
        """Where the slots of a pack of these lanes are found in this one."""
        return [self.lanes.index(lane) for lane in filled_up(lanes)]

    def _evaluator(self, network: Network) -> Evaluator:
        return Evaluator(network, self.loss, max(self._chunk, LEAST_CHUNK), carries_state=self.task.carries_state)

    def draw(self) -> Batch:
        """The next batch of every lane."""
        begins = getattr(self.lanes[0].order, "begins", True)
        drawn = {lane: lane.order.next() for lane in self.lanes}
        batches = [drawn[lane] for lane in self.slots]
        if self.training.fresh:
            pool = Pool(batches, self.network.flat)
            indices = pool.first_indices(pool.n_samples)
        else:
            pool = self.train_pool
            indices = torch.from_numpy(np.stack(batches)).to(self.network.flat.device)
        return Batch(indices.shape[1], begins, pool.chunks(indices, self.workspace.batch_size))

    def judge(self, found: Computed) -> None:
        """Let every live lane take note of its update, and take it; a lane that diverges stays where it is."""
        if found.measured:
            self._take_note(found)
        largest = found.update.abs().amax(1)  # torch's infinity norm takes twenty times as long
        columns = (found.losses, found.grad_norms.double(), found.largest_grads.double(), largest.double())
        for lane, numbers in zip(self.lanes, torch.stack(columns).numpy(force=True).T.tolist(), strict=False):
            if lane.live:
                lane.watch(*numbers)
        stopped = [slot for slot, lane in enumerate(self.slots) if not lane.live]
        if stopped:
            found.update[stopped] = 0
        self.network.flat.sub_(found.update)
        self.step += 1

    def evaluate(self) -> None:
        """Add a row to every live lane's curves."""
        n = self.training.eval_samples
        train, eval_ = (self.evaluator.pool_loss(pool, n).tolist() for pool in (self.train_pool, self.eval_pool))
        for lane, train_loss, eval_loss in zip(self.lanes, train, eval_, strict=False):
            if lane.live:
                lane.add_row(train_loss, eval_loss)

    def _take_note(self, found: Computed) -> None:
        """Hand what was measured to the lanes."""
        numbers = {name: values.tolist() for name, values in found.measured.items()}
        norms = found.through_time.sqrt().tolist() if found.through_time is not None else None
        for n, lane in enumerate(self.lanes):
            if lane.live:
                lane.measure({name: values[n] for name, values in numbers.items()}, norms and norms[n])


def filled_up(lanes: Sequence[Slot]) -> list[Slot]:
    """The lanes, with a pack of one filled up by its own double: see nets/padding.py"""
    return [*lanes, *lanes[:1] * (MIN_WIDTH - len(lanes))]
