"""The compiled backend against the plain one in double precision: the same updates, evaluations and exponents."""

import math
from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.backends.base import LaneRecipe, Order, Recipe, Samples, Updates
from rnnlab.nets.backends.plain import PlainBackend
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.losses import LOSSES, READOUT_ACTIVATIONS
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.schedules import SCHEDULES

CompiledBackend = pytest.importorskip("rnnlab.nets.backends.compiled").CompiledBackend

T, H, B, N, I, STEPS = 6, 10, 9, 20, 4, 5  # a batch is computed in chunks of 4, 4 and 1
SMALL = Architecture(RnnCell, I, H, I, 1, True, True, T, "every")
STACKED = Architecture(LstmCell, I, H, I, 2, True, True, T, "last")
TOKENS = Architecture(RnnCell, 7, H, 7, 2, True, True, T, "every", tokens=True, embedding_size=4)
EVERY_CELL = list(CELLS)
# Five updates in single precision; cancellation and division by small numbers cost two of its seven digits.
CLOSE = dict(rtol=2e-4, atol=2e-5)


class Both:
    """The two backends with the same random weights, and samples for them."""

    def __init__(self, reference, architecture, names=("tanh", "gelu", "relu"), limits=(math.inf,) * 3, **choice):
        recipe = dict(loss="mse", readout="linear", optimizer="sgd", n_steps=20, batch_size=B, chunk=4)
        own = {key: choice.pop(key) for key in [*choice] if key not in (*recipe, "carries", "drops")}
        recipe = Recipe(architecture=architecture, **recipe | choice)
        options = OPTIMIZERS[recipe.optimizer].Options(**own)
        lanes = [
            LaneRecipe(make_activation(name), options, loss_limit=limit)
            for name, limit in zip(names, limits, strict=True)
        ]
        self.a, self.recipe, self.R = architecture, recipe, len(lanes)
        self.plain = PlainBackend(recipe, lanes, dtype=torch.float64)
        self.compiled = CompiledBackend(recipe, lanes)
        self.set_weights(reference.random_weights(architecture, self.R).astype(np.float32))
        rng, A = np.random.default_rng(1), T if architecture.answers == "every" else 1
        a, sizes = architecture, (N, architecture.seq_len)
        self.samples = Samples(
            rng.integers(a.input_size, size=sizes)
            if a.tokens
            else rng.normal(size=(*sizes, a.input_size)).astype("f4"),
            rng.integers(a.output_size, size=(N, A))
            if recipe.loss == "cross_entropy"
            else rng.normal(size=(N, A, a.output_size)).astype("f4"),
        )

    def set_weights(self, weights):
        for backend in (self.plain, self.compiled):
            backend.set_weights(weights)

    def updates(self, noise=0.0):
        rng, a = np.random.default_rng(2), self.a
        begins = np.arange(STEPS) % 3 == 0 if self.recipe.carries else np.ones(STEPS, dtype=bool)
        A, L = self.samples.targets.shape[1], a.num_layers
        shapes = [(self.R, STEPS, T, B, H)] * (L - 1) + [(self.R, STEPS, A, B, a.read_size)]
        keep = [(rng.random(shape) > 0.3).astype(np.float32) / np.float32(0.7) for shape in shapes]
        drawn = (noise * rng.normal(size=(self.R, STEPS, a.n_parameters))).astype(np.float32) if noise else None
        rows, live = rng.integers(N, size=(self.R, STEPS, B)), np.ones(self.R, dtype=bool)
        return Updates(self.samples, rows, 1, begins, live, keep if self.recipe.drops else None, drawn)

    def train(self, updates):
        """The updates by both; returns what the plain one says of them."""
        plain, compiled = (backend.train(updates, recording=True) for backend in (self.plain, self.compiled))
        for name in ("n_taken", "reasons", "n_clipped"):
            np.testing.assert_array_equal(getattr(compiled, name), getattr(plain, name), err_msg=name)
        going_on = updates.live & (plain.reasons == 0)
        for name in ("losses", "grad_norms"):
            one, other = getattr(compiled, name), getattr(plain, name)
            np.testing.assert_allclose(one[going_on], other[going_on], **CLOSE, err_msg=name)
        assert compiled.measured.keys() == plain.measured.keys()
        for name, values in plain.measured.items():
            np.testing.assert_allclose(compiled.measured[name][going_on], values[going_on], **CLOSE, err_msg=name)
        assert (compiled.through_time is None) == (plain.through_time is None)
        if plain.through_time is not None:
            np.testing.assert_allclose(compiled.through_time[going_on], plain.through_time[going_on], **CLOSE)
        np.testing.assert_allclose(self.compiled.weights(), self.plain.weights(), **CLOSE)
        state = self.compiled.state()
        assert state.keys() == self.plain.state().keys()
        for name, values in self.plain.state().items():
            np.testing.assert_allclose(state[name][going_on], values[going_on], **CLOSE, err_msg=name)
        return plain

    def evaluate(self):
        rows = np.arange(16).reshape(1, 4, 4).repeat(self.R, axis=0)
        order = Order(rows, np.array([4, 4, 4, 3]), carries=self.recipe.carries)
        np.testing.assert_allclose(
            self.compiled.losses(self.samples, order), self.plain.losses(self.samples, order), **CLOSE
        )
        rows = np.arange(N)[None].repeat(self.R, axis=0)
        plain, compiled = (backend.outputs(self.samples, rows) for backend in (self.plain, self.compiled))
        np.testing.assert_allclose(compiled, plain, **CLOSE)


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
def test_every_cell_is_trained_and_evaluated_alike(cell, answers, reference):
    """With dropout; and on streams of tokens with an embedding and without."""
    architectures = [replace(STACKED, cell=cell, answers=answers)]
    architectures += [replace(TOKENS, cell=cell, answers=answers, embedding_size=size) for size in (4, None)]
    for architecture in architectures:
        kinds = dict(loss="cross_entropy", carries=True) if architecture.tokens else dict(drops=True)
        both = Both(reference, architecture, **kinds, clip_norm=0.5)
        assert both.train(both.updates()).n_taken.tolist() == [STEPS] * 3
        both.evaluate()


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer_updates_alike(optimizer, reference):
    own = dict(weight_decay=0.1, clip_norm=0.5, clip_value=0.05, warmup_steps=2, schedule=SCHEDULES["cosine"]())
    both = Both(reference, STACKED, optimizer=optimizer, **own)
    assert both.train(both.updates(noise=0.01)).n_clipped.tolist() == [STEPS] * 3


@pytest.mark.parametrize("readout", READOUT_ACTIVATIONS)
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_and_readout_is_alike(loss, readout, reference):
    both = Both(reference, SMALL, loss=loss, readout=readout)
    if loss == "cross_entropy" and readout in ("relu", "tanh"):  # else a lane soon answers with zeros only, or below
        weights = both.plain.weights()
        weights[:, -I:] = 3  # the readout's bias
        both.set_weights(weights)
    assert both.train(both.updates()).reasons.tolist() == [0, 0, 0]
    both.evaluate()


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_is_alike(name, reference):
    both = Both(reference, SMALL, names=(name,) * 3)
    both.train(both.updates())
    both.evaluate()


@pytest.mark.parametrize("num_layers", [0, 2])
@pytest.mark.parametrize("cell", [RnnCell, MemorylessCell], ids=attrgetter("name"))
def test_sequences_of_one_step_and_networks_without_layers_are_alike(cell, num_layers, reference):
    both = Both(reference, replace(STACKED, cell=cell, num_layers=num_layers, seq_len=1, bias=False))
    both.train(both.updates())
    both.evaluate()


@pytest.mark.parametrize("reason", [1, 2, 4])
def test_lanes_diverge_alike(reason, reference):
    both = Both(reference, SMALL, names=("tanh", "relu", "gelu"), limits=(math.inf, 1e-6 if reason == 2 else 1e9, 1e9))
    todo, weights = both.updates(noise=0.01), both.plain.weights()
    if reason == 1:
        weights[1] = 1e30
    if reason == 4:
        todo.noise[1, 2, 0] = math.inf
    both.set_weights(weights)
    taken = both.train(todo)
    assert taken.reasons.tolist() == [0, reason, 0]
    assert taken.n_taken.tolist() == [STEPS, 2 if reason == 4 else 0, STEPS]


def test_lanes_that_are_not_live_stay_alike(reference):
    both = Both(reference, STACKED, optimizer="adam", learning_rate=1e-3)
    both.train(replace(both.updates(), live=np.array([True, False, True])))


@pytest.mark.parametrize("num_layers", [0, 1, 2])
@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
def test_closed_loops_are_alike(cell, num_layers, reference):
    both = Both(reference, replace(STACKED, cell=cell, num_layers=num_layers))
    plain, compiled = (b.closed_loop(both.samples.inputs[:3], 2 * T + 1) for b in (both.plain, both.compiled))
    np.testing.assert_allclose(compiled, plain, **CLOSE)


@pytest.mark.parametrize("cell", [cell for cell in EVERY_CELL if cell.recurrent], ids=attrgetter("name"))
def test_lyapunov_exponents_are_alike(cell, reference):
    """Of tanh and gelu: a relu whose units are off has exponents of -inf, or of rounding errors."""
    both = Both(reference, replace(STACKED, cell=cell, seq_len=40), names=("tanh", "gelu", "tanh"))
    rows = np.arange(12).reshape(3, 4)
    directions = np.random.default_rng(1).normal(size=(3, 2, 4, 3, cell.n_states, H))
    plain, compiled = (b.exponents(both.samples, rows, directions) for b in (both.plain, both.compiled))
    np.testing.assert_allclose(compiled, plain, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("begun_with", ["torch", "compiled"])
def test_one_backend_goes_on_from_the_state_of_the_other(begun_with, reference):
    both = Both(reference, replace(TOKENS, cell=LstmCell), loss="cross_entropy", carries=True, optimizer="adam")
    first, second = (both.plain, both.compiled) if begun_with == "torch" else (both.compiled, both.plain)
    todo = both.updates()
    first.train(todo, recording=False)
    second.set_weights(first.weights())
    second.set_state(first.state())
    both.train(replace(todo, first=STEPS + 1))
