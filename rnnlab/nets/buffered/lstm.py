"""The LSTM cell."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import Cell, TracedActivation, Weight

GATES = ("input", "forget", "output", "candidate")


class LstmCell(Cell):
    """Long short-term memory, with s the gates' activation (sigmoid) and phi the cell's (tanh).

        (i, f, o)[t] = s(x[t] W_ih + h[t-1] W_hh + b)        n[t] = phi(x[t] W_ih + h[t-1] W_hh + b), each its columns
        c[t] = f[t] c[t-1] + i[t] n[t]
        h[t] = o[t] phi(c[t])                 Hochreiter, Schmidhuber, Neural Computation 9 (1997), with the forget gate
                                              of Gers, Schmidhuber, Cummins, Neural Computation 12 (2000)

    and in reverse, with g[t] = dL/dh[t] = above[t] + da[t+1] W_hh^T and k[t] = dL/dc[t]:

        k[t] = g[t] o[t] phi'(c[t]) + f[t+1] k[t+1]
        da_i = k n s'    da_f = k c[t-1] s'    da_o = g phi(c) s'    da_n = k i phi'

    Outputs and gradients are torch.nn.LSTM's (whose gates stand in another order, i f n o).
    """

    blocks = 4
    n_states = 2
    traces = 4 + 3
    products = 4

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, GATES),
            Weight("weight_hh", "recurrent", hidden_size, hidden_size, GATES),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, GATES)] if bias else weights

    def __init__(self, phi: Any, gate_phi: Any, *arguments: Any):
        super().__init__(phi, gate_phi, *arguments)
        R, _, B, H = self.shape
        like = self.h
        self.c = torch.zeros_like(self.h)
        self.states = [self.h, self.c]
        self._c = list(self.c.unbind(1))
        phi_of_c = torch.zeros_like(self.outputs)
        self._phi_of_c = list(phi_of_c.unbind(1))
        self._weight_hh, self._weight_hh_T = self._weights["weight_hh"], self._transposed["weight_hh"]

        # Between the passes pre[t] holds (i, f, o, n)[t]: what a step reads is overwritten while it is in the cache.
        self._i, self._f, self._o, self._n = (list(self._columns(self.pre, n).unbind(1)) for n in range(4))
        self.gate_phi, self.phi = TracedActivation(gate_phi, self.pre), TracedActivation(phi, self.outputs)
        self._phi_c = TracedActivation(phi, self.outputs)
        self._gates, self._values_c = self.gate_phi.steps(self.pre), self.phi.steps(phi_of_c)

        self._a, self._g, self._da = (like.new_zeros(R, B, 4 * H) for _ in range(3))
        self._a_n, self._da_n = self._columns(self._a, 3), self._columns(self._da, 3)
        self._g_i, self._g_f, self._g_o = (self._columns(self._g, n) for n in range(3))
        self._a_parts, self._g_parts, self._da_parts = map(self.gate_phi.split, (self._a, self._g, self._da))
        self._one, self._two, self._three, self._k = (like.new_zeros(R, B, H) for _ in range(4))
        self._ones, self._twos, self._threes = map(self.phi.split, (self._one, self._two, self._three))

    def step(self, t: int) -> None:
        one, two = self._one, self._two
        if t or not self.from_zero:
            torch.baddbmm(self._pre[t], self._h[t], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre[t])
        one.copy_(self._a_n)
        self.phi.forward(t, one, self._ones, self._twos)
        # All four blocks, the candidate's too: one contiguous piece is done sooner than three quarters of it.
        self.gate_phi.forward(t, self._a, self._a_parts, self._gates[t])
        self._n[t].copy_(two)
        torch.mul(self._i[t], two, out=one)
        torch.addcmul(one, self._f[t], self._c[t], out=self._c[t + 1])
        one.copy_(self._c[t + 1])
        self._phi_c.forward(t, one, self._ones, self._values_c[t])
        torch.mul(self._o[t], self._phi_of_c[t], out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._one.fill_(1)
        self._two.copy_(self._n[t])
        self.phi.backward(t, self._ones, self._twos, self._threes)
        return self._three

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, k, one, two, three = self.gradient, self._k, self._one, self._two, self._three
        if t + 1 == len(self._pre):
            k.zero_() if self.beyond is None else k.copy_(self.beyond)
            gradient.zero_() if above is None else gradient.copy_(above)
        elif above is None:
            torch.bmm(self._da, self._weight_hh_T, out=gradient)
        else:
            torch.baddbmm(above, self._da, self._weight_hh_T, out=gradient)
        torch.mul(gradient, self._phi_of_c[t], out=self._g_o)
        torch.mul(gradient, self._o[t], out=one)
        self._phi_c.backward(t, self._ones, self._values_c[t], self._threes)
        k.add_(three)
        two.copy_(self._n[t])
        torch.mul(k, two, out=self._g_i)
        torch.mul(k, self._c[t], out=self._g_f)
        torch.mul(k, self._i[t], out=one)
        self.phi.backward(t, self._ones, self._twos, self._threes)
        k.mul_(self._f[t])
        self.gate_phi.backward(t, self._g_parts, self._gates[t], self._da_parts)
        self._da_n.copy_(three)
        self._pre[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.bmm(self._da, self._weight_hh_T), self._k.clone()]
