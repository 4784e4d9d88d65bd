"""The compiled backend: the kernels of nets/kernels on the memory of one pack.

One lane after the other goes through all its updates, so what it works on stays in the cache.  A lane's numbers have
the same bits alone and in any pack.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np

from rnnlab.nets.activations import Activation
from rnnlab.nets.backends.base import (
    LEAST_CHUNK,
    MOST_STEPS,
    SATURATED,
    SETTLING,
    Backend,
    LaneRecipe,
    Order,
    Recipe,
    Samples,
    Taken,
    Updates,
)
from rnnlab.nets.kernels import library
from rnnlab.nets.kernels.activations import NUMBERS
from rnnlab.nets.kernels.coverage import LOSSES, READOUTS, RULES
from rnnlab.nets.kernels.dynamics import exponents
from rnnlab.nets.kernels.evaluation import closed_loop, evaluate
from rnnlab.nets.kernels.lane import Carried, Data, Net, Own
from rnnlab.nets.kernels.losses import OUTPUTS
from rnnlab.nets.kernels.optimizers import numbers_of_update
from rnnlab.nets.kernels.program import Program
from rnnlab.nets.kernels.states import N_MEASURED
from rnnlab.nets.kernels.training import Drawn, Found, Rule, train
from rnnlab.nets.optimizers import OPTIMIZERS, OptimizerOptions

MEASURED = ("hidden_norm", "saturated_frac", "dead_frac")
NO_FLOATS, NO_NUMBERS = np.zeros(0, np.float32), np.zeros(0, np.int64)


class CompiledBackend(Backend):
    name = "compiled"

    def __init__(self, recipe: Recipe, lanes: Sequence[LaneRecipe], device: str = "cpu"):
        super().__init__(recipe, lanes, device)
        if not library.is_known():
            library.load()
        self._optimizer = OPTIMIZERS[recipe.optimizer]
        self._rule, self._decoupled = RULES[recipe.optimizer]
        a = self._architecture = recipe.architecture
        B = max(recipe.chunk, LEAST_CHUNK)
        self._program = Program(a, a.seq_len, B, len(self.lanes), drops=recipe.drops, loss=recipe.loss)
        self._memory = self._program.memory()
        self._net = self._tables(self._program)
        phis = [(lane.activation, lane.gate_activation) for lane in self.lanes]
        self._own = Own(
            np.array([[NUMBERS[phi.name] for phi in pair] for pair in phis]),
            np.array([[*_parameters(pair[0]), *_parameters(pair[1])] for pair in phis], np.float32),
        )
        self._limits = np.array([_limits(lane) for lane in self.lanes], np.float64)
        self._carried = self._states_of(recipe.batch_size) if recipe.carries else _NOT_CARRIED

    # Weights and state

    def _rows(self, start: int) -> np.ndarray:
        """The lanes' rows that begin at `start` of the memory, a view (R, P)."""
        p = self._program
        return self._memory[start : start + p.n_lanes * p.row].reshape(p.n_lanes, p.row)[:, : p.n_parameters]

    def weights(self) -> np.ndarray:
        return self._rows(self._program.lanes.w).copy()

    def set_weights(self, weights: np.ndarray) -> None:
        self._rows(self._program.lanes.w)[:] = weights

    def state(self) -> dict[str, np.ndarray]:
        places = (self._program.lanes.s, self._program.lanes.v)
        state = {name: self._rows(place).copy() for name, place in zip(self._optimizer.slots, places, strict=False)}
        if self.recipe.carries:
            state["carried"] = self._carried.states.reshape(self._carried_shape(self.recipe.batch_size)).copy()
        return state

    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        places = (self._program.lanes.s, self._program.lanes.v)
        for name, place in zip(self._optimizer.slots, places, strict=False):
            self._rows(place)[:] = state[name]
        if self.recipe.carries:
            self._carried.states[:] = state["carried"].ravel()

    # Training

    def train(self, updates: Updates, *, recording: bool) -> Taken:
        a, R = self._architecture, len(self.lanes)
        n = updates.rows.shape[1]
        rule = Rule(self._rule, self._decoupled, self._limits, self._numbers(updates.first, n), self.recipe.chunk)
        drops, noisy = updates.keep is not None, updates.noise is not None
        keep = NO_FLOATS
        if updates.keep is not None:
            keep = np.concatenate([each.reshape(R, n, -1) for each in updates.keep], axis=2).ravel()
        noise = updates.noise if updates.noise is not None else np.zeros((R, 0, 0), np.float32)
        drawn = Drawn(updates.rows, updates.begins, updates.live, keep, drops, noise, noisy)
        whole = (np.zeros(R, np.int64) for _ in range(3))
        found = Found(
            *(next(whole), next(whole), np.full((R, 2), np.nan), next(whole)),
            measured=np.full((R, a.num_layers, N_MEASURED), np.nan),
            through=np.zeros((R, a.num_layers, a.seq_len), np.float32),
            gradients=np.zeros((R, self._program.n_parameters if recording else 0), np.float32),
        )
        train(self._memory, self._net, self._own, _data(updates.samples), self._carried, rule, drawn, found, recording)
        measured: dict[str, np.ndarray] = {}
        if recording:
            for k, name in enumerate(MEASURED):
                measured |= {f"{name}_layer{layer}": found.measured[:, layer, k] for layer in range(a.num_layers)}
            measured |= self._gradient_norms(found.gradients)
        through = np.sqrt(found.through) if recording and a.n_recurrent_layers else None
        losses, norms = found.numbers.T
        return Taken(found.n_taken, found.reasons, losses, norms, found.n_clipped, measured, through)

    def _numbers(self, first: int, n: int) -> np.ndarray:
        """The optimiser's numbers of each lane at n updates from `first` on, (R, n, .)."""
        return np.stack([_numbers(lane.optimizer, first, n, self.recipe.n_steps) for lane in self.lanes])

    def _gradient_norms(self, gradients: np.ndarray) -> dict[str, np.ndarray]:
        """gradients (R, P) -> the norm of each layer's share."""
        squares: dict[str, np.ndarray] = {}
        for name, (start, (n_rows, n_columns)) in self._architecture.places().items():
            layer = name.split(".")[0]
            share = np.square(gradients[:, start : start + n_rows * n_columns], dtype=np.float64)
            squares[layer] = squares.get(layer, 0) + np.add.reduce(share, axis=1)
        return {f"grad_norm_{layer}": np.sqrt(square) for layer, square in squares.items()}

    # Evaluation

    def losses(self, samples: Samples, order: Order) -> np.ndarray:
        losses, _ = self._evaluate(samples, order, n_outputs=0)
        return losses / (order.sizes.sum() * self._architecture.n_answers)

    def outputs(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        N, C = rows.shape[1], self._program.B
        n_chunks = -(-N // C)
        padded = np.zeros((len(rows), n_chunks * C), np.int64)
        padded[:, :N] = rows
        sizes = np.minimum(C, N - C * np.arange(n_chunks))
        order = Order(padded.reshape(len(rows), n_chunks, C), sizes)
        _, outputs = self._evaluate(samples, order, n_outputs=N)
        return outputs

    def _evaluate(self, samples: Samples, order: Order, n_outputs: int) -> tuple[np.ndarray, np.ndarray]:
        """The sums of the losses (R,), and the first n_outputs outputs, (R, n_outputs, A, O)."""
        a, R, C = self._architecture, len(self.lanes), order.rows.shape[2]
        losses, out = np.zeros(R), np.zeros((R, n_outputs, a.n_answers, a.output_size), np.float32)
        carried = self._states_of(C) if order.carries else _NOT_CARRIED
        data = _data(samples)
        net = self._net._replace(loss=OUTPUTS) if n_outputs else self._net
        evaluate(self._memory, net, self._own, data, carried, order.rows, order.sizes, out, losses)
        return losses, out

    def closed_loop(self, windows: np.ndarray, steps: int) -> np.ndarray:
        a, (R, T, _) = self._architecture, windows.shape
        program = Program(a, 1, T, R, trains=False, loss=self.recipe.loss)
        memory = self._copied(program)
        out = np.zeros((R, steps, a.output_size), np.float32)
        if steps:
            closed_loop(memory, self._tables(program), self._own, np.ascontiguousarray(windows), out)
        return out

    def exponents(self, samples: Samples, rows: np.ndarray, directions: np.ndarray) -> np.ndarray:
        a, (R, N) = self._architecture, rows.shape
        K, T = directions.shape[3], a.seq_len
        program = Program(a, 1, N * K, 1, trains=False, loss=self.recipe.loss)
        n_steps = min(T, MOST_STEPS)
        n_settling = int(np.ceil(SETTLING * n_steps))
        if n_settling == n_steps:
            return np.full((R, a.num_layers, K), np.nan)
        totals = np.zeros((R, a.num_layers, N, K))
        exponents(
            *(self._memory, self._net, program.memory(), self._tables(program), self._own, _data(samples)),
            *(_NOT_CARRIED, rows, directions.astype(np.float32), totals, n_steps, n_settling),
        )
        return np.add.reduce(totals / (n_steps - n_settling), axis=2) / N

    def _copied(self, program: Program) -> np.ndarray:
        """The memory of another program for the same lanes, with their weights."""
        memory = program.memory()
        w, row = program.lanes.w, program.row
        memory[w : w + len(self.lanes) * row].reshape(-1, row)[:, : program.n_parameters] = self.weights()
        return memory

    def _tables(self, program: Program) -> Net:
        n = program.T * program.B
        return Net(
            *(np.array(program.sizes), program.layers, program.copies, program.lanes, program.row),
            *(LOSSES[self.recipe.loss], READOUTS[self.recipe.readout], np.zeros(n, np.int64)),
        )

    def _carried_shape(self, n_samples: int) -> tuple[int, ...]:
        a = self._architecture
        return (len(self.lanes), a.num_layers, a.cell.n_states, n_samples, a.hidden_size)

    def _states_of(self, n_samples: int) -> Carried:
        """States of zero for so many samples."""
        R, L, S, B, H = self._carried_shape(n_samples)
        return Carried(np.zeros(R * L * S * B * H, np.float32), L * S * B * H, B * H, H)


_NOT_CARRIED = Carried(NO_FLOATS, 0, 0, 0)


def _data(samples: Samples) -> Data:
    """Each array as the kernels read it: flat, one of the two kinds empty.

    All are read-only, as the arrays of many tasks are: numba compiles anew for every combination of kinds."""
    inputs, targets = samples.inputs.ravel(), samples.targets.ravel()
    numbers, tokens = (inputs, NO_NUMBERS) if inputs.dtype.kind == "f" else (NO_FLOATS, inputs)
    values, classes = (targets, NO_NUMBERS) if targets.dtype.kind == "f" else (NO_FLOATS, targets)
    arrays = [array.view() for array in (numbers, tokens, values, classes)]
    for array in arrays:
        array.flags.writeable = False
    return Data(*arrays)


def _parameters(activation: Activation) -> tuple[float, float]:
    """p and q of a vector form: the activation's parameters in the order of its fields."""
    values = [*vars(activation).values()]
    p, q, *_ = [*values, 0.0, 0.0]
    return p, q


def _limits(lane: LaneRecipe) -> tuple[float, ...]:
    """A row of Rule.limits."""
    o = lane.optimizer
    clips = (np.inf if clip is None else clip for clip in (o.clip_norm, o.clip_value))
    return (*clips, o.weight_decay, lane.loss_limit, SATURATED * lane.activation.largest_slope)


@lru_cache(maxsize=4096)  # lanes that differ in their seed alone have the same
def _numbers(options: OptimizerOptions, first: int, n: int, n_steps: int) -> np.ndarray:
    """The optimiser's numbers at n updates from `first` on, (n, .) float32: see kernels/optimizers.py."""
    rows = [numbers_of_update(options, t, n_steps) for t in range(first, first + n)]
    with np.errstate(over="ignore"):  # a learning rate too large for a float is infinite, and the run diverges
        return np.array(rows, np.float32)
