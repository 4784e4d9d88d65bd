"""Plain torch on the CPU: a lane's bits do not depend on its pack."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends.apart import LanesApart
from rnnlab.nets.backends.base import LaneRecipe, Order, Recipe, Samples, Updates
from rnnlab.nets.backends.plain import PlainBackend
from rnnlab.nets.cells import CELLS
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS

T, I, H, B, N, STEPS = 5, 2, 5, 7, 40, 6  # no size is a multiple of a vector's
R = 4


@pytest.fixture(params=["rnn", "lstm", "gru"])
def recipe(request):
    architecture = Architecture(CELLS[request.param], I, H, I, 2, True, True, T, "last")
    return Recipe(architecture, "mse", "linear", "adam", STEPS, B, 4, drops=True)


@pytest.fixture
def samples():
    rng = np.random.default_rng(0)
    return Samples(*(rng.normal(size=(N, n, I)).astype(np.float32) for n in (T, 1)))


def lanes_of(recipe, limits=(math.inf,) * R):
    options = OPTIMIZERS[recipe.optimizer].Options
    names = ("sigmoid", "tanh", "gelu", "sigmoid")
    rates = (0.01, 0.02, 0.03, 0.04)
    return [
        LaneRecipe(make_activation(name), options(learning_rate=rate), loss_limit=limit)
        for name, rate, limit in zip(names, rates, limits, strict=True)
    ]


def drawn(recipe, samples):
    rng = np.random.default_rng(1)
    keep = [rng.integers(0, 2, (R, STEPS, *shape, H)).astype(np.float32) * 2 for shape in ((T, B), (1, B))]
    noise = rng.normal(size=(R, STEPS, recipe.architecture.n_parameters)).astype(np.float32) / 100
    rows = rng.integers(0, N, (R, STEPS, B))
    return Updates(samples, rows, 1, np.ones(STEPS, bool), np.ones(R, bool), keep, noise)


def own(updates, lanes):
    return replace(
        updates,
        rows=updates.rows[lanes],
        live=updates.live[lanes],
        keep=[factors[lanes] for factors in updates.keep],
        noise=updates.noise[lanes],
    )


def test_a_lane_has_the_same_bits_in_any_pack(recipe, samples):
    updates, lanes = drawn(recipe, samples), lanes_of(recipe)
    start = np.random.default_rng(2).normal(size=(R, recipe.architecture.n_parameters)).astype(np.float32) / 3
    order = Order(np.tile(np.arange(N).reshape(1, 4, 10), (R, 1, 1)), np.full(4, 10))
    found = {}
    for members in ([0, 1, 2, 3], [3, 1], [1], [2, 0, 3]):
        backend = LanesApart(recipe, [lanes[r] for r in members])
        backend.set_weights(start[members])
        taken = backend.train(own(updates, members), recording=True)
        part = replace(order, rows=order.rows[members])
        said = backend.outputs(samples, part.rows[:, 0])
        loop = backend.closed_loop(samples.inputs[: len(members)] * 0 + 1, 3)
        numbers = [backend.weights(), backend.losses(samples, part), said, loop, taken.losses, taken.grad_norms]
        numbers += [*taken.measured.values(), taken.through_time, *backend.state().values()]
        for n, r in enumerate(members):
            bits = [array[n].tobytes() for array in numbers]
            assert found.setdefault(r, bits) == bits, (members, r)


def test_it_computes_what_lanes_side_by_side_do(recipe, samples):
    updates, lanes = drawn(recipe, samples), lanes_of(recipe)
    start = np.random.default_rng(2).normal(size=(R, recipe.architecture.n_parameters)).astype(np.float32) / 3
    results = []
    for kind in (LanesApart, PlainBackend):
        backend = kind(recipe, lanes)
        backend.set_weights(start)
        taken = backend.train(updates, recording=True)
        chosen = backend.select([3, 0])
        results.append((backend.weights(), chosen.weights(), taken.losses, taken.n_taken, taken.through_time))
        results[-1] += tuple(taken.measured[name] for name in sorted(taken.measured))
    for apart, together in zip(*results, strict=True):
        np.testing.assert_allclose(apart, together, rtol=2e-4, atol=1e-6)


def test_a_lane_that_diverges_disturbs_nobody_and_measures_nothing(recipe, samples):
    updates = drawn(recipe, samples)
    start = np.random.default_rng(2).normal(size=(R, recipe.architecture.n_parameters)).astype(np.float32) / 3
    whole, alone = (LanesApart(recipe, lanes_of(recipe, (math.inf, limit, math.inf, math.inf))) for limit in (0, 9e9))
    for backend in (whole, alone):
        backend.set_weights(start)
    stopped, free = (backend.train(updates, recording=True) for backend in (whole, alone))
    assert stopped.reasons[1] > 0 and not free.reasons.any() and stopped.n_taken.tolist() == [STEPS, 0, STEPS, STEPS]
    others = [0, 2, 3]
    np.testing.assert_array_equal(whole.weights()[others], alone.weights()[others])
    for name, values in free.measured.items():
        np.testing.assert_array_equal(stopped.measured[name][others], values[others])
