"""Cells: one step through time, and the same step in reverse, derived by hand, on the pack axis.

A cell owns the traces of one layer: `pre` (R, T, B, H), which comes in as the input's share x[t] W_ih + b and goes
out as the gradient da[t], and `h` (R, T, B, H), the states.  R run, B batch, T time, I input, H hidden; lane-major, so
that whatever does not depend on the order of time is one matrix product per lane over all of T and B.  The state before
the first step is zero.

To add one (LSTM, GRU): a class with the same three methods, whose `pre` is as wide as its gates, and its config.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import ClassVar, Literal

import torch
from torch import Tensor

from rnnlab.activations import Activation


@dataclass(frozen=True)
class Weight:
    """One parameter matrix, (fan_in, fan_out) by x W.  The transpose of torch.nn.RNN's, which computes W x."""

    name: str
    role: Literal["input", "recurrent", "readout", "bias"]
    fan_in: int
    fan_out: int


class PackActivation:
    """The activations of a pack's lanes.  Neighbouring lanes with the same one are one call."""

    def __init__(self, activations: Sequence[Activation]):
        self.groups: list[tuple[slice, Activation]] = []
        start = 0
        for activation, lanes in groupby(activations):
            stop = start + len(list(lanes))
            self.groups.append((slice(start, stop), activation))
            start = stop
        self.saves_input = any(activation.saves_input for _, activation in self.groups)

    def split(self, x: Tensor) -> list[Tensor]:
        """The group's parts of a tensor (R, ...)."""
        return [x[lanes] for lanes, _ in self.groups]

    def forward(self, a: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = phi(a), part by part; a may be overwritten."""
        for (_, activation), a_part, out_part in zip(self.groups, a, out, strict=True):
            activation.forward(a_part, out_part)

    def backward(self, g: Sequence[Tensor], a: Sequence[Tensor], h: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = g * phi'(a), part by part."""
        for (_, activation), *parts in zip(self.groups, g, a, h, out, strict=True):
            activation.backward(*parts)


class RnnCell:
    """The Elman cell.

        a[t] = x[t] W_ih + h[t-1] W_hh + b
        h[t] = phi(a[t])                                            Elman, Cognitive Science 14 (1990)

    and in reverse, with g[t] = dL/dh[t], the sum of what arrives from above and from the next step:

        da[t] = g[t] * phi'(a[t])        g[t] = above[t] + da[t+1] W_hh^T
        dW_hh = sum_t h[t-1]^T da[t]     dW_ih = sum_t x[t]^T da[t]     db = sum_t da[t]     dx[t] = da[t] W_ih^T

    |h| <= 1 for tanh; unbounded for relu, where a spectral radius of W_hh above 1 can overflow within T steps.  The
    cell never clips; divergence.py judges the run.
    """

    recurrent: ClassVar[bool] = True

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [Weight("weight_ih", "input", input_size, hidden_size)]
        if cls.recurrent:
            weights.append(Weight("weight_hh", "recurrent", hidden_size, hidden_size))
        if bias:
            weights.append(Weight("bias", "bias", 1, hidden_size))
        return weights

    def __init__(self, phi: PackActivation, weight_hh: Tensor | None, shape: tuple[int, int, int, int], like: Tensor):
        """shape: (R, T, B, H).  weight_hh: (R, H, H), read at every step, so that it may change between passes."""
        R, T, B, H = shape
        self.phi = phi
        self.pre, self.h = like.new_zeros(shape), like.new_zeros(shape)
        self._a, self._g = like.new_zeros(R, B, H), like.new_zeros(R, B, H)
        # Every view of a time step is made once: at these sizes making one takes as long as half a product.
        self._pre, self._h = list(self.pre.unbind(1)), list(self.h.unbind(1))
        self._pre_parts, self._h_parts = list(map(phi.split, self._pre)), list(map(phi.split, self._h))
        self._a_parts, self._g_parts = phi.split(self._a), phi.split(self._g)
        self._saved_parts: list[list[Tensor | None]] = [[None] * len(phi.groups)] * T
        self._saved: list[Tensor] = []
        if phi.saves_input:
            self._saved = list(like.new_zeros(shape).unbind(1))
            self._saved_parts = list(map(phi.split, self._saved))
        self._weight_hh = weight_hh
        self._weight_hh_T = weight_hh.transpose(1, 2) if weight_hh is not None else None

    def step(self, t: int) -> None:
        """pre[t], h[t-1] -> h[t]"""
        if t and self.recurrent:
            torch.baddbmm(self._pre[t], self._h[t - 1], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre[t])
        if self._saved:
            self._saved[t].copy_(self._a)
        self.phi.forward(self._a_parts, self._h_parts[t])

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        """above (R, B, H) or None for zero, da[t+1] -> da[t], which takes the place of pre[t].  From T-1 down to 0."""
        later = t + 1 < len(self._pre) and self.recurrent
        if later and above is not None:
            torch.baddbmm(above, self._pre[t + 1], self._weight_hh_T, out=self._g)
        elif later:
            torch.bmm(self._pre[t + 1], self._weight_hh_T, out=self._g)
        elif above is not None:
            self._g.copy_(above)
        else:
            self._g.zero_()
        self.phi.backward(self._g_parts, self._saved_parts[t], self._h_parts[t], self._pre_parts[t])


class MemorylessCell(RnnCell):
    """The Elman cell without recurrence, h[t] = phi(x[t] W_ih + b): what a class does that never keeps its state."""

    recurrent = False


CELL_CLASSES: dict[str, type[RnnCell]] = {"rnn": RnnCell, "memoryless": MemorylessCell}
