"""A pack: runs trained side by side, and everything whose shape depends on which runs are in it.

A pack has R lanes.  Each lane has weights, data, an order of batches, a learning rate and limits of clipping of its
own.  When half of the lanes have stopped, a narrower pack is made of the others.
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
from rnnlab.nets.losses import LOSSES, Loss
from rnnlab.nets.network import Network
from rnnlab.nets.optimizers import Optimizer
from rnnlab.nets.padding import MIN_WIDTH
from rnnlab.tasks import Split
from rnnlab.training.batches import LEAST_CHUNK, Chunk, Pool, chunk_size
from rnnlab.training.checkpoints import LaneState
from rnnlab.training.construction import architecture, initialize, make_network, make_optimizer
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane

Slot = TypeVar("Slot")


def program_key(run: RunConfig) -> tuple[object, ...]:
    """A key that is equal for runs that can be lanes of one pack: same task, shapes, kind of optimiser and training.

    Activation, initialisation, all numbers of the optimiser, divergence limits and seed can differ."""
    has_dropout = (run.cell.dropout > 0, run.readout.dropout > 0)
    return (run.task, architecture(run), run.readout.activation, has_dropout, run.optimizer.name, run.training)


@dataclass(frozen=True)
class Batch:
    """The samples of one update."""

    n_samples: int  # per lane
    begins: bool  # states start from zero; else from those after the batch before
    chunks: Iterator[Chunk]


@dataclass
class Computed:
    """One update that is computed, but not yet taken.  Shapes are (R,) where no other is given."""

    losses: Tensor
    grad_norms: Tensor  # before clipping
    largest_grads: Tensor  # the largest entry of each gradient before clipping by value; zero if no lane clips by value
    update: Tensor  # (R, P)
    measured: dict[str, Tensor] = field(default_factory=dict)  # by diagnostics.py, at a recorded step
    through_time: Tensor | None = None  # (R, layers, T): squared norms of dL/dh[t], at a recorded step


class Pack:
    """Lanes at the same step, with their weights and the optimiser's state.

    lanes: the runs.  slots: the same, with a pack of one filled up to two (see `filled_up`); slot n is row n of all
    tensors.
    carried: the states with which the next batch begins, if the task carries its state: carried[k] has the states of
    chunk k of a batch, (R, C, H) each.
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
        self.loss: Loss = LOSSES[self.task.loss](run.readout.activation)
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
        """A pack before the first step, with initial weights."""
        runs = [lane.run for lane in filled_up(lanes)]
        network = make_network(runs, device)
        for slot, run in enumerate(runs):
            initialize(network, slot, run)
        return cls(lanes, network, make_optimizer(runs, network))

    @classmethod
    def resume(cls, lanes: Sequence[Lane], states: Sequence[LaneState], device: str) -> Pack:
        """A pack that continues from the states of its lanes, all at the same step."""
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
            if kind == "carried":  # "carried.<chunk>.<state>", in the order in which `states` wrote them
                while len(carried) <= int(chunk.split(".")[0]):
                    carried.append([])
                carried[-1].append(rows)
            else:
                optimizer.state[name].copy_(rows)
        return cls(lanes, network, optimizer, states[0].step, carried)

    def states(self) -> list[LaneState]:
        """The states of the lanes, for a checkpoint."""
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
        """Whether so many lanes have stopped that a narrower pack saves time."""
        return len(self.live) <= len(self.slots) // 2 and len(self.slots) > MIN_WIDTH

    def narrowed(self, lanes: Sequence[Lane]) -> Pack:
        """A new pack of some of the lanes."""
        places = self._places(lanes)
        network = self.network.select(places)
        carried = [[state[places] for state in states] for states in self.carried]
        return Pack(lanes, network, self.optimizer.select(places, network.flat), self.step, carried)

    def networks_of(self, lanes: Sequence[Lane]) -> tuple[Network, Evaluator]:
        """A copy of the networks of some lanes (filled up), and an evaluator of it."""
        network = self.network.select(self._places(lanes))
        return network, self._evaluator(network)

    def _places(self, lanes: Sequence[Lane]) -> list[int]:
        """For each slot of a pack of these lanes, the slot that the same lane has in this pack."""
        return [self.lanes.index(lane) for lane in filled_up(lanes)]

    def _evaluator(self, network: Network) -> Evaluator:
        return Evaluator(network, self.loss, max(self._chunk, LEAST_CHUNK), carries_state=self.task.carries_state)

    def draw(self) -> Batch:
        """The next batch of every lane."""
        begins = self.lanes[0].order.begins
        drawn = {lane: lane.order.next() for lane in self.lanes}
        batches = [drawn[lane] for lane in self.slots]
        splits = [batch for batch in batches if isinstance(batch, Split)]
        if splits:  # sequences made for this batch
            pool = Pool(splits, self.network.flat)
            indices = pool.first_indices(pool.n_samples)
        else:  # indices into the training set
            pool = self.train_pool
            rows = [batch for batch in batches if isinstance(batch, np.ndarray)]
            indices = torch.from_numpy(np.stack(rows)).to(self.network.flat.device)
        return Batch(indices.shape[1], begins, pool.chunks(indices, self.workspace.batch_size))

    def judge(self, computed: Computed) -> None:
        """Take the update of every live lane, unless the lane has diverged: then it keeps its last finite weights."""
        if computed.measured:
            self._record(computed)
        largest = computed.update.abs().amax(1)  # torch's infinity norm takes twenty times as long
        columns = (computed.losses, computed.grad_norms.double(), computed.largest_grads.double(), largest.double())
        for lane, numbers in zip(self.lanes, torch.stack(columns).numpy(force=True).T.tolist(), strict=False):
            if lane.live:
                lane.watch(*numbers)
        stopped = [slot for slot, lane in enumerate(self.slots) if not lane.live]
        if stopped:
            computed.update[stopped] = 0
        self.network.flat.sub_(computed.update)
        self.step += 1

    def evaluate(self) -> None:
        """Add a row to the curves of every live lane."""
        n = self.training.eval_samples
        train, eval_ = (self.evaluator.pool_loss(pool, n).tolist() for pool in (self.train_pool, self.eval_pool))
        for lane, train_loss, eval_loss in zip(self.lanes, train, eval_, strict=False):
            if lane.live:
                lane.add_row(train_loss, eval_loss)

    def _record(self, computed: Computed) -> None:
        """Give the live lanes what was measured."""
        numbers = {name: values.tolist() for name, values in computed.measured.items()}
        norms = computed.through_time.sqrt().tolist() if computed.through_time is not None else None
        for n, lane in enumerate(self.lanes):
            if lane.live:
                lane.measure({name: values[n] for name, values in numbers.items()}, norms and norms[n])


def filled_up(lanes: Sequence[Slot]) -> list[Slot]:
    """The lanes, and for a pack of one the same lane a second time: nets/padding.py says why."""
    return [*lanes, *[lanes[0]] * (MIN_WIDTH - len(lanes))]
