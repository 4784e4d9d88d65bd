"""The reference network: forward against torch.nn, backward against autograd."""

from operator import attrgetter

import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import BUFFERED, PackActivation
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.reference import backward, forward

R, T, B, I, H, O, E = 2, 4, 3, 5, 6, 2, 3
CLOSE = dict(rtol=1e-11, atol=1e-11)


def normal(seed, *sizes):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def weights_of(cell, *lead, num_layers=2, embedding_size=None, bias=True):
    a = Architecture(cell, I, H, O, num_layers, bias, bias, T, "last", True, embedding_size)
    return {
        name: 0.4 * normal(n, *lead, w.fan_in, len(w.gates) * w.fan_out)
        for n, (name, w) in enumerate(a.weights().items())
    }


def test_stacked_layers_are_those_of_torch_nn(reference):
    """An LSTM of two layers; torch's gates are i f n o, ours i f o n."""
    twin = torch.nn.LSTM(I, H, num_layers=2, dtype=torch.float64)
    weights = weights_of(LstmCell)
    for n in range(2):
        for kind in ("weight_ih", "weight_hh", "bias"):
            i, f, o, n_ = weights[f"layer{n}.{kind}"].split(H, dim=1)
            theirs = getattr(twin, f"{kind}_l{n}" if kind != "bias" else f"bias_ih_l{n}")
            theirs.data = torch.cat([i, f, n_, o], dim=1).T.reshape(theirs.shape).contiguous()
        getattr(twin, f"bias_hh_l{n}").data.zero_()
    x = normal(50, T, B, I)
    cell = LstmCell(reference.Written("tanh"), reference.Written("sigmoid"))
    states, (h, c) = twin(x)
    found = forward(cell, weights, list(x), answers="every")
    torch.testing.assert_close(
        found.z, states @ weights["readout.weight"] + weights["readout.bias"], check_stride=False, **CLOSE
    )
    for n in range(2):
        torch.testing.assert_close(found.states[n][-1][0], h[n], **CLOSE)
        torch.testing.assert_close(found.states[n][-1][1], c[n], **CLOSE)


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
def test_backward_gives_autograds_gradients(cell, answers, reference):
    """With an embedding and dropout, and without; a pack of two lanes with one activation."""
    for embedding_size, drops, bias in ((E, True, True), (None, False, False)):
        weights = weights_of(cell, R, embedding_size=embedding_size, bias=bias)
        weights = {name: w.requires_grad_() for name, w in weights.items()}
        xs = [normal(40 + t, R, B, I) for t in range(T)]
        keep = [normal(60, T, R, B, H), normal(61, *((T,) if answers == "every" else ()), R, B, H)] if drops else None
        written = cell(reference.Written("tanh"), reference.Written("sigmoid"))
        y = forward(written, weights, xs, answers=answers, keep=keep).z
        dz = normal(70, *y.shape)
        expected = torch.autograd.grad((y * dz).sum(), list(weights.values()))
        with torch.no_grad():
            phi, gate_phi = (PackActivation([make_activation(name)] * R) for name in ("tanh", "sigmoid"))
            by_hand = cell(phi, gate_phi)
            found = forward(by_hand, weights, xs, answers=answers, keep=keep)
            grads = backward(by_hand, weights, xs, found, dz)
        torch.testing.assert_close(found.z, y.detach(), **CLOSE)
        assert grads.keys() == weights.keys()
        for name, gradient in zip(weights, expected, strict=True):
            torch.testing.assert_close(grads[name], gradient, **CLOSE, msg=lambda text, name=name: f"{name}: {text}")
