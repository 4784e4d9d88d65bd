"""The parameters of a network: their names, and their places in a row."""

from dataclasses import replace

import numpy as np
import pytest

from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.gru import OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture

SMALL = Architecture(RnnCell, 3, 6, 2, 1, True, True, seq_len=5, answers="every")


@pytest.mark.parametrize("cell", [*CELLS.values(), OriginalGruCell], ids=lambda cell: cell.name)
def test_places_cover_a_row_without_a_gap_or_an_overlap(cell):
    for architecture in (
        replace(SMALL, cell=cell, num_layers=2, tokens=True, embedding_size=5),
        replace(SMALL, cell=cell, bias=False, readout_bias=False),
        replace(SMALL, cell=cell, num_layers=0),
    ):
        places = architecture.places()
        assert list(places) == list(architecture.weights())
        covered = np.concatenate([start + np.arange(rows * n) for start, (rows, n) in places.values()])
        assert covered.tolist() == list(range(architecture.n_parameters))


def test_places_of_an_lstm_with_an_embedding():
    """30 tokens of 4 numbers, gates of 6 units side by side, and two outputs."""
    architecture = replace(SMALL, cell=LstmCell, input_size=30, tokens=True, embedding_size=4)
    assert architecture.places() == {
        "embedding.weight": (0, (30, 4)),
        "layer0.weight_ih": (120, (4, 24)),
        "layer0.weight_hh": (216, (6, 24)),
        "layer0.bias": (360, (1, 24)),
        "readout.weight": (384, (6, 2)),
        "readout.bias": (396, (1, 2)),
    }
    assert architecture.n_parameters == 398


def test_layers_are_recurrent_if_a_step_can_depend_on_one_before():
    two = replace(SMALL, num_layers=2)
    assert two.n_recurrent_layers == 2
    assert replace(two, seq_len=1).n_recurrent_layers == 0
    assert replace(two, cell=MemorylessCell).n_recurrent_layers == 0


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
