"""A network's parameters as a state dict: modules of torch compute with them what nets/reference.py computes."""

import numpy as np
import pytest
import torch

from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.base import Cell, elman_weights
from rnnlab.nets.cells.gru import OriginalGruCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.state_dict import state_dict

TWINS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
I, H, O, L, T, B = 2, 5, 3, 2, 6, 4


def architecture(cell, **changes):
    sizes = {"input_size": I, "hidden_size": H, "output_size": O, "num_layers": L, "bias": True, "readout_bias": True}
    return Architecture(cell, **(sizes | {"seq_len": T, "answers": "every"} | changes))


def tensors(found):
    return {name: torch.from_numpy(tensor).double() for name, tensor in found.items()}


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("name", TWINS)
def test_torch_loads_them_strictly_and_computes_the_same(name, bias, reference):
    a = architecture(CELLS[name], bias=bias, readout_bias=bias)
    (row,) = reference.random_weights(a, 1).astype(np.float32)
    found = tensors(state_dict(a, row))
    twin, linear = TWINS[name](I, H, L, bias=bias).double(), torch.nn.Linear(H, O, bias=bias).double()
    linear.load_state_dict({key.removeprefix("readout."): found.pop(key) for key in list(found) if "readout" in key})
    twin.load_state_dict(found)
    x = torch.randn(T, B, I, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    weights = reference.lane_weights(a, row)
    expected = reference.unroll(weights, x, "tanh", cell=CELLS[name], answers="every")
    torch.testing.assert_close(linear(twin(x)[0]), expected, rtol=0, atol=1e-12)


def test_the_embedding_is_that_of_torch(reference):
    a = architecture(CELLS["lstm"], input_size=7, tokens=True, embedding_size=3)
    (row,) = reference.random_weights(a, 1).astype(np.float32)
    found = tensors(state_dict(a, row))
    embedding, twin = torch.nn.Embedding(7, 3).double(), torch.nn.LSTM(3, H, L).double()
    embedding.load_state_dict({"weight": found["embedding.weight"]})
    twin.load_state_dict({name: tensor for name, tensor in found.items() if "." not in name})
    tokens = torch.arange(T * B).reshape(T, B) % 7
    said = torch.nn.functional.linear(twin(embedding(tokens))[0], found["readout.weight"], found["readout.bias"])
    expected = reference.unroll(reference.lane_weights(a, row), tokens, "tanh", cell=CELLS["lstm"], answers="every")
    torch.testing.assert_close(said, expected, rtol=0, atol=1e-12)


def test_the_authors_gru_has_the_names_of_torch_and_one_bias():
    a = architecture(OriginalGruCell, num_layers=1)
    row = np.arange(a.n_parameters, dtype=np.float32)
    found = state_dict(a, row)
    (start, (_, columns)) = a.places()["layer0.weight_hn"]
    np.testing.assert_array_equal(found["weight_hh_l0"][2 * H :], row[start : start + H * columns].reshape(H, H).T)
    start, _ = a.places()["layer0.bias"]
    n, r, z = row[start : start + 3 * H].reshape(3, H)
    np.testing.assert_array_equal(found["bias_ih_l0"], np.concatenate([r, z, n]))
    assert not found["bias_hh_l0"].any()


def test_a_layer_without_recurrence_has_only_its_inputs_weights():
    found = state_dict(a := architecture(CELLS["memoryless"]), np.zeros(a.n_parameters, np.float32))
    assert list(found) == [
        *("weight_ih_l0", "bias_ih_l0", "weight_ih_l1", "bias_ih_l1"),
        *("readout.weight", "readout.bias"),
    ]


def test_without_layers_there_is_the_readout_alone():
    a = architecture(CELLS["rnn"], num_layers=0)
    found = state_dict(a, np.arange(a.n_parameters, dtype=np.float32))
    assert {name: tensor.shape for name, tensor in found.items()} == {"readout.weight": (O, I), "readout.bias": (O,)}


@pytest.mark.parametrize("cell", [*CELLS.values(), OriginalGruCell], ids=lambda cell: cell.name)
def test_no_number_is_lost_and_none_is_shared_with_the_row(cell):
    a = architecture(cell)
    row = np.arange(1, 1 + a.n_parameters, dtype=np.float32)
    found = state_dict(a, row)
    row[:] = 0
    numbers = np.sort(np.concatenate([tensor.ravel() for tensor in found.values()]))
    np.testing.assert_array_equal(numbers[numbers > 0], np.arange(1, 1 + a.n_parameters))


def test_a_cell_that_torch_does_not_have_keeps_its_names():
    class Own(Cell):
        @classmethod
        def weights(cls, input_size, hidden_size, bias):
            return elman_weights(input_size, hidden_size, bias, ("b", "a"))

    a = architecture(Own, num_layers=1)
    row = np.arange(a.n_parameters, dtype=np.float32)
    found = state_dict(a, row)
    assert list(found) == ["weight_ih_l0", "weight_hh_l0", "bias_l0", "readout.weight", "readout.bias"]
    np.testing.assert_array_equal(found["weight_ih_l0"].T.ravel(), row[: 2 * H * I])
    assert found["bias_l0"].shape == (2 * H,)
