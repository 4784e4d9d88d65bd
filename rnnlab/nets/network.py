"""The networks of a pack: their architecture and their parameters.  buffered/workspace.py computes with them.

Every weight has a leading run axis R.  All parameters of a lane lie side by side in one row of `flat` (R, P), on which
the optimiser works; the matrices are views of it.  Matrices are stored with padding (padding.py).  The padding stays
zero, because its gradient is never gathered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.activations import Activation, make_activation
from rnnlab.nets.cells import Cell, Weight
from rnnlab.nets.padding import BLOCK, FEATURE_UNIT, HIDDEN_UNIT, padded


@dataclass(frozen=True)
class Architecture:
    """The sizes and the kind of cell that all lanes of a pack share."""

    cell: type[Cell]
    input_size: int
    hidden_size: int
    output_size: int
    num_layers: int
    bias: bool
    readout_bias: bool
    seq_len: int
    answers: Literal["last", "every"]
    tokens: bool = False  # inputs are tokens, and input_size is the number of different tokens
    embedding_size: int | None = None  # None: there is no embedding; a token selects a row of the first layer's W_ih

    @property
    def read_size(self) -> int:
        """How many numbers the readout reads at one step."""
        return self.hidden_size if self.num_layers else self.input_size

    def layer_weights(self, layer: int) -> list[Weight]:
        input_size = self.hidden_size if layer else self.embedding_size or self.input_size
        return self.cell.weights(input_size, self.hidden_size, self.bias)

    def weights(self) -> dict[str, Weight]:
        """All parameters by full name, in the order of `flat`.  Layers count from 0."""
        named = {}
        if self.embedding_size:
            named["embedding.weight"] = Weight("weight", "embedding", self.input_size, self.embedding_size)
        named |= {f"layer{n}.{w.name}": w for n in range(self.num_layers) for w in self.layer_weights(n)}
        named["readout.weight"] = Weight("weight", "readout", self.read_size, self.output_size)
        if self.readout_bias:
            named["readout.bias"] = Weight("bias", "bias", 1, self.output_size)
        return named

    def padded(self) -> Architecture:
        """The architecture with padded sizes, whose matrices are stored: see padding.py."""
        return replace(
            self,
            input_size=padded(self.input_size, FEATURE_UNIT),
            hidden_size=padded(self.hidden_size, HIDDEN_UNIT),
            output_size=padded(self.output_size, FEATURE_UNIT),
            embedding_size=self.embedding_size and padded(self.embedding_size, HIDDEN_UNIT),
        )


class Network:
    """The parameters of R networks of one architecture: layers of cells, and a linear readout."""

    def __init__(
        self,
        architecture: Architecture,
        activations: Sequence[Activation],
        gate_activations: Sequence[Activation] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ):
        """activations: one per lane.  gate_activations: one per lane, of cells with gates; None: sigmoid."""
        self.architecture = architecture
        self.activations = list(activations)
        self.gate_activations = list(gate_activations or [make_activation("sigmoid")] * len(self.activations))
        self.specs = architecture.weights()
        self._stored = architecture.padded().weights()
        sizes = [padded(w.fan_in * len(w.gates) * w.fan_out, BLOCK) for w in self._stored.values()]
        self._offsets = dict(zip(self.specs, np.cumsum([0, *sizes]).tolist(), strict=False))
        self.flat = torch.zeros(len(self.activations), sum(sizes), dtype=dtype, device=device)
        self.weights = self.matrices(self.flat)

    @property
    def width(self) -> int:
        return len(self.activations)

    def matrices(self, flat: Tensor) -> dict[str, Tensor]:
        """flat (R, P) -> views of it: the padded matrices by name, (R, fan_in, gates * fan_out).

        The readout's are transposed, (R, fan_out, fan_in): losses.py says why."""
        views = {}
        for name, w in self._stored.items():
            columns = len(w.gates) * w.fan_out
            shape = (columns, w.fan_in) if name.startswith("readout") else (w.fan_in, columns)
            start = self._offsets[name]
            views[name] = flat[:, start : start + w.fan_in * columns].unflatten(1, shape)
        return views

    def layer_norms(self, flat: Tensor) -> dict[str, Tensor]:
        """flat (R, P) -> the norm of each layer's share of it, (R,) by the layer's name."""
        squares: dict[str, Tensor] = {}
        for name, matrix in self.matrices(flat).items():
            layer = name.split(".")[0]
            squares[layer] = squares.get(layer, 0) + matrix.flatten(1).square().sum(1)
        return {layer: square.sqrt() for layer, square in squares.items()}

    def unpadded(self, name: str, matrix: Tensor) -> Tensor:
        """A padded matrix (R, ., .) -> the parameter without its padding, as a view (R, fan_in, gates, fan_out)."""
        w, stored = self.specs[name], self._stored[name]
        oriented = matrix.transpose(1, 2) if name.startswith("readout") else matrix
        return oriented.unflatten(2, (len(w.gates), stored.fan_out))[:, : w.fan_in, :, : w.fan_out]

    def layer(self, n: int) -> dict[str, Tensor]:
        """The padded matrices of layer n by short name, such as "weight_hh"."""
        return {spec.name: self.weights[f"layer{n}.{spec.name}"] for spec in self.architecture.layer_weights(n)}

    def set_weight(self, lane: int, name: str, matrix: np.ndarray) -> None:
        """Set one parameter of one lane.  matrix: (fan_in, gates * fan_out)"""
        place = self.unpadded(name, self.weights[name])[lane]
        place.copy_(torch.from_numpy(np.ascontiguousarray(matrix)).view(place.shape))

    def get_weight(self, lane: int, name: str) -> Tensor:
        """A copy of one parameter of one lane, (fan_in, gates * fan_out)."""
        return self.unpadded(name, self.weights[name])[lane].flatten(1).clone()

    def select(self, lanes: Sequence[int]) -> Network:
        """A new Network of some of the lanes, in the given order, with a copy of their weights."""
        selected = Network(
            self.architecture,
            [self.activations[lane] for lane in lanes],
            [self.gate_activations[lane] for lane in lanes],
            dtype=self.flat.dtype,
            device=str(self.flat.device),
        )
        selected.flat.copy_(self.flat[list(lanes)])
        return selected
