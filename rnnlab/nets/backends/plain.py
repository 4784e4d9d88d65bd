"""The backend in plain torch: the network of nets/reference.py, and one update after the other.

It is written to be read, and it is what kernels are held against.  It computes on CUDA, where numba cannot be had, and
where an activation or a cell has only a formula in torch.  The last bits of a lane can depend on the other lanes: on
the CPU, apart.py gives each lane a backend of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.activations import PackActivation
from rnnlab.nets.backends import diagnostics, lyapunov
from rnnlab.nets.backends.base import Backend, LaneRecipe, Order, Recipe, Samples, Taken, Updates
from rnnlab.nets.cells import Cell
from rnnlab.nets.cells.base import State
from rnnlab.nets.divergence import judge
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.optimizers import OPTIMIZERS, clip_by_global_norm, clip_by_value
from rnnlab.nets.reference import Pass, backward, forward, layer_weights


@dataclass
class _Gradients:
    """What both passes over a batch give."""

    losses: Tensor  # (R,) in double precision
    grads: Tensor  # (R, P)
    carried: Tensor | None  # the states after the last step, (R, L, S, B, H)
    measured: dict[str, Tensor] = field(default_factory=dict)
    through_time: Tensor | None = None  # (R, L, T): the norms of dL/dh[t]


class PlainBackend(Backend):
    name = "torch"

    def __init__(
        self, recipe: Recipe, lanes: Sequence[LaneRecipe], device: str = "cpu", dtype: torch.dtype = torch.float32
    ):
        """dtype: torch.float64 for comparisons.  `weights` and `state` return arrays of this dtype."""
        super().__init__(recipe, lanes, device)
        self.dtype, self._a = dtype, recipe.architecture
        self._flat = torch.zeros(len(self.lanes), self._a.n_parameters, dtype=dtype, device=device)
        self._weights = self._matrices(self._flat)
        self._optimizer = OPTIMIZERS[recipe.optimizer]([lane.optimizer for lane in lanes], self._flat, recipe.n_steps)
        self._loss = LOSSES[recipe.loss](recipe.readout)
        self._activations = [lane.activation for lane in self.lanes]
        self._clip_norm = self._limits("clip_norm")
        self._clip_value = self._limits("clip_value")
        self._carried: Tensor | None = None
        if recipe.carries and self._a.num_layers:
            sizes = (self._a.num_layers, self._a.cell.n_states, recipe.batch_size, self._a.hidden_size)
            self._carried = self._flat.new_zeros(len(self.lanes), *sizes)

    def weights(self) -> np.ndarray:
        return self._flat.numpy(force=True).copy()

    def set_weights(self, weights: np.ndarray) -> None:
        self._flat.copy_(self._tensor(weights))

    def state(self) -> dict[str, np.ndarray]:
        tensors = dict(self._optimizer.state)
        if self._carried is not None:
            tensors["carried"] = self._carried
        return {name: values.numpy(force=True).copy() for name, values in tensors.items()}

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        for name, slot in self._optimizer.state.items():
            slot.copy_(self._tensor(state[name]))
        if self._carried is not None:
            self._carried = self._tensor(state["carried"])

    def made_for(self, lanes: Sequence[LaneRecipe]) -> PlainBackend:
        return PlainBackend(self.recipe, lanes, self.device, self.dtype)

    def train(self, updates: Updates, *, recording: bool) -> Taken:
        R, n = updates.rows.shape[:2]
        live = np.array(updates.live, dtype=bool)
        n_taken, reasons, n_clipped = (np.zeros(R, dtype=np.int64) for _ in range(3))
        losses, grad_norms = np.full(R, np.nan), np.full(R, np.nan)
        measured: dict[str, np.ndarray] = {}
        through_time = None
        with _computing():
            for k in range(n):
                if not live.any():
                    break
                found = self._gradients(updates, k, recording=recording and k == n - 1)
                norms = torch.linalg.vector_norm(found.grads, dim=1)
                if recording and k == n - 1:
                    found.measured |= diagnostics.of_gradients(self._matrices(found.grads))
                    measured = {name: values.numpy(force=True) for name, values in found.measured.items()}
                    through_time = None if found.through_time is None else found.through_time.numpy(force=True)
                was_clipped = self._clip(found.grads, norms)
                if updates.noise is not None:
                    found.grads += self._tensor(updates.noise[:, k])
                slots = {name: slot.clone() for name, slot in self._optimizer.state.items()}
                self._optimizer.steps = updates.first + k - 1
                update = self._optimizer.update(found.grads, self._flat)
                columns = (found.losses, norms.double(), update.abs().amax(1).double())
                loss, norm, largest = torch.stack(columns).numpy(force=True)
                losses[live], grad_norms[live] = loss[live], norm[live]
                for lane in np.flatnonzero(live):
                    reasons[lane] = judge(loss[lane], norm[lane], largest[lane], self.lanes[lane].loss_limit)
                live &= reasons == 0
                n_taken += live
                n_clipped += live & was_clipped
                self._take(update, slots, found.carried, live)
        return Taken(n_taken, reasons, losses, grad_norms, n_clipped, measured, through_time)

    def _gradients(self, updates: Updates, k: int, *, recording: bool) -> _Gradients:
        """Both passes over the batch of update k, chunk by chunk.  recording: measure what the passes show."""
        a, like = self._a, self._flat
        B, n_answers = self.recipe.batch_size, self.recipe.batch_size * self._a.n_answers
        losses, grads = torch.zeros(len(like), dtype=torch.float64, device=like.device), torch.zeros_like(like)
        squares = like.new_zeros(len(like), a.num_layers, a.seq_len)
        carried, measured = [], {}
        for start in range(0, B, self.recipe.chunk):
            part = slice(start, start + self.recipe.chunk)
            xs, target = self._gather(updates.samples, updates.rows[:, k, part])
            initial = None if updates.begins[k] or self._carried is None else _by_layer(self._carried[..., part, :])
            keep = None if updates.keep is None else self._factors([factors[:, k] for factors in updates.keep], part)
            phi = diagnostics.Watched(self._activations)
            cell = self._cell(phi)
            passed = forward(cell, self._weights, xs, answers=a.answers, initial=initial, keep=keep)
            if recording:
                measured = diagnostics.of_states(passed, phi)
            loss, dz = self._loss_of(passed.z, target)
            of_weights, of_states = backward(cell, self._weights, xs, passed, dz / n_answers)
            losses += loss / n_answers
            grads += torch.cat([of_weights[name].flatten(1) for name in self._weights], dim=1)
            if self._carried is not None:
                carried.append(_last_states(passed))
            if recording:
                for n, states in enumerate(of_states):
                    squares[:, n] += torch.stack([state[0].square().sum((1, 2)) for state in states[1:]], dim=1)
        through_time = squares.sqrt() if recording and a.n_recurrent_layers else None
        return _Gradients(losses, grads, torch.cat(carried, dim=3) if carried else None, measured, through_time)

    def _clip(self, grads: Tensor, norms: Tensor) -> np.ndarray:
        """Clip by norm, then by value, in place.  Returns whether a lane's gradient was clipped, (R,)."""
        clip_by_global_norm(grads, norms, self._clip_norm.to(grads.dtype))
        largest = grads.abs().amax(1)
        clip_by_value(grads, self._clip_value.to(grads.dtype))
        return ((norms > self._clip_norm) | (largest > self._clip_value)).numpy(force=True)

    def _take(self, update: Tensor, slots: Mapping[str, Tensor], carried: Tensor | None, live: np.ndarray) -> None:
        """Take the update of the live lanes.  The others keep their weights, `slots` and states."""
        others = torch.from_numpy(~live).to(self._flat.device)
        update[others] = 0
        self._flat -= update
        for name, before in slots.items():
            self._optimizer.state[name][others] = before[others]
        if carried is not None and self._carried is not None:
            carried[others] = self._carried[others]
            self._carried = carried

    def losses(self, samples: Samples, order: Order) -> np.ndarray:
        total = np.zeros(len(self.lanes))
        initial = None
        with _computing():
            for k, size in enumerate(order.sizes):
                xs, target = self._gather(samples, order.rows[:, k, :size])
                before = None if initial is None else _by_layer(initial[..., :size, :])
                passed = self._forward(xs, before)
                total += self._loss_of(passed.z, target)[0].numpy(force=True)
                if order.carries and self._a.num_layers:
                    initial = _last_states(passed)
        return total / (order.sizes.sum() * self._a.n_answers)

    def outputs(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        parts = []
        with _computing():
            for start in range(0, rows.shape[1], self.recipe.chunk):
                xs, _ = self._gather(samples, rows[:, start : start + self.recipe.chunk])
                parts.append(self._loss.outputs(self._answers(self._forward(xs).z)).numpy(force=True))
        return np.concatenate(parts, axis=1)

    def closed_loop(self, windows: np.ndarray, steps: int) -> np.ndarray:
        if self._a.input_size != self._a.output_size or self._a.answers != "last":
            raise ValueError("a closed loop needs outputs that can be inputs, answered at the last step")
        said = []
        with _computing():
            window = list(self._tensor(windows).unsqueeze(2).unbind(1))  # T values (R, 1, I)
            for _ in range(steps):
                value = self._loss.outputs(self._forward(window).z)
                window = [*window[1:], value]
                said.append(value.numpy(force=True))
        return np.concatenate([np.zeros((len(windows), 0, self._a.output_size), np.float32), *said], axis=1)

    def exponents(self, samples: Samples, rows: np.ndarray, directions: np.ndarray) -> np.ndarray:
        with _computing():
            xs, _ = self._gather(samples, rows)
            cell = self._cell()
            traces = forward(cell, self._weights, xs, answers=self._a.answers).traces
            found = [
                lyapunov.exponents(cell, trace, layer_weights(self._weights, n), self._tensor(directions[:, n]))
                for n, trace in enumerate(traces)
            ]
            return torch.stack(found, dim=1).numpy(force=True)

    # What all of these share

    def _cell(self, phi: PackActivation | None = None) -> Cell:
        gate_phi = PackActivation([lane.gate_activation for lane in self.lanes])
        return self._a.cell(phi or PackActivation(self._activations), gate_phi)

    def _forward(self, xs: Sequence[Tensor], initial: Sequence[State] | None = None) -> Pass:
        return forward(self._cell(), self._weights, xs, answers=self._a.answers, initial=initial)

    def _loss_of(self, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """z as `forward` returns it, target (R, B, A, O) or (R, B, A) -> the lanes' sums (R,), and dL/dz."""
        answers = self._answers(z)
        losses, dz = self._loss(answers.flatten(1, 2), target.flatten(1, 2))
        dz = dz.unflatten(1, answers.shape[1:3])
        return losses, dz.movedim(2, 0) if self._a.answers == "every" else dz.squeeze(2)

    def _answers(self, z: Tensor) -> Tensor:
        """z as `forward` returns it -> (R, B, A, O)"""
        return z.movedim(0, 2) if self._a.answers == "every" else z.unsqueeze(2)

    def _gather(self, samples: Samples, rows: np.ndarray) -> tuple[list[Tensor], Tensor]:
        """The samples `rows` (R, B): by step the inputs (R, B, I) or tokens (R, B), and the targets (R, B, A, ...)."""
        return list(self._tensor(samples.inputs[rows]).unbind(2)), self._tensor(samples.targets[rows])

    def _factors(self, keep: Sequence[np.ndarray], part: slice) -> list[Tensor]:
        """The factors of dropout of an update, (R, T, B, .) each -> those of some samples, as `forward` reads them."""
        factors = [self._tensor(of_layer[:, :, part]).movedim(1, 0) for of_layer in keep]
        return factors if self._a.answers == "every" else [*factors[:-1], factors[-1][0]]

    def _matrices(self, flat: Tensor) -> dict[str, Tensor]:
        """flat (R, P) -> views of it, the parameters by full name (R, fan_in, gates * fan_out)."""
        return {
            name: flat[:, start : start + rows * columns].unflatten(1, (rows, columns))
            for name, (start, (rows, columns)) in self._a.places().items()
        }

    def _limits(self, name: str) -> Tensor:
        """A limit of clipping of every lane, (R,) in double precision; inf where there is none."""
        limits = [getattr(lane.optimizer, name) for lane in self.lanes]
        limits = [math.inf if limit is None else limit for limit in limits]
        return torch.tensor(limits, dtype=torch.float64, device=self.device)

    def _tensor(self, array: np.ndarray) -> Tensor:
        """A copy on the device: numbers in the backend's precision, tokens and classes as they are."""
        return torch.tensor(array, dtype=self.dtype if array.dtype.kind == "f" else None, device=self.device)


def _by_layer(states: Tensor) -> list[State]:
    """(R, L, S, B, H) -> the states of each layer"""
    return [layer.unbind(1) for layer in states.unbind(1)]


def _last_states(passed: Pass) -> Tensor:
    """The states after the last step, (R, L, S, B, H)."""
    return torch.stack([torch.stack(layer[-1], dim=1) for layer in passed.states], dim=1)


@contextmanager
def _computing() -> Iterator[None]:
    """The settings of torch while a backend computes.

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
