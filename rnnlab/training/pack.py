"""A pack: runs trained side by side, and everything whose shape depends on which runs are in it.

A pack has R lanes.  Each lane has weights, data, an order of batches, a learning rate and limits of clipping of its
own.  When half of the lanes have stopped, a narrower pack is made of the others.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlab.nets.backends import Backend, Taken, Updates, make
from rnnlab.tasks import Split
from rnnlab.training.batches import Pool
from rnnlab.training.checkpoints import LaneState
from rnnlab.training.construction import initial_weights, lane_recipe, recipe
from rnnlab.training.draws import dropout_factors, gradient_noise
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane

MOST_DRAWN = 2**24  # numbers that are drawn for the updates of one call
LEAST_COMPUTED = 2e5  # multiply-adds in the time of an update of the smallest network
MOST_COMPUTED = 2**31  # multiply-adds of one call: after some tenth of a second Ctrl-C and checkpoints have their turn


class Pack:
    """Lanes at the same step, with the backend that has their weights and the optimiser's state."""

    def __init__(self, lanes: Sequence[Lane], backend: Backend, step: int = 0):
        """backend: its lanes are these, in this order."""
        self.lanes, self.backend, self.step = list(lanes), backend, step
        run = self.lanes[0].run
        self.task, self.training = run.task, run.training
        self.train_pool = Pool([lane.data.train for lane in self.lanes])
        self.eval_pool = Pool([lane.data.eval for lane in self.lanes])
        self.evaluator = Evaluator(backend)

    @classmethod
    def begin(cls, lanes: Sequence[Lane], device: str, backend: str) -> Pack:
        """A pack before the first step, with initial weights.  backend: its name."""
        made = _backend(lanes, device, backend)
        made.set_weights(np.stack([initial_weights(lane.run) for lane in lanes]))
        return cls(lanes, made)

    @classmethod
    def resume(cls, lanes: Sequence[Lane], states: Sequence[LaneState], device: str, backend: str) -> Pack:
        """A pack that continues from the states of its lanes, all at the same step."""
        for lane, state in zip(lanes, states, strict=True):
            lane.resume(state.lane)
        made = _backend(lanes, device, backend)
        made.set_weights(np.stack([state.weights for state in states]))
        made.set_state({name: np.stack([state.slots[name] for state in states]) for name in states[0].slots})
        return cls(lanes, made, states[0].step)

    def states(self) -> list[LaneState]:
        """The states of the lanes, for a checkpoint."""
        weights, slots = self.backend.weights(), self.backend.state()
        return [
            LaneState(lane.run.run_id, self.step, weights[n], {k: v[n] for k, v in slots.items()}, lane.progress())
            for n, lane in enumerate(self.lanes)
        ]

    @property
    def live(self) -> list[Lane]:
        return [lane for lane in self.lanes if lane.live]

    @property
    def is_half_stopped(self) -> bool:
        """Whether so many lanes have stopped that a narrower pack saves time."""
        return len(self.live) <= len(self.lanes) // 2

    def backend_of(self, lanes: Sequence[Lane]) -> Backend:
        """A copy of some of the lanes."""
        return self.backend.select([self.lanes.index(lane) for lane in lanes])

    def narrowed(self, lanes: Sequence[Lane]) -> Pack:
        """A new pack of some of the lanes."""
        return Pack(lanes, self.backend_of(lanes), self.step)

    @property
    def most_updates(self) -> int:
        """How many updates are computed in one call at most."""
        recipe, R = self.backend.recipe, len(self.lanes)
        a = recipe.architecture
        samples = R * recipe.batch_size
        drawn = samples * (1 + a.seq_len * a.hidden_size * a.num_layers * recipe.drops)
        drawn += samples * a.seq_len * a.input_size * self.training.fresh
        drawn += R * a.n_parameters * (self.training.gradient_noise > 0)
        computed = R * LEAST_COMPUTED + 3 * samples * a.seq_len * a.n_parameters
        return max(1, min(MOST_DRAWN // drawn, int(MOST_COMPUTED / computed)))

    def draw(self, n: int) -> Updates:
        """The next n batches of every lane, and what else is drawn for n updates."""
        R, begins = len(self.lanes), []
        splits: list[Split] = []  # sequences made for these updates, lane by lane
        indices = np.empty((R, n, self.backend.recipe.batch_size), np.int64)  # or samples of the training set
        for k in range(n):
            begins.append(self.lanes[0].order.begins)
            for slot, lane in enumerate(self.lanes):
                batch = lane.order.next()
                if isinstance(batch, Split):
                    splits.append(batch)
                else:
                    indices[slot, k] = batch
        pool, rows = self.train_pool, self.train_pool.rows(indices)
        if splits:  # in the order of updates, then lanes
            pool = Pool(splits)
            rows = np.arange(n * R * pool.n_samples).reshape(n, R, pool.n_samples).swapaxes(0, 1).copy()
        live = np.array([lane.live for lane in self.lanes])
        return Updates(
            pool.samples,
            rows,
            self.step + 1,
            np.array(begins),
            live,
            dropout_factors(self.lanes, self.backend.recipe, n),
            gradient_noise(self.lanes, self.backend.recipe.architecture, self.step, n),
        )

    def judge(self, taken: Taken, n: int) -> None:
        """Tell the live lanes what became of n updates."""
        columns = (taken.n_taken, taken.reasons, taken.losses, taken.grad_norms, taken.n_clipped)
        through = taken.through_time
        for slot, lane in enumerate(self.lanes):
            if not lane.live:
                continue
            n_taken, reason, loss, norm, n_clipped = (column[slot].item() for column in columns)
            if taken.measured and n_taken + (reason > 0) == n:
                numbers = {name: values[slot].item() for name, values in taken.measured.items()}
                lane.measure(numbers, self.step + n, None if through is None else through[slot])
            lane.watch(n_taken, reason, loss, norm, n_clipped)
        self.step += n

    def evaluate(self) -> None:
        """Add a row to the curves of every live lane."""
        n = self.training.eval_samples
        train, eval_ = (self.evaluator.pool_loss(pool, n).tolist() for pool in (self.train_pool, self.eval_pool))
        for lane, train_loss, eval_loss in zip(self.lanes, train, eval_, strict=True):
            if lane.live:
                lane.add_row(train_loss, eval_loss)


def _backend(lanes: Sequence[Lane], device: str, name: str) -> Backend:
    return make(name, recipe(lanes[0].run), [lane_recipe(lane.run, lane.loss_limit) for lane in lanes], device)
