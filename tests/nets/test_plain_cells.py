"""A cell that has its formula alone, beside the same cell in buffers."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets import buffered
from rnnlab.nets.buffered import BUFFERED
from rnnlab.nets.buffered.plain import PlainCell
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.network import Architecture
from rnnlab.tasks import Split
from rnnlab.training.batches import Pool
from rnnlab.training.dynamics import lyapunov_exponents

SMALL = Architecture(LstmCell, 4, 5, 2, 2, True, True, 6, "every")
CLOSE = {"rtol": 0, "atol": 1e-12}
LANES = (["tanh", "gelu", "tanh"], ["sigmoid", "sigmoid", "softsign"])


@pytest.fixture
def by_formula(monkeypatch):
    """by_formula(make) -> what `make` makes while no cell is known in buffers."""

    def made(make):
        with monkeypatch.context() as patch:
            patch.setattr(buffered, "BUFFERED", {})
            return make()

    return made


def normal(seed, *sizes):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("carried", [False, True], ids=["from zero", "carried"])
@pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
def test_a_formula_computes_what_its_buffers_compute(cell, carried, by_formula, reference):
    network = reference.random_network(replace(SMALL, cell=cell), *LANES)
    workspaces = [by_formula(lambda: Workspace(network, 8)), Workspace(network, 8)]
    assert all(isinstance(layer, PlainCell) for layer in workspaces[0].cells)
    assert not any(isinstance(layer, PlainCell) for layer in workspaces[1].cells)
    x, dz = normal(0, 3, 6, 8, 4), normal(1, 3, 2, 48)
    found = []
    for workspace in workspaces:
        if carried:
            workspace.start_from([normal(n, *state.shape) for n, state in enumerate(workspace.last_states())])
        through_time = torch.zeros(3, 2, 6, dtype=torch.float64)
        z = workspace.forward(x).clone()
        slopes = torch.stack([layer.slope(t).clone() for layer in workspace.cells for t in range(6)])
        workspace.backward(dz, through_time=through_time)
        found.append([z, slopes, workspace.gather_grads(), through_time, *workspace.last_states()])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, **CLOSE)


def test_lyapunov_exponents_are_those_of_the_buffers(by_formula, reference):
    """They go step by step, with what arrives at either state of an LSTM."""
    network = reference.random_network(SMALL, *LANES)
    split = Split(normal(2, 4, 6, 4).float().numpy(), np.zeros((4, 6, 2), np.float32))
    pool = Pool([split] * 3, network.flat)

    def exponents():
        return lyapunov_exponents(network, pool, [np.random.default_rng(n) for n in range(3)])

    formula, buffers = by_formula(exponents), exponents()
    assert formula.keys() == buffers.keys()
    for name in formula:
        torch.testing.assert_close(formula[name], buffers[name], rtol=0, atol=1e-8)
