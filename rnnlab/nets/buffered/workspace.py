"""A pack of networks unrolled over time, forward and backward (BPTT), in buffers that are allocated once."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnlab.nets.buffered import PackActivation, layer_class
from rnnlab.nets.network import Network


class Workspace:
    """The buffers for one batch size and one number of steps, and the forward and the backward pass in them."""

    def __init__(self, network: Network, batch_size: int, seq_len: int | None = None):
        """seq_len: the number of steps T; None for that of the architecture."""
        self.network, self.batch_size = network, batch_size
        self._output_size = network.architecture.output_size
        a = self._architecture = network.architecture.padded()
        R, T, B, H = network.width, seq_len or a.seq_len, batch_size, a.hidden_size
        self.shape = (R, T, B, H)
        like = network.flat
        phi, gate_phi = PackActivation(network.activations), PackActivation(network.gate_activations)
        self._layers = [network.layer(n) for n in range(a.num_layers)]
        make = layer_class(a.cell)
        self.cells = [make(phi, gate_phi, weights, self.shape, like) for weights in self._layers]
        every = a.answers == "every"
        self.n_answers, self.read_size = T * B if every else B, a.read_size
        # The gradients that arrive at the states of a layer from above: of every step, and of the last step alone,
        # which is all that the top layer needs if only the last step is answered.
        self._above = like.new_zeros(R, T if every or a.num_layers > 1 else 0, B, H)
        self._above_steps = list(self._above.unbind(1))
        self._above_last = like.new_zeros(R, B, H)
        self._inputs: list[Tensor] = []  # what each layer read, (R, T*B, .); the last entry is what the readout read
        self._keep: Sequence[Tensor] | None = None
        self.grads = {name: w.new_zeros(w.shape) for name, w in network.weights.items()}
        self._dz = like.new_zeros(R, a.output_size, self.n_answers)
        self.flat_grads = torch.zeros_like(like)

    def start_from_zero(self) -> None:
        """Let the next pass begin with states of zero, as the first pass does."""
        for cell in self.cells:
            cell.start_from_zero()

    def start_from(self, states: Sequence[Tensor]) -> None:
        """Let the next pass begin with these states, in the order of `last_states`."""
        for n, cell in enumerate(self.cells):
            cell.start_from(states[n * len(cell.states) : (n + 1) * len(cell.states)])

    def last_states(self) -> list[Tensor]:
        """The states of all layers after the last step of the last pass, (R, B, H) each."""
        return [state for cell in self.cells for state in cell.last_states()]

    def forward(self, x: Tensor, keep: Sequence[Tensor] | None = None) -> Tensor:
        """x (R, T, B, padded I), contiguous, or tokens (R, T, B) -> z (R, O, N), the output of the linear readout
        before the readout's activation.  N is B if the last step is answered, and T*B in the order (T, B) if every
        step is answered.

        keep: dropout, for each layer the factors by which its states are multiplied before the next layer reads them:
        (R, T*B, H), and (R, N, H) for the top layer."""
        R, T, B, _ = self.shape
        self._keep, self._inputs, self._x = keep, [], x.reshape(R, T * B, *x.shape[3:])
        h = self._look_up(self._x) if self._architecture.embedding_size else self._x
        for n, cell in enumerate(self.cells):
            self._inputs.append(h)
            self.project(n, h, out=cell.pre.flatten(1, 2))
            cell.unroll()
            h = cell.outputs.flatten(1, 2)
            if keep is not None and n + 1 < len(self.cells):
                h = h * keep[n]
        if self._architecture.answers == "last":
            h = h[:, -B:]
        if keep is not None:
            h = h * keep[-1]
        self._inputs.append(h)
        return self.read(h)

    def layer_input(self, layer: int) -> Tensor:
        """What a layer read in the last pass, (R, T*B, .) or tokens (R, T*B)."""
        return self._inputs[layer]

    def _look_up(self, tokens: Tensor) -> Tensor:
        """tokens (R, M) -> their rows of the embedding, (R, M, E)."""
        weight = self.network.weights["embedding.weight"]
        return torch.stack([w[t] for w, t in zip(weight, tokens, strict=True)])

    def project(self, layer: int, x: Tensor, out: Tensor) -> None:
        """out (R, M, blocks * H) = x W_ih + b, the input's share of a layer's pre-activations, for x (R, M, I) or
        tokens (R, M).  Blocks that W_ih does not write to hold their bias alone."""
        weight, bias = self._layers[layer]["weight_ih"], self._layers[layer].get("bias")
        width = weight.shape[2]
        share, rest = out[..., :width], out[..., width:]
        if x.ndim == 2:
            for lane, tokens in enumerate(x):
                torch.index_select(weight[lane], 0, tokens, out=share[lane])
            if bias is not None:
                share += bias[..., :width]
        elif bias is None:
            torch.bmm(x, weight, out=share)
        else:
            torch.baddbmm(bias[..., :width], x, weight, out=share)
        if rest.shape[-1]:
            rest.copy_(bias[..., width:]) if bias is not None else rest.zero_()

    def read(self, states: Tensor) -> Tensor:
        """states (R, N, H) -> the output of the linear readout, (R, O, N)."""
        z = torch.bmm(self.network.weights["readout.weight"], states.transpose(1, 2))
        if "readout.bias" in self.network.weights:
            z.add_(self.network.weights["readout.bias"])
        return z[:, : self._output_size]

    def backward(self, dz: Tensor, *, accumulate: bool = False, through_time: Tensor | None = None) -> None:
        """Compute `grads` from dz (R, O, N), the gradient of the loss at the z that `forward` returned last.

        accumulate: add to `grads` and do not replace them.
        through_time (R, num_layers, T): the squared norms of dL/dh[t] over batch and units are added to it."""
        beta = 1 if accumulate else 0
        above = self._backward_readout(dz, beta)
        for n in range(len(self.cells) - 1, -1, -1):
            self.cells[n].unroll_reverse(above, None if through_time is None else through_time[:, n])
            self._backward_weights(n, beta)
            if n:
                self._backward_input(n, out=self._above.flatten(1, 2))
                if self._keep is not None:
                    self._above.flatten(1, 2).mul_(self._keep[n - 1])
                above = self._above_steps

    def _backward_readout(self, dz: Tensor, beta: int) -> Sequence[Tensor | None]:
        """Compute the gradients of the readout.  Returns what arrives at the states of the top layer, step by step."""
        T = self.shape[1]
        weight, grads = self.network.weights["readout.weight"], self.grads
        self._dz[:, : self._output_size] = dz
        _product(grads["readout.weight"], self._dz, self._inputs[-1], beta)
        if "readout.bias" in grads:
            _sum(grads["readout.bias"], self._dz, 2, beta)
        if not self.cells:
            return []
        every = self._architecture.answers == "every"
        top = self._above.flatten(1, 2) if every else self._above_last
        if self._output_size == 1:  # an outer product; a matrix product would be slow
            torch.mul(self._dz[:, :1].transpose(1, 2), weight[:, :1], out=top)
        else:
            torch.bmm(self._dz.transpose(1, 2), weight, out=top)
        if self._keep is not None:
            top.mul_(self._keep[-1])
        return self._above_steps if every else [*[None] * (T - 1), self._above_last]

    def _backward_weights(self, n: int, beta: int) -> None:
        """Compute the gradients of a layer's parameters, after its reverse pass."""
        cell, grads, x = self.cells[n], self.grads, self._inputs[n]
        da = cell.pre.flatten(1, 2)
        d_weight_ih = grads[f"layer{n}.weight_ih"]
        share = da[..., : d_weight_ih.shape[2]]
        if x.ndim == 2:
            _scatter(d_weight_ih, x, share, beta)
        else:
            _product(d_weight_ih, x.transpose(1, 2), share, beta)
        for name, v, d_product in cell.recurrent_products():
            if v.shape[1]:
                _product(grads[f"layer{n}.{name}"], v.transpose(1, 2), d_product, beta)
            elif not beta:  # one step from a state of zero: an older pass may have left a gradient here
                grads[f"layer{n}.{name}"].zero_()
        if f"layer{n}.bias" in grads:
            _sum(grads[f"layer{n}.bias"], da, 1, beta)
        if n == 0 and self._architecture.embedding_size:
            d_rows = torch.empty_like(x)
            self._backward_input(0, out=d_rows)
            _scatter(grads["embedding.weight"], self._x, d_rows, beta)

    def _backward_input(self, n: int, out: Tensor) -> None:
        """out (R, T*B, I) = the gradient of what layer n read."""
        weight = self._layers[n]["weight_ih"].transpose(1, 2).contiguous()
        torch.bmm(self.cells[n].pre.flatten(1, 2)[..., : weight.shape[1]], weight, out=out)

    def gather_grads(self) -> Tensor:
        """The gradients in the layout of `Network.flat`, (R, P).  The next call overwrites them."""
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
    """out (R, V, .) = beta out, plus rows (R, M, .): row m is added to the row of out that tokens (R, M) names."""
    if not beta:
        out.zero_()
    for lane in range(len(out)):
        out[lane].index_add_(0, tokens[lane], rows[lane])
