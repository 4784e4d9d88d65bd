"""A compiled update of whole networks against the reference network and autograd."""

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels import library
from rnnlab.nets.kernels.activations import NUMBERS
from rnnlab.nets.kernels.entry import Batch, Data, Kinds, Own, step
from rnnlab.nets.kernels.losses import LOSSES, READOUTS
from rnnlab.nets.kernels.optimizers import FORMULAS
from rnnlab.nets.kernels.program import Program
from rnnlab.nets.network import Architecture
from rnnlab.nets.reference import forward

CELLS = (RnnCell, MemorylessCell, LstmCell, GruCell, OriginalGruCell)
T, I = 6, 3
EXACT = 1e-5  # relative to the largest gradient; sums of up to 100 products in single precision


class Pack:
    """Lanes of one architecture with random weights and data, and their gradients after `update`."""

    def __init__(self, cell, n_lanes=2, B=5, H=10, O=1, L=1, answers="every", tokens=False, embedding=None, bias=True):
        size = 7 if tokens else I
        self.a = Architecture(cell, size, H, O, L, bias, bias, T, answers, tokens, embedding)
        self.program = p = Program(self.a, T, B, n_lanes)
        self.memory = p.memory()
        self.B, self.n_answers = B, B * (T if answers == "every" else 1)
        rng = np.random.default_rng(0)
        self.weights = self.rows(p.lanes.w)
        self.weights[:, : p.n_parameters] = 0.7 * rng.normal(size=(n_lanes, p.n_parameters)) / H**0.5
        rng = np.random.default_rng(1)
        self.inputs = rng.normal(size=(B, T, I)).astype(np.float32)
        self.tokens = rng.integers(size, size=(B, T))
        per_sample = self.n_answers // B
        self.targets = rng.normal(size=(B, per_sample, O)).astype(np.float32)
        self.classes = rng.integers(O, size=(B, per_sample))

    def rows(self, start):
        p = self.program
        return self.memory[start : start + p.n_lanes * p.row].reshape(p.n_lanes, p.row)

    def update(self, phis, loss="mse", readout="linear", optimizer="adam", clip=np.inf):
        """phis: by lane, the activations of cell and gates.  -> what `step` found, and the gradients"""
        p, n = self.program, len(phis)
        numbers = np.array([[NUMBERS[cell], NUMBERS[gate]] for cell, gate in phis])
        parameters = np.array([[0.01, 0, 1, 0]] * n, np.float32)  # of leaky_relu; 1 is the alpha of elu and celu
        parameters[:, 0] = [1.0 if cell in ("elu", "celu") else 0.01 for cell, _ in phis]
        own = Own(
            numbers,
            parameters,
            np.array([[clip, np.inf, 0]] * n, np.float32),
            np.array([[1e-3, 1e-8, 0.9, 0.1, 0.999, 0.001, 1, 0]] * n, np.float32),
        )
        kinds = Kinds(LOSSES[loss], READOUTS[readout], list(FORMULAS).index(optimizer), False, self.B)
        data = Data(*(array.ravel() for array in (self.inputs, self.tokens, self.targets, self.classes)))
        which = np.tile(np.arange(self.B), (n, 1))
        batch = Batch(which, 0, False, 0, False, np.zeros(T * self.B, np.int64), np.zeros(self.n_answers, np.int64))
        found = np.zeros((n, 4))
        step(self.memory, p.sizes, p.layers, p.copies, p.lanes, p.row, kinds, own, data, batch, found)
        return found, self.rows(p.lanes.g).copy()

    def expected(self, lane, phi, gate_phi, loss="mse"):
        """The loss and the gradients by name, by autograd in double precision."""
        weights = {}
        for name, w in self.a.weights().items():
            shape, start = (w.fan_in, len(w.gates) * w.fan_out), self.program.offsets[name]
            own = self.weights[lane, start : start + shape[0] * shape[1]].reshape(shape)
            weights[name] = torch.from_numpy(own.astype(np.float64)).requires_grad_()
        if self.a.tokens:
            x = torch.nn.functional.one_hot(torch.from_numpy(self.tokens.T.copy()), self.a.input_size).double()
        else:
            x = torch.from_numpy(self.inputs.astype(np.float64)).transpose(0, 1)
        z = forward(self.a.cell(phi, gate_phi), weights, list(x), answers=self.a.answers).z.reshape(
            -1, self.a.output_size
        )
        if loss == "mse":
            target = torch.from_numpy(self.targets.astype(np.float64)).transpose(0, 1).reshape(z.shape)
            value = torch.nn.functional.mse_loss(z, target)
        else:
            value = torch.nn.functional.cross_entropy(z, torch.from_numpy(self.classes.T.copy()).flatten())
        grads = torch.autograd.grad(value, list(weights.values()), materialize_grads=True)
        return value.item(), {name: grad.numpy() for name, grad in zip(weights, grads, strict=True)}

    def assert_equal(self, found, gradients, lane, value, grads):
        assert found[lane, 0] == pytest.approx(value, rel=1e-5)
        for name, expected in grads.items():
            start = self.program.offsets[name]
            ours = gradients[lane, start : start + expected.size].reshape(expected.shape)
            largest = max(np.abs(expected).max(), 1e-6)
            assert np.abs(ours - expected).max() <= EXACT * largest, name


@pytest.fixture(scope="module", autouse=True)
def loaded(tmp_path_factory):
    library.load(tmp_path_factory.mktemp("kernels"))


SHAPES = {
    "plain": {},
    "stacked": dict(L=3),
    "last step": dict(answers="last"),
    "classes": dict(O=4),
    "stacked, last step": dict(L=2, answers="last", O=5),
    "tokens": dict(tokens=True, O=7),
    "embedding": dict(tokens=True, O=7, embedding=5, L=2),
    "one sample": dict(B=1),
    "odd sizes": dict(B=13, H=33),
    "no bias": dict(bias=False),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_losses_and_gradients_equal_autograds(cell, shape, reference):
    pack = Pack(cell, **SHAPES[shape])
    loss = "cross_entropy" if pack.a.output_size > 1 else "mse"
    phis = [("tanh", "sigmoid"), ("gelu", "softsign")]
    found, gradients = pack.update(phis, loss)
    for lane, names in enumerate(phis):
        pack.assert_equal(found, gradients, lane, *pack.expected(lane, *map(reference.Written, names), loss))


def test_every_activation_works_in_either_place(reference):
    assert NUMBERS.keys() == ACTIVATIONS.keys()
    phis = [(name, "sigmoid") for name in NUMBERS] + [("tanh", name) for name in NUMBERS if name not in ("leaky_relu",)]
    pack = Pack(LstmCell, n_lanes=len(phis))
    found, gradients = pack.update(phis)
    for lane, names in enumerate(phis):
        pack.assert_equal(found, gradients, lane, *pack.expected(lane, *map(reference.Written, names)))


def test_a_lane_has_the_same_bits_alone_and_in_any_company():
    phis = [("relu", "sigmoid"), ("tanh", "sigmoid"), ("mish", "softplus")]
    for cell in CELLS:
        together = Pack(cell, n_lanes=3, O=4)
        found, gradients = together.update(phis, "cross_entropy")
        for lane in range(3):
            alone = Pack(cell, n_lanes=1, O=4)
            alone.weights[0] = together.weights[lane]
            own, own_gradients = alone.update(phis[lane : lane + 1], "cross_entropy")
            assert own[0].tobytes() == found[lane].tobytes()
            assert own_gradients[0].tobytes() == gradients[lane].tobytes()


def test_a_lane_that_overflows_shows_it_and_disturbs_nobody():
    calm, pack = Pack(RnnCell, n_lanes=2), Pack(RnnCell, n_lanes=2)
    pack.weights[0] *= 1e20
    phis = [("relu", "sigmoid"), ("tanh", "sigmoid")]
    expected, gradients = calm.update(phis)
    found, _ = pack.update(phis)
    assert not np.isfinite(found[0, :2]).any()
    assert found[1].tobytes() == expected[1].tobytes()
    assert np.isfinite(gradients[1]).all()


def test_gradients_are_clipped_by_their_norm():
    pack = Pack(RnnCell)
    found, whole = pack.update([("tanh", "sigmoid")] * 2)
    _, clipped = pack.update([("tanh", "sigmoid")] * 2, clip=0.01)
    for lane in range(2):
        norm = np.linalg.norm(whole[lane].astype(np.float64))
        assert found[lane, 1] == pytest.approx(norm, rel=1e-6)
        np.testing.assert_allclose(clipped[lane], whole[lane] * 0.01 / (norm + 1e-6), rtol=1e-5, atol=1e-12)
