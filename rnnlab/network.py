"""A pack of networks: layers of cells and a linear readout, unrolled over time, forward and backward (BPTT).

Every weight has a leading run axis R.  All parameters of a lane lie side by side in one row of `flat` (R, P), which is
what an optimiser works on; the matrices are views of it.  Matrices are stored with padding (padding.py), which stays
zero: its gradient is never gathered.  Buffers are made once per batch size and used again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from rnnlab.activations import Activation
from rnnlab.cells import CELL_CLASSES, PackActivation, Weight
from rnnlab.padding import BLOCK, FEATURE_UNIT, HIDDEN_UNIT, padded


@dataclass(frozen=True)
class Architecture:
    """What all lanes of a pack share."""

    cell: str
    input_size: int
    hidden_size: int
    output_size: int
    num_layers: int
    bias: bool
    readout_bias: bool
    seq_len: int
    answers: Literal["last", "every"]

    def layer_weights(self, layer: int) -> list[Weight]:
        input_size = self.hidden_size if layer else self.input_size
        return CELL_CLASSES[self.cell].weights(input_size, self.hidden_size, self.bias)

    def weights(self) -> dict[str, Weight]:
        """All parameters by their full name, in the order of `flat`.  Layers count from 0."""
        named = {f"layer{n}.{w.name}": w for n in range(self.num_layers) for w in self.layer_weights(n)}
        named["readout.weight"] = Weight("weight", "readout", self.hidden_size, self.output_size)
        if self.readout_bias:
            named["readout.bias"] = Weight("bias", "bias", 1, self.output_size)
        return named

    def padded(self) -> Architecture:
        """The architecture whose matrices are stored: see padding.py."""
        return replace(
            self,
            input_size=padded(self.input_size, FEATURE_UNIT),
            hidden_size=padded(self.hidden_size, HIDDEN_UNIT),
            output_size=padded(self.output_size, FEATURE_UNIT),
        )


class Network:
    """The parameters of R networks of one architecture; `workspace` computes with them."""

    def __init__(
        self,
        architecture: Architecture,
        activations: Sequence[Activation],
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ):
        self.architecture = architecture
        self.activations = list(activations)
        self.specs = architecture.weights()
        self._stored = architecture.padded().weights()
        sizes = [padded(w.fan_in * w.fan_out, BLOCK) for w in self._stored.values()]
        self._offsets = dict(zip(self.specs, np.cumsum([0, *sizes]).tolist(), strict=False))
        self.flat = torch.zeros(len(self.activations), sum(sizes), dtype=dtype, device=device)
        self.weights = self.matrices(self.flat)

    @property
    def width(self) -> int:
        return len(self.activations)

    def matrices(self, flat: Tensor) -> dict[str, Tensor]:
        """Views of (R, P) as the padded matrices (R, fan_in, fan_out), the readout's as (R, fan_out, fan_in): see
        losses.py"""
        views = {}
        for name, w in self._stored.items():
            shape = (w.fan_out, w.fan_in) if name.startswith("readout") else (w.fan_in, w.fan_out)
            start = self._offsets[name]
            views[name] = flat[:, start : start + w.fan_in * w.fan_out].unflatten(1, shape)
        return views

    def unpadded(self, name: str, matrix: Tensor) -> Tensor:
        """The part of a padded (R, ., .) matrix that is the parameter, as (R, fan_in, fan_out)."""
        w = self.specs[name]
        return (matrix.transpose(1, 2) if name.startswith("readout") else matrix)[:, : w.fan_in, : w.fan_out]

    def set_weight(self, lane: int, name: str, matrix: np.ndarray) -> None:
        """matrix: (fan_in, fan_out)"""
        self.unpadded(name, self.weights[name])[lane].copy_(torch.from_numpy(np.ascontiguousarray(matrix)))

    def select(self, lanes: Sequence[int]) -> Network:
        """A network of some of the lanes, in the order given, with a copy of their weights."""
        chosen = Network(
            self.architecture,
            [self.activations[lane] for lane in lanes],
            dtype=self.flat.dtype,
            device=str(self.flat.device),
        )
        chosen.flat.copy_(self.flat[list(lanes)])
        return chosen

    def workspace(self, batch_size: int) -> Workspace:
        return Workspace(self, batch_size, self.architecture.seq_len)


class Workspace:
    """The buffers for one batch size and number of steps, and the passes forward and backward over them."""

    def __init__(self, network: Network, batch_size: int, seq_len: int):
        self.network, self.batch_size = network, batch_size
        self._output_size = network.architecture.output_size
        a = self._architecture = network.architecture.padded()
        R, T, B, H = network.width, seq_len, batch_size, a.hidden_size
        self.shape = (R, T, B, H)
        phi = PackActivation(network.activations)
        cell = CELL_CLASSES[a.cell]
        hh = [network.weights.get(f"layer{n}.weight_hh") for n in range(a.num_layers)]
        self.cells = [cell(phi, weight_hh, self.shape, network.flat) for weight_hh in hh]
        every = a.answers == "every"
        self.n_answers = T * B if every else B
        # The gradient that arrives at a layer's states from above; of the top layer only where an answer is given.
        self._above = network.flat.new_zeros(R, T, B, H) if every or a.num_layers > 1 else None
        self._last = network.flat.new_zeros(R, B, H)
        self._x: Tensor | None = None
        self.grads = {name: w.new_zeros(w.shape) for name, w in network.weights.items()}
        self._dz = network.flat.new_zeros(R, a.output_size, self.n_answers)
        self.flat_grads = torch.zeros_like(network.flat)

    def forward(self, x: Tensor) -> Tensor:
        """(R, T, B, padded I), contiguous -> (R, O, N): what the linear readout says, before the readout's activation.
        N is B for an answer at the last step, T*B in the order (T, B) for one at every step."""
        R, T, B, H = self.shape
        self._x = below = x.reshape(R, T * B, -1)
        for n, cell in enumerate(self.cells):
            self.project(n, below, out=cell.pre.view(R, T * B, -1))
            for t in range(T):
                cell.step(t)
            below = cell.h.view(R, T * B, H)
        return self.read(self._answering())

    def project(self, layer: int, below: Tensor, out: Tensor) -> None:
        """The input's share of a layer's pre-activations: (R, M, I) -> (R, M, H)"""
        weight, bias = (self.network.weights.get(f"layer{layer}.{name}") for name in ("weight_ih", "bias"))
        if bias is None:
            torch.bmm(below, weight, out=out)
        else:
            torch.baddbmm(bias, below, weight, out=out)

    def read(self, states: Tensor) -> Tensor:
        """What the linear readout says of states: (R, N, H) -> (R, O, N)"""
        z = torch.bmm(self.network.weights["readout.weight"], states.transpose(1, 2))
        if "readout.bias" in self.network.weights:
            z.add_(self.network.weights["readout.bias"])
        return z[:, : self._output_size]

    def _answering(self) -> Tensor:
        """The top layer's states that the readout sees, (R, N, H)."""
        R, T, B, H = self.shape
        states = self.cells[-1].h
        return states.view(R, T * B, H) if self._architecture.answers == "every" else states[:, T - 1]

    def backward(self, dz: Tensor, *, accumulate: bool = False) -> None:
        """(R, O, N), the loss's gradient at what `forward` returned last -> `grads`, or added to them."""
        R, T, B, H = self.shape
        beta = 1 if accumulate else 0
        weight, grads = self.network.weights["readout.weight"], self.grads
        self._dz[:, : self._output_size] = dz
        _product(grads["readout.weight"], self._dz, self._answering(), beta)
        if "readout.bias" in grads:
            _sum(grads["readout.bias"], self._dz, 2, beta)
        every = self._architecture.answers == "every"
        top = self._above.view(R, T * B, H) if every else self._last
        if self._output_size == 1:  # an outer product, which a matrix product is slow at
            torch.mul(self._dz[:, :1].transpose(1, 2), weight[:, :1], out=top)
        else:
            torch.bmm(self._dz.transpose(1, 2), weight, out=top)
        above = list(self._above.unbind(1)) if every else [None] * (T - 1) + [self._last]
        for n in range(len(self.cells) - 1, -1, -1):
            cell = self.cells[n]
            for t in range(T - 1, -1, -1):
                cell.reverse_step(t, above[t])
            da = cell.pre.view(R, T * B, -1)
            below = self.cells[n - 1].h.view(R, T * B, H) if n else self._x
            _product(grads[f"layer{n}.weight_ih"], below.transpose(1, 2), da, beta)
            if f"layer{n}.weight_hh" in grads and T > 1:
                h_prev = cell.h.view(R, T * B, H)[:, : (T - 1) * B]
                _product(grads[f"layer{n}.weight_hh"], h_prev.transpose(1, 2), da[:, B:], beta)
            if f"layer{n}.bias" in grads:
                _sum(grads[f"layer{n}.bias"], da, 1, beta)
            if n:
                weight_ih = self.network.weights[f"layer{n}.weight_ih"]
                torch.bmm(da, weight_ih.transpose(1, 2), out=self._above.view(R, T * B, H))
                above = list(self._above.unbind(1))

    def gather_grads(self) -> Tensor:
        """The gradients in the layout of `Network.flat`, (R, P)."""
        for name, row in self.network.matrices(self.flat_grads).items():
            self.network.unpadded(name, row).copy_(self.network.unpadded(name, self.grads[name]))
        return self.flat_grads


def _product(out: Tensor, a: Tensor, b: Tensor, beta: int) -> None:
    """out = beta out + a b"""
    torch.baddbmm(out, a, b, beta=beta, out=out)


def _sum(out: Tensor, x: Tensor, axis: int, beta: int) -> None:
    """out = beta out + the sum of x over an axis"""
    if beta:
        out.add_(x.sum(axis, keepdim=True))
    else:
        torch.sum(x, axis, keepdim=True, out=out)
