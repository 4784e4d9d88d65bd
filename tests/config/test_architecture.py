"""match.parameters: hidden sizes that give every network about the same number of parameters."""

import pytest
import torch

from rnnlab.config.architecture import architecture_of
from rnnlab.config.parse import from_node
from rnnlab.nets.cells import CELLS
from rnnlab.options import ConfigError
from rnnlab.training.loop import train


def run_of(cell="rnn", task="sines", parameters=3000, **values):
    node = {"task": {"name": task}, "cell": {"name": cell}, "optimizer": {"name": "adam"}}
    for key, value in values.items():
        section, option = key.split("__")
        node.setdefault(section, {})[option] = value
    return from_node(node | {"match": {"parameters": parameters}})


def n_parameters(run):
    return architecture_of(run.task, run.cell, run.readout).n_parameters


@pytest.mark.parametrize("parameters", [500, 3000, 20000])
@pytest.mark.parametrize("cell", CELLS)
def test_no_other_hidden_size_comes_nearer_to_the_number_of_parameters(cell, parameters):
    run = run_of(cell, parameters=parameters)
    off = abs(n_parameters(run) - parameters)
    assert off <= 0.1 * parameters
    for hidden_size in (run.cell.hidden_size - 1, run.cell.hidden_size + 1):
        other = from_node(run.as_dict() | {"cell": run.as_dict()["cell"] | {"hidden_size": hidden_size}})
        assert abs(n_parameters(other) - parameters) >= off


@pytest.mark.parametrize(("cell", "twin"), [("rnn", torch.nn.RNN), ("lstm", torch.nn.LSTM), ("gru", torch.nn.GRU)])
def test_the_numbers_are_those_of_torch_with_one_bias(cell, twin):
    """10 inputs, 1 output.  Torch has two biases for each gate; in a GRU the candidate has two here, too."""
    run = run_of(cell)
    H = run.cell.hidden_size
    layer, readout = twin(1, H), torch.nn.Linear(H, 1)
    torchs = sum(parameter.numel() for parameter in [*layer.parameters(), *readout.parameters()])
    n_gates = {"rnn": 1, "lstm": 4, "gru": 2}[cell]
    assert n_parameters(run) == torchs - n_gates * H


def test_a_matched_run_is_the_run_with_that_hidden_size():
    run = run_of("gru", parameters=3000)
    plain = from_node(run.as_dict())
    assert (plain.run_id, plain.folder) == (run.run_id, run.folder)
    assert "match" not in run.as_dict() and run.as_dict()["cell"]["hidden_size"] == run.cell.hidden_size


def test_the_record_of_a_run_says_how_many_parameters_its_network_has(run_config):
    (result,) = train([run_config(cell="mgu", cell__num_layers=2)])
    assert result.metrics["n_parameters"] == sum(tensor.size for tensor in result.weights.tensors.values())


@pytest.mark.parametrize(
    ("match", "values", "message"),
    [
        ({"parameters": 0}, {}, "match.parameters: 0; must be a whole number at least 1, or null"),
        ({"parameters": "many"}, {}, "match.parameters: 'many'; must be a whole number at least 1, or null"),
        ({"units": 3}, {}, "match: {'units': 3}; must have the key parameters, as in match.parameters=20000"),
        (
            {"parameters": 2},
            {},
            "match.parameters: 2; a network of cell=rnn for task=sines has 5 with hidden_size=1, and none is within "
            "10%",
        ),
        (
            {"parameters": 500},
            {"hidden_size": 7},
            "cell.hidden_size: 7; must not be given with match.parameters=500, from which it follows",
        ),
        (
            {"parameters": 500},
            {"num_layers": 0},
            "cell.num_layers: 0; must be at least 1 with match.parameters, which chooses the hidden size",
        ),
    ],
)
def test_what_cannot_be_matched_is_one_line(match, values, message):
    node = {"task": {"name": "sines"}, "cell": {"name": "rnn"} | values, "optimizer": {"name": "adam"}, "match": match}
    with pytest.raises(ConfigError) as error:
        from_node(node)
    assert str(error.value) == message
