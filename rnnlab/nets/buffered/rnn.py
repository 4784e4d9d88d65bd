"""The Elman cell, and the same without recurrence."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import Cell, TracedActivation, Weight


class RnnCell(Cell):
    """The Elman cell.

        a[t] = x[t] W_ih + h[t-1] W_hh + b
        h[t] = phi(a[t])                                            Elman, Cognitive Science 14 (1990)

    and in reverse, with g[t] = dL/dh[t], the sum of what arrives from above and from the next step:

        da[t] = g[t] * phi'(a[t])        g[t] = above[t] + da[t+1] W_hh^T
        dW_hh = sum_t h[t-1]^T da[t]     dW_ih = sum_t x[t]^T da[t]     db = sum_t da[t]     dx[t] = da[t] W_ih^T

    |h| <= 1 for tanh; unbounded for relu, where a spectral radius of W_hh above 1 can overflow within T steps.  The
    cell never clips; divergence.py judges the run.
    """

    blocks = 1
    traces = 3
    products = 1

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [Weight("weight_ih", "input", input_size, hidden_size)]
        if cls.recurrent:
            weights.append(Weight("weight_hh", "recurrent", hidden_size, hidden_size))
        if bias:
            weights.append(Weight("bias", "bias", 1, hidden_size))
        return weights

    def __init__(self, phi: Any, *arguments: Any):
        super().__init__(phi, *arguments)
        self.phi = TracedActivation(phi, self.pre)
        self._values = self.phi.steps(self.outputs)
        self._a = torch.zeros_like(self.gradient)
        self._a_parts, self._gradient_parts = self.phi.split(self._a), self.phi.split(self.gradient)
        self._pre_parts = self.phi.steps(self.pre)
        self._weight_hh = self._weights.get("weight_hh")
        self._weight_hh_T = self._transposed.get("weight_hh")

    def step(self, t: int) -> None:
        if self.recurrent and (t or not self.from_zero):
            torch.baddbmm(self._pre[t], self._h[t], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre[t])
        self.phi.forward(t, self._a, self._a_parts, self._values[t])

    def slope(self, t: int) -> Tensor:
        self.gradient.fill_(1)
        self.phi.backward(t, self._gradient_parts, self._values[t], self._a_parts)
        return self._a

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        later = t + 1 < len(self._pre) and self.recurrent
        if later and above is not None:
            torch.baddbmm(above, self._pre[t + 1], self._weight_hh_T, out=self.gradient)
        elif later:
            torch.bmm(self._pre[t + 1], self._weight_hh_T, out=self.gradient)
        elif above is not None:
            self.gradient.copy_(above)
        else:
            self.gradient.zero_()
        self.phi.backward(t, self._gradient_parts, self._values[t], self._pre_parts[t])

    def initial_gradients(self) -> list[Tensor]:
        return [torch.bmm(self._pre[0], self._weight_hh_T) if self.recurrent else torch.zeros_like(self.gradient)]


class MemorylessCell(RnnCell):
    """The Elman cell without recurrence, h[t] = phi(x[t] W_ih + b): what a class does that never keeps its state.

    On sequences of one step it is the feed-forward layer."""

    recurrent: ClassVar[bool] = False
    products = 0
