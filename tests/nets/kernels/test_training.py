"""Compiled updates of whole networks: gradients against autograd, lanes alone and in company, overflow."""

import math

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.backends.base import LaneRecipe, Recipe, Samples, Updates
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.nets.reference import forward

CompiledBackend = pytest.importorskip("rnnlab.nets.backends.compiled").CompiledBackend

EVERY_CELL = list(CELLS)
I = 3
RATE = 2.0**20  # so large that a weight after the update is its gradient but for a few roundings
EXACT = 1e-5  # relative to the largest gradient; sums of up to 100 products in single precision


class Pack:
    """Lanes of one architecture with random weights and data, and one update of them."""

    def __init__(self, cell, phis, B=5, H=10, O=1, L=1, T=6, answers="every", loss="mse", clip=None, **sizes):
        tokens = sizes.pop("tokens", False)
        embedding, bias = sizes.pop("embedding", None), sizes.pop("bias", True)
        self.a = Architecture(cell, 7 if tokens else I, H, O, L, bias, bias, T, answers, tokens, embedding)
        self.loss, self.B = loss, B
        recipe = Recipe(self.a, loss, "linear", "sgd", n_steps=1, batch_size=B, chunk=max(1, 2 * B // 3))
        options = OPTIMIZERS["sgd"].Options(learning_rate=RATE, clip_norm=clip)
        lanes = [LaneRecipe(make_activation(phi), options, make_activation(gate)) for phi, gate in phis]
        self.backend = CompiledBackend(recipe, lanes)
        rng, R, A = np.random.default_rng(0), len(phis), T if answers == "every" else 1
        self.weights = (0.7 * rng.normal(size=(R, self.a.n_parameters)) / H**0.5).astype(np.float32)
        self.samples = Samples(
            rng.integers(7, size=(B, T)) if tokens else rng.normal(size=(B, T, I)).astype(np.float32),
            rng.normal(size=(B, A, O)).astype(np.float32) if loss == "mse" else rng.integers(O, size=(B, A)),
        )

    def update(self, lanes=None):
        """What became of the update, and the gradients after clipping, (R, P)."""
        chosen = list(range(len(self.weights))) if lanes is None else lanes
        backend = self.backend.select(chosen)
        backend.set_weights(self.weights[chosen])
        rows = np.tile(np.arange(self.B), (len(chosen), 1, 1))
        todo = Updates(self.samples, rows, 1, np.ones(1, bool), np.ones(len(chosen), bool))
        taken = backend.train(todo, recording=True)
        with np.errstate(invalid="ignore"):  # inf - inf
            return taken, (self.weights[chosen].astype(float) - backend.weights()) / RATE

    def expected(self, lane, reference):
        """The loss and the gradients (P,), by autograd in double precision."""
        weights = reference.lane_weights(self.a, self.weights[lane])
        x = torch.from_numpy(self.samples.inputs).transpose(0, 1)
        x = torch.nn.functional.one_hot(x, self.a.input_size).double() if self.a.tokens else x.double()
        own = self.backend.lanes[lane]
        cell = self.a.cell(*map(reference.Written, (own.activation, own.gate_activation)))
        z = forward(cell, weights, list(x), answers=self.a.answers).z.reshape(-1, self.a.output_size)
        target = torch.from_numpy(self.samples.targets)
        target = target.transpose(0, 1).flatten(0, 1)
        if self.loss == "mse":
            value = torch.nn.functional.mse_loss(z, target.double())
        else:
            value = torch.nn.functional.cross_entropy(z, target)
        grads = torch.autograd.grad(value, list(weights.values()), materialize_grads=True)
        return value.item(), {name: grad.numpy() for name, grad in zip(weights, grads, strict=True)}

    def assert_equal(self, taken, gradients, lane, reference):
        value, grads = self.expected(lane, reference)
        assert taken.losses[lane] == pytest.approx(value, rel=1e-5)
        for name, (start, (rows, columns)) in self.a.places().items():
            ours = gradients[lane, start : start + rows * columns].reshape(rows, columns)
            largest = max(np.abs(grads[name]).max(), 1e-6)
            assert np.abs(ours - grads[name]).max() <= EXACT * largest, name


CLASSES = dict(loss="cross_entropy")
SHAPES = {
    "plain": {},
    "stacked": dict(L=3),
    "last step": dict(answers="last"),
    "classes": dict(O=4) | CLASSES,
    "several numbers, stacked, last step": dict(L=2, answers="last", O=5),
    "tokens": dict(tokens=True, O=7) | CLASSES,
    "embedding": dict(tokens=True, O=7, embedding=5, L=2) | CLASSES,
    "one sample": dict(B=1),
    "one step": dict(T=1),
    "one unit": dict(H=1, B=3),
    "odd sizes": dict(B=13, H=33),
    "wider than a tile": dict(B=3, H=70, O=19),
    "no bias": dict(bias=False),
    "no layers": dict(L=0, answers="last", O=4),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)
def test_losses_and_gradients_equal_autograds(cell, shape, reference):
    pack = Pack(cell, [("tanh", "sigmoid"), ("gelu", "softsign")], **SHAPES[shape])
    taken, gradients = pack.update()
    for lane in range(2):
        pack.assert_equal(taken, gradients, lane, reference)


def test_every_activation_works_in_either_place(reference):
    phis = [(name, "sigmoid") for name in ACTIVATIONS] + [("tanh", name) for name in ACTIVATIONS]
    pack = Pack(LstmCell, phis)
    taken, gradients = pack.update()
    for lane in range(len(phis)):
        pack.assert_equal(taken, gradients, lane, reference)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)
def test_a_lane_has_the_same_bits_alone_and_in_any_company(cell, shape):
    pack = Pack(cell, [("relu", "sigmoid"), ("tanh", "sigmoid"), ("mish", "softplus")], **SHAPES[shape])
    together, gradients = pack.update()
    for company in ([0], [1], [2], [2, 0], [1, 1, 1]):
        taken, own = pack.update(company)
        for place, lane in enumerate(company):
            assert own[place].tobytes() == gradients[lane].tobytes()
            for name in ("losses", "grad_norms"):
                assert getattr(taken, name)[place] == getattr(together, name)[lane]
            for name, values in together.measured.items():
                assert taken.measured[name][place] == values[lane], name


@pytest.mark.parametrize("cell", EVERY_CELL, ids=lambda cell: cell.name)
def test_a_lane_that_overflows_shows_it_and_disturbs_nobody(cell):
    pack = Pack(cell, [("relu", "relu"), ("tanh", "sigmoid")])
    expected, calm = pack.update()
    assert expected.reasons.tolist() == [0, 0]
    for poison in (1e25, math.inf, math.nan):
        pack.weights[0] = poison
        taken, gradients = pack.update()
        assert taken.reasons[0] > 0
        assert not np.isfinite([taken.losses[0], taken.grad_norms[0]]).all()
        assert (taken.n_taken.tolist(), taken.reasons[1]) == ([0, 1], 0)
        assert gradients[1].tobytes() == calm[1].tobytes()
        assert taken.losses[1] == expected.losses[1]


def test_gradients_are_clipped_by_their_norm():
    phis = [("tanh", "sigmoid")] * 2
    taken, whole = Pack(RnnCell, phis).update()
    clipped = Pack(RnnCell, phis, clip=0.01).update()
    assert clipped[0].n_clipped.tolist() == [1, 1]
    for lane in range(2):
        norm = np.linalg.norm(whole[lane])
        assert taken.grad_norms[lane] == pytest.approx(norm, rel=1e-5)
        np.testing.assert_allclose(clipped[1][lane], whole[lane] * 0.01 / (norm + 1e-6), rtol=1e-4, atol=1e-9)
