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

from rnnlab.activations import Activation, make_activation
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
    tokens: bool = False  # inputs are classes, of which input_size is the number
    embedding_size: int | None = None  # of tokens; None: the first layer's weights are looked up themselves

    def layer_weights(self, layer: int) -> list[Weight]:
        input_size = self.hidden_size if layer else self.embedding_size or self.input_size
        return CELL_CLASSES[self.cell].weights(input_size, self.hidden_size, self.bias)

    def weights(self) -> dict[str, Weight]:
        """All parameters by their full name, in the order of `flat`.  Layers count from 0."""
        named = {}
        if self.embedding_size:
            named["embedding.weight"] = Weight("weight", "embedding", self.input_size, self.embedding_size)
        named |= {f"layer{n}.{w.name}": w for n in range(self.num_layers) for w in self.layer_weights(n)}
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
            embedding_size=self.embedding_size and padded(self.embedding_size, HIDDEN_UNIT),
        )


class Network:
    """The parameters of R networks of one architecture; `workspace` computes with them."""

    def __init__(
        self,
        architecture: Architecture,
        activations: Sequence[Activation],
        gate_activations: Sequence[Activation] | None = None,
        *,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
    ):
        """One activation per lane; gate_activations, of cells that have gates, are sigmoids by default."""
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
        """Views of (R, P) as the padded matrices (R, fan_in, gates * fan_out), the readout's as (R, fan_out, fan_in):
        see losses.py"""
        views = {}
        for name, w in self._stored.items():
            columns = len(w.gates) * w.fan_out
            shape = (columns, w.fan_in) if name.startswith("readout") else (w.fan_in, columns)
            start = self._offsets[name]
            views[name] = flat[:, start : start + w.fan_in * columns].unflatten(1, shape)
        return views

    def layer_norms(self, flat: Tensor) -> dict[str, Tensor]:
        """The norms (R,) of each layer's share of a (R, P) in the layout of `flat`, by the layer's name."""
        squares: dict[str, Tensor] = {}
        for name, matrix in self.matrices(flat).items():
            layer = name.split(".")[0]
            squares[layer] = squares.get(layer, 0) + matrix.flatten(1).square().sum(1)
        return {layer: square.sqrt() for layer, square in squares.items()}

    def unpadded(self, name: str, matrix: Tensor) -> Tensor:
        """The part of a padded (R, ., .) matrix that is the parameter, as a view (R, fan_in, gates, fan_out)."""
        w, stored = self.specs[name], self._stored[name]
        oriented = matrix.transpose(1, 2) if name.startswith("readout") else matrix
        return oriented.unflatten(2, (len(w.gates), stored.fan_out))[:, : w.fan_in, :, : w.fan_out]

    def layer(self, n: int) -> dict[str, Tensor]:
        """The padded matrices of a layer by their short names."""
        return {spec.name: self.weights[f"layer{n}.{spec.name}"] for spec in self.architecture.layer_weights(n)}

    def set_weight(self, lane: int, name: str, matrix: np.ndarray) -> None:
        """matrix: (fan_in, gates * fan_out)"""
        place = self.unpadded(name, self.weights[name])[lane]
        place.copy_(torch.from_numpy(np.ascontiguousarray(matrix)).view(place.shape))

    def get_weight(self, lane: int, name: str) -> Tensor:
        """A copy of a parameter, (fan_in, gates * fan_out)."""
        return self.unpadded(name, self.weights[name])[lane].flatten(1).clone()

    def select(self, lanes: Sequence[int]) -> Network:
        """A network of some of the lanes, in the order given, with a copy of their weights."""
        chosen = Network(
            self.architecture,
            [self.activations[lane] for lane in lanes],
            [self.gate_activations[lane] for lane in lanes],
            dtype=self.flat.dtype,
            device=str(self.flat.device),
        )
        chosen.flat.copy_(self.flat[list(lanes)])
        return chosen

    def workspace(self, batch_size: int, seq_len: int | None = None) -> Workspace:
        """seq_len: None for the architecture's."""
        return Workspace(self, batch_size, seq_len or self.architecture.seq_len)


class Workspace:
    """The buffers for one batch size and number of steps, and the passes forward and backward over them."""

    def __init__(self, network: Network, batch_size: int, seq_len: int):
        self.network, self.batch_size = network, batch_size
        self._output_size = network.architecture.output_size
        a = self._architecture = network.architecture.padded()
        R, T, B, H = network.width, seq_len, batch_size, a.hidden_size
        self.shape = (R, T, B, H)
        like = network.flat
        phi, gate_phi = PackActivation(network.activations), PackActivation(network.gate_activations)
        self._layers = [network.layer(n) for n in range(a.num_layers)]
        self.cells = [CELL_CLASSES[a.cell](phi, gate_phi, weights, self.shape, like) for weights in self._layers]
        every = a.answers == "every"
        self.n_answers = T * B if every else B
        # What arrives at a layer's states from above; at the top layer's only where an answer is given.
        self._above = like.new_zeros(R, T, B, H) if every or a.num_layers > 1 else None
        self._above_steps = list(self._above.unbind(1)) if self._above is not None else []
        self._last = like.new_zeros(R, B, H)
        self._below: list[Tensor] = []  # what each layer read, (R, T*B, .), and last what the readout read
        self._keep: Sequence[Tensor] | None = None
        self.grads = {name: w.new_zeros(w.shape) for name, w in network.weights.items()}
        self._dz = like.new_zeros(R, a.output_size, self.n_answers)
        self.flat_grads = torch.zeros_like(like)

    def start_from_zero(self) -> None:
        """The next pass begins with states of zero, as the first one does."""
        for cell in self.cells:
            cell.start_from_zero()

    def start_from(self, states: Sequence[Tensor]) -> None:
        """The next pass begins with these states, as `last_states` gave them."""
        for n, cell in enumerate(self.cells):
            cell.start_from(states[n * cell.n_states : (n + 1) * cell.n_states])

    def last_states(self) -> list[Tensor]:
        """The states after the last step of the last pass, all layers', (R, B, H) each."""
        return [state for cell in self.cells for state in cell.last_states()]

    def forward(self, x: Tensor, keep: Sequence[Tensor] | None = None) -> Tensor:
        """(R, T, B, padded I), contiguous, or tokens (R, T, B) -> (R, O, N): what the linear readout says, before the
        readout's activation.  N is B for an answer at the last step, T*B in the order (T, B) for one at every step.

        keep: dropout, a factor for each layer's states as they are read above: (R, T*B, H), the top layer's
        (R, N, H)."""
        R, T, B, _ = self.shape
        self._keep, self._below = keep, []
        below = (
            self._look_up(x.reshape(R, T * B))
            if self._architecture.embedding_size
            else x.reshape(R, T * B, *x.shape[3:])
        )
        self._tokens = x.reshape(R, T * B) if self._architecture.tokens else None
        for n, cell in enumerate(self.cells):
            self._below.append(below)
            self.project(n, below, out=cell.pre.flatten(1, 2))
            for t in range(T):
                cell.step(t)
            top = n + 1 == len(self.cells)
            below = (
                cell.outputs[:, T - 1] if top and self._architecture.answers == "last" else cell.outputs.flatten(1, 2)
            )
            if keep is not None:
                below = below * keep[n]
        self._below.append(below)
        return self.read(below)

    def _look_up(self, tokens: Tensor) -> Tensor:
        """(R, M) -> (R, M, E), the tokens' rows of the embedding."""
        weight = self.network.weights["embedding.weight"]
        return torch.stack([w[t] for w, t in zip(weight, tokens, strict=True)])

    def project(self, layer: int, below: Tensor, out: Tensor) -> None:
        """The input's share of a layer's pre-activations: (R, M, I), or tokens (R, M) -> (R, M, blocks * H)"""
        weight, bias = (self._layers[layer].get(name) for name in ("weight_ih", "bias"))
        width = weight.shape[2]
        share, rest = out[..., :width], out[..., width:]
        if below.ndim == 2:
            for lane, tokens in enumerate(below):
                torch.index_select(weight[lane], 0, tokens, out=share[lane])
            if bias is not None:
                share += bias[..., :width]
        elif bias is None:
            torch.bmm(below, weight, out=share)
        else:
            torch.baddbmm(bias[..., :width], below, weight, out=share)
        if rest.shape[-1]:
            rest.copy_(bias[..., width:]) if bias is not None else rest.zero_()

    def read(self, states: Tensor) -> Tensor:
        """What the linear readout says of states: (R, N, H) -> (R, O, N)"""
        z = torch.bmm(self.network.weights["readout.weight"], states.transpose(1, 2))
        if "readout.bias" in self.network.weights:
            z.add_(self.network.weights["readout.bias"])
        return z[:, : self._output_size]

    def backward(self, dz: Tensor, *, accumulate: bool = False, through_time: Tensor | None = None) -> None:
        """(R, O, N), the loss's gradient at what `forward` returned last -> `grads`, or added to them.

        through_time (R, num_layers, T): to which the squared norms of dL/dh[t] over batch and units are added."""
        R, T, B, H = self.shape
        beta = 1 if accumulate else 0
        above = self._backward_readout(dz, beta)
        for n in range(len(self.cells) - 1, -1, -1):
            cell = self.cells[n]
            cell.begin_reverse()
            for t in range(T - 1, -1, -1):
                cell.reverse_step(t, above[t])
                if through_time is not None:
                    through_time[:, n, t] += cell.gradient.square().sum((1, 2))
            self._backward_weights(n, beta)
            if n:
                self._backward_input(n, out=self._above.flatten(1, 2))
                if self._keep is not None:
                    self._above.flatten(1, 2).mul_(self._keep[n - 1])
                above = self._above_steps

    def _backward_readout(self, dz: Tensor, beta: int) -> Sequence[Tensor | None]:
        """The readout's gradients; what arrives at the top layer's states, by step."""
        R, T, B, H = self.shape
        weight, grads = self.network.weights["readout.weight"], self.grads
        self._dz[:, : self._output_size] = dz
        _product(grads["readout.weight"], self._dz, self._below[-1], beta)
        if "readout.bias" in grads:
            _sum(grads["readout.bias"], self._dz, 2, beta)
        every = self._architecture.answers == "every"
        top = self._above.flatten(1, 2) if every else self._last
        if self._output_size == 1:  # an outer product, which a matrix product is slow at
            torch.mul(self._dz[:, :1].transpose(1, 2), weight[:, :1], out=top)
        else:
            torch.bmm(self._dz.transpose(1, 2), weight, out=top)
        if self._keep is not None:
            top.mul_(self._keep[-1])
        return self._above_steps if every else [None] * (T - 1) + [self._last]

    def _backward_weights(self, n: int, beta: int) -> None:
        """The gradients of a layer's parameters, after its reverse pass."""
        cell, grads, below = self.cells[n], self.grads, self._below[n]
        da = cell.pre.flatten(1, 2)
        d_weight_ih = grads[f"layer{n}.weight_ih"]
        share = da[..., : d_weight_ih.shape[2]]
        if below.ndim == 2:
            _scatter(d_weight_ih, below, share, beta)
        else:
            _product(d_weight_ih, below.transpose(1, 2), share, beta)
        for name, v, d_product in cell.recurrent_products():
            if v.shape[1]:
                _product(grads[f"layer{n}.{name}"], v.transpose(1, 2), d_product, beta)
        if f"layer{n}.bias" in grads:
            _sum(grads[f"layer{n}.bias"], da, 1, beta)
        if n == 0 and self._architecture.embedding_size:
            d_rows = torch.empty_like(below)
            self._backward_input(0, out=d_rows)
            _scatter(grads["embedding.weight"], self._tokens, d_rows, beta)

    def _backward_input(self, n: int, out: Tensor) -> None:
        """out (R, T*B, I) = the gradient at what layer n read."""
        weight = self._layers[n]["weight_ih"].transpose(1, 2).contiguous()
        torch.bmm(self.cells[n].pre.flatten(1, 2)[..., : weight.shape[1]], weight, out=out)

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


def _scatter(out: Tensor, tokens: Tensor, rows: Tensor, beta: int) -> None:
    """out (R, V, .) = beta out + the sum over a token's places of rows (R, M, .), at that token's row"""
    if not beta:
        out.zero_()
    for lane in range(len(out)):
        out[lane].index_add_(0, tokens[lane], rows[lane])
