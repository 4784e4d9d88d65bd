"""The parameters of a network as the state dict of modules of torch: their names, shapes and order of gates.

    here                                                    in the state dict
    layer0.weight_ih, layer0.weight_hh, layer0.bias         weight_ih_l0, weight_hh_l0, bias_ih_l0, bias_hh_l0
    readout.weight (H, O), readout.bias (1, O)              readout.weight (O, H), readout.bias (O): torch.nn.Linear
    embedding.weight (V, E)                                 the same: torch.nn.Embedding

layout.py says how a layer lies in its tensors.  Our one bias is bias_ih, and bias_hh is zero.  In torch's GRU the bias
of the recurrent candidate is the last part of bias_hh.  A cell of one's own, which torch.nn does not have, keeps the
names of its matrices and the order of its gates; a matrix is transposed.  A bias is a vector, and so is a weight of the
cell's own with one number for each unit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rnnlab.nets.cells import Weight
from rnnlab.nets.layout import GATES, layer_shapes, source
from rnnlab.nets.network import Architecture


def state_dict(architecture: Architecture, row: np.ndarray) -> dict[str, np.ndarray]:
    """All parameters of one network, (P,) in the order of Architecture.places() -> copies of them, by name."""
    matrices = {
        name: row[start : start + rows * columns].reshape(rows, columns)
        for name, (start, (rows, columns)) in architecture.places().items()
    }
    found: dict[str, np.ndarray] = {}
    if architecture.embedding_size:
        found["embedding.weight"] = matrices["embedding.weight"].copy()
    for n in range(architecture.num_layers):
        of_layer = _of_torch if architecture.cell in GATES else _of_ones_own
        found |= {f"{name}_l{n}": tensor for name, tensor in of_layer(architecture, n, matrices).items()}
    found["readout.weight"] = matrices["readout.weight"].T.copy()
    if architecture.readout_bias:
        found["readout.bias"] = matrices["readout.bias"][0].copy()
    return found


def _of_torch(architecture: Architecture, n: int, matrices: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of layer n of a cell that torch.nn has."""
    cell, H, weights = architecture.cell, architecture.hidden_size, architecture.layer_weights(n)
    shapes = layer_shapes(cell, weights[0].fan_in, H, architecture.bias)
    found = {name: np.zeros(shape, np.float32) for name, shape in shapes.items()}
    for weight in weights:
        blocks = np.split(matrices[f"layer{n}.{weight.name}"], len(weight.gates), axis=1)
        for gate, block in zip(weight.gates, blocks, strict=True):
            name, k = source(cell, weight, gate)
            found[name][k * H : (k + 1) * H] = block[0] if weight.role == "bias" else block.T
    return found


def own_shapes(weights: Sequence[Weight]) -> dict[str, tuple[int, ...]]:
    """The tensors of one layer of a cell that torch.nn does not have: their names and shapes."""
    sizes = {w: len(w.gates) * w.fan_out for w in weights}
    return {w.name: (size,) if _is_vector(w) else (size, w.fan_in) for w, size in sizes.items()}


def _is_vector(weight: Weight) -> bool:
    return weight.role == "bias" or (weight.role == "own" and weight.fan_in == 1)


def _of_ones_own(architecture: Architecture, n: int, matrices: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The tensors of layer n of another cell."""
    weights = architecture.layer_weights(n)
    shapes = own_shapes(weights)
    return {w.name: matrices[f"layer{n}.{w.name}"].T.reshape(shapes[w.name]).copy() for w in weights}
