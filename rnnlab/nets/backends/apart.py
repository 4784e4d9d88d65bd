"""Plain torch on the CPU, each lane by itself, so that its bits do not depend on the other lanes of its pack.

Torch's batched products, and its functions at the end of a vector, give other last bits where a lane lies elsewhere in
memory.  A lane by itself always lies at the same place.  Side by side (plain.py) small networks are 2 to 5 times
faster, which is how a GPU computes them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace

import numpy as np

from rnnlab.nets.backends.base import Backend, LaneRecipe, Order, Recipe, Samples, Taken, Updates
from rnnlab.nets.backends.plain import PlainBackend


class LanesApart(Backend):
    name = "torch"

    def __init__(self, recipe: Recipe, lanes: Sequence[LaneRecipe], device: str = "cpu"):
        super().__init__(recipe, lanes, device)
        self._apart = [PlainBackend(recipe, [lane], device) for lane in lanes]

    def weights(self) -> np.ndarray:
        return np.concatenate([lane.weights() for lane in self._apart])

    def set_weights(self, weights: np.ndarray) -> None:
        for lane, own in zip(self._apart, np.split(weights, len(self.lanes)), strict=True):
            lane.set_weights(own)

    def state(self) -> dict[str, np.ndarray]:
        return _side_by_side([lane.state() for lane in self._apart])

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        for r, lane in enumerate(self._apart):
            lane.set_state({name: values[r : r + 1] for name, values in state.items()})

    def train(self, updates: Updates, *, recording: bool) -> Taken:
        taken = [lane.train(_of_lane(updates, r), recording=recording) for r, lane in enumerate(self._apart)]
        columns = {f.name: [getattr(lane, f.name) for lane in taken] for f in fields(Taken)}
        measured = _side_by_side(columns.pop("measured"))
        through_time = _side_by_side([{} if norms is None else {"": norms} for norms in columns.pop("through_time")])
        known = {name: np.concatenate(values) for name, values in columns.items()}
        return Taken(**known, measured=measured, through_time=through_time.get(""))

    def losses(self, samples: Samples, order: Order) -> np.ndarray:
        rows = np.split(order.rows, len(self.lanes))
        return np.concatenate(
            [lane.losses(samples, replace(order, rows=own)) for lane, own in zip(self._apart, rows, strict=True)]
        )

    def outputs(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        parts = np.split(rows, len(self.lanes))
        return np.concatenate([lane.outputs(samples, own) for lane, own in zip(self._apart, parts, strict=True)])

    def closed_loop(self, windows: np.ndarray, steps: int) -> np.ndarray:
        parts = np.split(windows, len(self.lanes))
        return np.concatenate([lane.closed_loop(own, steps) for lane, own in zip(self._apart, parts, strict=True)])

    def exponents(self, samples: Samples, rows: np.ndarray, directions: np.ndarray) -> np.ndarray:
        parts = zip(self._apart, np.split(rows, len(self.lanes)), np.split(directions, len(self.lanes)), strict=True)
        return np.concatenate([lane.exponents(samples, *own) for lane, *own in parts])


def _of_lane(updates: Updates, r: int) -> Updates:
    """The updates of lane r."""
    own = slice(r, r + 1)
    return replace(
        updates,
        rows=updates.rows[own],
        live=updates.live[own],
        keep=None if updates.keep is None else [factors[own] for factors in updates.keep],
        noise=None if updates.noise is None else updates.noise[own],
    )


def _side_by_side(lanes: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """The arrays (1, ...) of the lanes by name, one below the other (R, ...); NaN for a lane that does not have one."""
    shapes = {name: values.shape for lane in lanes for name, values in lane.items()}
    return {
        name: np.concatenate([lane[name] if name in lane else np.full(shape, np.nan) for lane in lanes])
        for name, shape in shapes.items()
    }
