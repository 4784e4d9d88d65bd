"""The gradient-through-time experiment of "Deep Learning from Scratch 2" (WegraLee/deep-learning-from-scratch-2, ch06),
with the reverse step of this package, and the measurement that studies use for it."""

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import PackActivation
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture, Network

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


def test_a_record_has_the_norms_of_the_gradient_through_the_product_of_jacobians():
    """An identity network of one layer: dL/dh[t] = dL/dh[T-1] (W_hh^T)^(T-1-t)."""
    network = Network(Architecture(RnnCell, 1, 5, 1, 1, True, True, T, "last"), [make_activation("identity")] * 2)
    generator = np.random.default_rng(0)
    for lane in range(2):
        for name, w in network.specs.items():
            network.set_weight(lane, name, generator.normal(size=(w.fan_in, w.fan_out)) / w.fan_in**0.5)
    workspace = Workspace(network, batch_size=8)
    workspace.forward(torch.randn(2, T, 8, 4, generator=torch.Generator().manual_seed(1)))
    dz = torch.randn(2, 1, 8, generator=torch.Generator().manual_seed(2))
    found = torch.zeros(2, 1, T)
    workspace.backward(dz, through_time=found)
    for lane in range(2):
        weight_hh = network.get_weight(lane, "layer0.weight_hh").double()
        g = dz[lane].T.double() @ network.get_weight(lane, "readout.weight").double().T
        for t in reversed(range(T)):
            assert found[lane, 0, t].sqrt().item() == pytest.approx(g.norm().item(), rel=1e-4)  # single precision
            g = g @ weight_hh.T
