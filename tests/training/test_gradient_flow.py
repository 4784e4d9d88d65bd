"""The gradient-through-time experiment of "Deep Learning from Scratch 2" (WegraLee/deep-learning-from-scratch-2, ch06),
with the reverse step of this package, and the measurement that studies use for it."""

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import PackActivation, make_activation
from rnnlab.nets.backends import LaneRecipe, Recipe, Samples, Updates, make
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS

N, H, T = 2, 3, 20
# The first and the last of twenty numbers that the script prints, for randn and for randn * 0.5.
PRINTED = {1.0: (2.4684068094579303, 249.495615421267), 0.5: (1.2342034047289651, 0.00023793756048323344)}


def norms_of_the_script(weight_hh):
    """The formulas of the script: dh <- dh W_h^T, sqrt(sum(dh^2)) / N."""
    dh, norms = np.ones((N, H)), []
    for _ in range(T):
        dh = dh @ weight_hh.T
        norms.append(np.sqrt(np.sum(dh**2)) / N)
    return np.array(norms)


def norms_of_the_cell(weight_hh):
    """The same with an identity cell of T + 1 steps and a gradient of ones at the last step."""
    phi = PackActivation([make_activation("identity")])
    cell, w = RnnCell(phi, phi), {"weight_hh": torch.from_numpy(weight_hh)[None]}
    zero = torch.zeros(1, N, H, dtype=torch.float64)
    _, trace = cell.unroll([zero] * (T + 1), (zero,), w)
    gradient, norms = (zero + 1,), []
    for kept in reversed(trace):
        norms.append(torch.linalg.vector_norm(gradient[0]).item() / N)
        _, gradient = cell.reverse_step(gradient, kept, w, {"weight_hh": torch.zeros_like(w["weight_hh"])})
    return np.array(norms[1:])


@pytest.mark.parametrize("scale", [1.0, 0.5])
@pytest.mark.parametrize("draw", ["rand", "randn"])
def test_the_numbers_of_the_script_are_reproduced(draw, scale):
    generator = np.random.RandomState(3)
    weight_hh = scale * getattr(generator, draw)(H, H)
    expected = norms_of_the_script(weight_hh)
    np.testing.assert_allclose(norms_of_the_cell(weight_hh), expected, rtol=1e-10)
    if draw == "randn":
        np.testing.assert_allclose(expected[[0, -1]], PRINTED[scale], rtol=1e-10)


def test_rand_explodes_and_half_of_it_vanishes_as_the_spectral_radius_says():
    """The largest singular value of 0.5 rand is near one, its spectral radius is further below."""
    weight_hh = np.random.RandomState(3).rand(H, H)
    for scale in (1.0, 0.5):
        radius = np.abs(np.linalg.eigvals(scale * weight_hh)).max()
        norms = norms_of_the_cell(scale * weight_hh)
        assert (radius > 1) == (norms[-1] > norms[0])
        assert norms[-1] / norms[-2] == pytest.approx(radius, rel=1e-6)


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_a_backend_measures_the_norms_of_the_gradient_through_the_product_of_jacobians(backend):
    """An identity network of one layer: dL/dh[t] = dL/dh[T-1] (W_hh^T)^(T-1-t).  It should answer 0: dL/dz = 2z / B."""
    B = 8
    a = Architecture(RnnCell, 1, 5, 1, 1, False, False, T, "last")
    recipe = Recipe(a, "mse", "linear", "sgd", n_steps=1, batch_size=B, chunk=3)
    lane = LaneRecipe(make_activation("identity"), OPTIMIZERS["sgd"].Options(learning_rate=1e-3))
    generator = np.random.default_rng(0)
    made = make(backend, recipe, [lane] * 2, "cpu")
    weights = (generator.normal(size=(2, a.n_parameters)) / 5**0.5).astype(np.float32)
    made.set_weights(weights)
    samples = Samples(generator.normal(size=(B, T, 1)).astype(np.float32), np.zeros((B, 1, 1), np.float32))
    rows = np.arange(B).reshape(1, 1, B).repeat(2, axis=0)
    taken = made.train(Updates(samples, rows, 1, np.ones(1, bool), np.ones(2, bool)), recording=True)
    for n in range(2):
        w = {name: weights[n, i : i + r * c].reshape(r, c).astype(float) for name, (i, (r, c)) in a.places().items()}
        h = np.zeros((B, 5))
        for t in range(T):
            h = samples.inputs[:, t] @ w["layer0.weight_ih"] + h @ w["layer0.weight_hh"]
        g = (2 * h @ w["readout.weight"] / B) @ w["readout.weight"].T
        for t in reversed(range(T)):
            assert taken.through_time[n, 0, t] == pytest.approx(np.linalg.norm(g), rel=1e-4)  # single precision
            g = g @ w["layer0.weight_hh"].T
