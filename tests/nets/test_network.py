"""The parameters of a pack: their names, their places, how they are read and written."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import BUFFERED
from rnnlab.nets.cells.gru import GruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture, Network

SMALL = Architecture(RnnCell, 3, 6, 2, 1, True, True, seq_len=5, answers="every")


@pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
def test_a_weight_that_is_set_is_read_back_and_changes_no_other(cell):
    architecture = replace(SMALL, cell=cell, num_layers=2, tokens=True, embedding_size=5)
    network = Network(architecture, [make_activation("tanh")] * 3, dtype=torch.float64)
    for name, w in network.specs.items():
        before = network.flat.clone()
        columns = len(w.gates) * w.fan_out
        matrix = np.random.default_rng(0).normal(size=(columns, w.fan_in)).T  # not contiguous
        network.set_weight(1, name, matrix)
        np.testing.assert_array_equal(network.get_weight(1, name).numpy(), matrix)
        changed = network.flat != before
        assert changed.sum() == w.fan_in * columns
        assert not changed[[0, 2]].any()


def test_gates_are_blocks_of_columns_each_with_its_own_padding():
    network = Network(replace(SMALL, cell=LstmCell), [make_activation("tanh")], dtype=torch.float64)
    matrix = np.arange(6 * 24.0).reshape(6, 24) + 1
    network.set_weight(0, "layer0.weight_hh", matrix)
    stored = network.weights["layer0.weight_hh"][0]
    assert stored.shape == (8, 32)
    for gate in range(4):
        block = stored[:, gate * 8 : gate * 8 + 8]
        np.testing.assert_array_equal(block[:6, :6].numpy(), matrix[:, gate * 6 : gate * 6 + 6])
        assert not block[6:].any()
        assert not block[:, 6:].any()


def test_norms_of_layers_are_those_of_all_their_parameters(reference):
    architecture = replace(SMALL, cell=GruCell, num_layers=2, tokens=True, embedding_size=5)
    network = reference.random_network(architecture, ["tanh"] * 2)
    norms = network.layer_norms(network.flat)
    assert list(norms) == ["embedding", "layer0", "layer1", "readout"]
    for layer, found in norms.items():
        for lane in range(2):
            names = [name for name in network.specs if name.startswith(layer)]
            own = np.concatenate([network.get_weight(lane, name).numpy().ravel() for name in names])
            assert found[lane].item() == pytest.approx(np.linalg.norm(own), rel=1e-12)


def test_selected_lanes_are_copies_in_the_given_order(reference):
    lanes = [make_activation(name) for name in ("tanh", "relu", "gelu")]
    gates = [make_activation(name) for name in ("sigmoid", "hardtanh", "softsign")]
    network = reference.random_network(replace(SMALL, cell=GruCell), lanes, gates)
    before = network.flat.clone()
    chosen = network.select([2, 0])
    assert chosen.activations == [lanes[2], lanes[0]]
    assert chosen.gate_activations == [gates[2], gates[0]]
    assert torch.equal(chosen.flat, before[[2, 0]])
    assert chosen.flat.dtype == network.flat.dtype
    chosen.flat.zero_()
    assert torch.equal(network.flat, before)
    assert (chosen.weights["readout.weight"] == 0).all()


def test_the_parameters_of_a_network_are_named_in_order_of_depth():
    two = replace(SMALL, num_layers=2, readout_bias=False)
    assert list(two.weights()) == [
        "layer0.weight_ih",
        "layer0.weight_hh",
        "layer0.bias",
        "layer1.weight_ih",
        "layer1.weight_hh",
        "layer1.bias",
        "readout.weight",
    ]
    assert (two.weights()["layer1.weight_ih"].fan_in, two.weights()["layer0.weight_ih"].fan_in) == (6, 3)
    assert "layer0.bias" not in replace(SMALL, bias=False).weights()
    assert "readout.bias" in replace(SMALL, bias=False).weights()
    assert list(replace(SMALL, tokens=True, embedding_size=4).weights())[:2] == ["embedding.weight", "layer0.weight_ih"]
    assert list(replace(SMALL, num_layers=0).weights()) == ["readout.weight", "readout.bias"]
    assert replace(SMALL, num_layers=0).weights()["readout.weight"].fan_in == SMALL.input_size
