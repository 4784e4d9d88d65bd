"""The weights of torch.nn.RNN, LSTM and GRU, and how the weights of nets/cells lie in them.

torch.nn has four tensors in a layer; gates are blocks of H rows:

    weight_ih (gates * H, I)    weight_hh (gates * H, H)    bias_ih (gates * H)    bias_hh (gates * H)

The matrices of nets/cells are applied as x W, so they are transposed, and their gates have another order.  A cell has
one bias: the sum of bias_ih and bias_hh, except for the candidate of GruCell, which has one of each.  A cell without
recurrence has neither weight_hh nor bias_hh.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.cells import Cell, Weight
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell

if TYPE_CHECKING:
    from torch import Tensor

GATES: dict[type[Cell], tuple[str, ...]] = {  # in the order of torch.nn
    RnnCell: ("",),
    MemorylessCell: ("",),
    LstmCell: ("input", "forget", "candidate", "output"),
    GruCell: ("reset", "update", "candidate"),
    OriginalGruCell: ("reset", "update", "candidate"),
}
TENSORS = {"weight_ih": "weight_ih", "weight_hh": "weight_hh", "weight_hn": "weight_hh", "bias": "bias_ih"}


def layer_shapes(cell: type[Cell], input_size: int, hidden_size: int, bias: bool) -> dict[str, tuple[int, ...]]:
    """The tensors of one layer in the order of torch.nn: their names and shapes."""
    rows, sizes = len(GATES[cell]) * hidden_size, {"ih": input_size, "hh": hidden_size}
    if not cell.recurrent:
        del sizes["hh"]
    shapes: dict[str, tuple[int, ...]] = {f"weight_{way}": (rows, size) for way, size in sizes.items()}
    return shapes | {f"bias_{way}": (rows,) for way in sizes if bias}


def source(cell: type[Cell], weight: Weight, gate: str) -> tuple[str, int]:
    """The tensor of torch.nn that has one gate of a cell's weight, and the block in it; of two biases, bias_ih."""
    if gate == "recurrent_candidate":  # of torch's GRU: what the reset gate multiplies
        return TENSORS[weight.name].replace("ih", "hh"), GATES[cell].index("candidate")
    return TENSORS[weight.name], GATES[cell].index(gate)


def n_summed(cell: type[Cell]) -> int:
    """The number of gates, from the first, that have the sum of bias_ih and bias_hh as their bias."""
    if not cell.recurrent:
        return 0
    return GATES[cell].index("candidate") if cell is GruCell else len(GATES[cell])


def cell_weights(cell: type[Cell], layer: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors of one layer of torch.nn, by names such as "weight_ih" -> the weights of nets/cells.

    The tensors of a cell that torch.nn does not have are only transposed: nets/state_dict.py.  Differentiable."""
    if cell not in GATES:
        return {name: tensor.mT if tensor.ndim > 1 else tensor.unsqueeze(0) for name, tensor in layer.items()}
    input_size, hidden_size = layer["weight_ih"].shape[1], layer["weight_ih"].shape[0] // len(GATES[cell])
    blocks = {name: tensor.split(hidden_size) for name, tensor in layer.items()}
    found = {}
    for weight in cell.weights(input_size, hidden_size, "bias_ih" in layer):
        rows = []
        for gate in weight.gates:
            tensor, block = source(cell, weight, gate)
            rows.append(blocks[tensor][block])
            if tensor == "bias_ih" and block < n_summed(cell):
                rows[-1] = rows[-1] + blocks["bias_hh"][block]
        matrix = torch.cat(rows)
        found[weight.name] = matrix.unsqueeze(0) if weight.name == "bias" else matrix.mT
    return found
