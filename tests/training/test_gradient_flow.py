"""The gradient-through-time experiment of "Deep Learning from Scratch 2" (WegraLee/deep-learning-from-scratch-2, ch06),
through the lab's own reverse step, and the measurement that studies use for it."""

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import PackActivation
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture, Network

N, H, T = 2, 3, 20
# As the script prints them, for randn and for randn * 0.5: the first and the last of twenty.
PRINTED = {1.0: (2.4684068094579303, 249.495615421267), 0.5: (1.2342034047289651, 0.00023793756048323344)}


def norms_of_the_script(weight_hh):
    """dh <- dh W_h^T, sqrt(sum(dh^2)) / N, as the script has them."""
    dh, norms = np.ones((N, H)), []
    for _ in range(T):
        dh = dh @ weight_hh.T
        norms.append(np.sqrt(np.sum(dh**2)) / N)
    return np.array(norms)


def norms_of_the_cell(weight_hh):
    """The same with an identity cell of T + 1 steps, at the end of which a gradient of ones arrives."""
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


def test_rand_explodes_half_of_it_vanishes_and_the_spectral_radius_decides():
    """Of 0.5 rand the largest singular value is near one, the spectral radius further below."""
    weight_hh = np.random.RandomState(3).rand(H, H)
    for scale in (1.0, 0.5):
        radius = np.abs(np.linalg.eigvals(scale * weight_hh)).max()
        norms = norms_of_the_cell(scale * weight_hh)
        assert (radius > 1) == (norms[-1] > norms[0])
        assert norms[-1] / norms[-2] == pytest.approx(radius, rel=1e-6)


def test_what_a_record_holds_is_the_norm_through_the_product_of_jacobians():
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
