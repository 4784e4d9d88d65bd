"""Lyapunov exponents of the plain backend against known matrices and a slow computation.

The slow computation takes the Jacobians of the papers' formulas by automatic differentiation, whole matrices, and
numpy's QR: it shares nothing with the reverse step and Gram-Schmidt.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends.base import LaneRecipe, Recipe, Samples
from rnnlab.nets.backends.plain import PlainBackend
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.reference import forward, layer_weights

H, T, N, K = 5, 120, 4, 3
PLAIN = Architecture(RnnCell, 2, H, 1, 1, True, True, seq_len=T, answers="last")
ROUNDING = 1e-9  # float64: a hundred steps of a few products each


def make(architecture, activations, weights, dtype=torch.float64):
    recipe = Recipe(architecture, "mse", "linear", "sgd", n_steps=0, batch_size=N, chunk=N)
    options = OPTIMIZERS["sgd"].Options()
    backend = PlainBackend(recipe, [LaneRecipe(make_activation(name), options) for name in activations], dtype=dtype)
    backend.set_weights(weights)
    return backend


def with_weights(architecture, **by_name):
    """A row of parameters (1, P): zero but for these, of layer 0."""
    row = np.zeros((1, architecture.n_parameters))
    for name, matrix in by_name.items():
        start, (rows, columns) = architecture.places()[f"layer0.{name}"]
        row[0, start : start + rows * columns] = np.ravel(matrix)
    return row


def sequences(architecture, seed=1):
    return np.random.default_rng(seed).normal(size=(N, architecture.seq_len, architecture.input_size))


def directions(architecture, n_lanes):
    a = architecture
    shape = (n_lanes, a.num_layers, N, min(K, a.hidden_size), a.cell.n_states, a.hidden_size)
    return np.random.default_rng(9).normal(size=shape)


def exponents(backend, inputs):
    """(R, L, K), on the same sequences for every lane."""
    a, R = backend.recipe.architecture, len(backend.lanes)
    rows = np.arange(N)[None].repeat(R, axis=0)
    return backend.exponents(Samples(inputs, np.zeros((N, 1, 1))), rows, directions(a, R))


def jacobians(backend, lane, layer, inputs, reference):
    """ds[t]/ds[t-1] along every trajectory, (N, T, S, S), S all states of a unit side by side."""
    a = backend.recipe.architecture
    weights = {name: w.detach() for name, w in reference.lane_weights(a, backend.weights()[lane]).items()}
    cell = a.cell(reference.Written(backend.lanes[lane].activation), reference.Written("sigmoid"))
    x = torch.from_numpy(inputs).transpose(0, 1)
    states = forward(cell, weights, list(x)).states
    read = torch.stack([state[0] for state in states[layer - 1]]) if layer else x
    own = layer_weights(weights, layer)
    before = [torch.cat(state, dim=-1) for state in states[layer]]
    before = torch.stack([torch.zeros_like(before[0]), *before[:-1]])

    def step(state, x_t):
        share = x_t @ own["weight_ih"]
        n_columns = own["bias"].shape[-1]
        pre = torch.nn.functional.pad(share, (0, n_columns - share.shape[-1])) + own["bias"][0]
        parts = state[None].split(a.hidden_size, dim=-1)
        return torch.cat(cell.step(pre[None], parts, own)[0], dim=-1)[0]

    found = torch.func.vmap(torch.func.jacrev(step))(before.flatten(0, 1), read.flatten(0, 1))
    return found.unflatten(0, (a.seq_len, N)).transpose(0, 1).numpy()


def slow_exponents(products, first):
    """Mean logarithms of R's diagonal as Q is carried through the products in their order, a quarter left out.

    products (T, S, S), each applied from the left; first (S, K).  What rounding leaves of a column is zero."""
    Q, logs = np.linalg.qr(first)[0], []
    for product in products:
        pushed = product @ Q
        Q, upper = np.linalg.qr(pushed)
        lengths = np.abs(np.diag(upper))
        with np.errstate(divide="ignore"):
            logs.append(np.log(np.where(lengths > 1e-13 * np.linalg.norm(pushed, axis=0), lengths, 0)))
    return np.mean(logs[math.ceil(len(products) / 4) :], axis=0)


def backward_exponents(backend, lane, layer, inputs, reference):
    """The exponents backwards in time, from the same directions."""
    J = jacobians(backend, lane, layer, inputs, reference)[:, -200:]
    first = directions(backend.recipe.architecture, len(backend.lanes))[lane, layer].reshape(N, -1, J.shape[-1])
    return np.mean([slow_exponents(j[::-1].transpose(0, 2, 1), q.T) for j, q in zip(J, first, strict=True)], axis=0)


def rotation(scale, *angles):
    W = np.zeros((2 * len(angles),) * 2)
    for n, angle in enumerate(angles):
        block = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        W[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = scale * np.array(block)
    return W


TRIANGULAR = np.diag([0.3, -1.2, 0.8, 0.5, 0.1]) + np.triu(0.4 * np.ones((5, 5)), k=1)
LINEAR = {
    "diagonal": (np.diag([0.5, 1.2, 0.1, -0.8, 0.2]), (1.2, 0.8, 0.5)),
    "rotation": (rotation(0.9, 0.3, 1.1), (0.9, 0.9, 0.9)),
    "triangular": (TRIANGULAR, (1.2, 0.8, 0.5)),
}


@pytest.mark.parametrize("kind", LINEAR)
def test_exponents_of_a_linear_network_are_the_logarithms_of_its_eigenvalues(kind):
    W, largest = LINEAR[kind]
    a = replace(PLAIN, hidden_size=len(W))
    found = exponents(make(a, ["identity"], with_weights(a, weight_hh=W)), sequences(a))
    # The directions come as near to the eigenvectors as (0.8 / 1.2)^30 in the 30 steps that do not count.
    np.testing.assert_allclose(found[0, 0], np.log(largest), atol=1e-6)


@pytest.mark.parametrize("seq_len", [40, 230], ids=["40 steps", "the last 200 of 230 steps"])
@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell, OriginalGruCell], ids=lambda cell: cell.name)
def test_every_layer_has_the_exponents_of_its_jacobians_orthonormalised_by_numpy(cell, seq_len, reference):
    a = replace(PLAIN, cell=cell, num_layers=2, seq_len=seq_len)
    backend, inputs = make(a, ["tanh", "relu"], reference.random_weights(a, 2)), sequences(a)
    found = exponents(backend, inputs)
    lanes = (0, 1) if cell is RnnCell else (0,)
    for lane in lanes:
        for layer in range(2):
            naive = backward_exponents(backend, lane, layer, inputs, reference)
            np.testing.assert_allclose(found[lane, layer], naive, rtol=ROUNDING)


@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell], ids=lambda cell: cell.name)
def test_forward_in_time_the_exponents_are_nearly_the_same(cell, reference):
    a = replace(PLAIN, cell=cell, seq_len=200)
    backend, inputs = make(a, ["tanh"], reference.random_weights(a, 1)), sequences(a)
    J = jacobians(backend, 0, 0, inputs, reference)
    first = np.random.default_rng(9).normal(size=(J.shape[-1], K))
    forwards = np.mean([slow_exponents(j, first) for j in J], axis=0)
    # The quarter that does not count is at the other end: 150 terms, which scatter by some tenths.
    np.testing.assert_allclose(exponents(backend, inputs)[0, 0], forwards, atol=0.05)


def test_each_lane_goes_along_its_own_samples(reference):
    a = replace(PLAIN, seq_len=30)
    backend, inputs = make(a, ["tanh", "tanh"], reference.random_weights(a, 2)), sequences(a)
    data, first = Samples(inputs, np.zeros((N, 1, 1))), directions(a, 2)
    both = backend.exponents(data, np.array([[0, 1, 2, 3], [3, 2, 1, 0]]), first)
    mirrored = Samples(inputs[::-1].copy(), data.targets)
    alone = backend.select([1]).exponents(mirrored, np.arange(N)[None], first[[1]])
    np.testing.assert_allclose(both[1], alone[0], rtol=ROUNDING)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_if_all_units_of_relu_are_off_every_change_dies_at_once(dtype):
    weights = with_weights(PLAIN, weight_hh=np.eye(H), bias=np.full(H, -1.0))
    assert (exponents(make(PLAIN, ["relu"], weights, dtype), sequences(PLAIN)) == -math.inf).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_direction_without_a_dimension_left_dies_and_the_others_live(dtype):
    """Two units of relu are on, with eigenvalues 0.5 and 0.9, and read 30 others that are off.  Rounding errors do not
    count as a third dimension."""
    n = 32
    a, W = replace(PLAIN, hidden_size=n), np.zeros((n, n))
    W[:2, :2] = [[0.5, 0.4], [0.0, 0.9]]
    W[2:, :2] = np.random.default_rng(0).normal(size=(n - 2, 2))
    weights = with_weights(a, weight_hh=W, bias=np.where(np.arange(n) < 2, 1.0, -1.0))
    found = exponents(make(a, ["relu"], weights, dtype), np.zeros((N, T, 2)))[0, 0]
    np.testing.assert_allclose(found[:2], np.log([0.9, 0.5]), atol=1e-5)
    assert found[2] == -math.inf


def test_a_narrow_layer_has_only_as_many_exponents_as_units():
    a = replace(PLAIN, hidden_size=2)
    found = exponents(make(a, ["identity"], with_weights(a, weight_hh=np.diag([0.5, 0.25]))), sequences(a))
    np.testing.assert_allclose(found, np.log([[[0.5, 0.25]]]), atol=1e-6)
