"""The LSTM in buffers.  nets/cells/lstm.py has the formulas."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import BufferedCell, PackActivation, TracedActivation
from rnnlab.nets.cells.lstm import LstmCell


class BufferedLstm(BufferedCell):
    formula = LstmCell

    def __init__(
        self,
        phi: PackActivation,
        gate_phi: PackActivation,
        weights: Mapping[str, Tensor],
        shape: tuple[int, int, int, int],
        like: Tensor,
    ):
        super().__init__(phi, gate_phi, weights, shape, like)
        R, _, B, H = shape
        self.c = torch.zeros_like(self.h)
        self.states = [self.h, self.c]
        self._c = list(self.c.unbind(1))
        phi_of_c = torch.zeros_like(self.outputs)
        self._phi_of_c = list(phi_of_c.unbind(1))
        self._weight_hh, self._weight_hh_T = self._weights["weight_hh"], self._transposed["weight_hh"]

        # Between the passes pre[t] holds (i, f, o, n)[t]: a step overwrites what it has just read into the cache.
        self._i, self._f, self._o, self._n = (list(self._columns(self.pre, n).unbind(1)) for n in range(4))
        self.gate_phi, self.phi = TracedActivation(gate_phi, self.pre), TracedActivation(phi, self.outputs)
        self._phi_c = TracedActivation(phi, self.outputs)
        self._gates, self._values_c = self.gate_phi.steps(self.pre), self.phi.steps(phi_of_c)

        # Of one step, side by side for all blocks: pre-activations a, gradients of the gates' values g, and of a.
        self._a, self._g, self._da = (like.new_zeros(R, B, 4 * H) for _ in range(3))
        self._a_n, self._da_n = self._columns(self._a, 3), self._columns(self._da, 3)
        self._g_i, self._g_f, self._g_o = (self._columns(self._g, n) for n in range(3))
        self._a_parts, self._g_parts, self._da_parts = map(self.gate_phi.split, (self._a, self._g, self._da))
        # Of one step: phi's argument, value and gradient; k, the gradient of c.
        self._arg, self._value, self._grad, self._k = (like.new_zeros(R, B, H) for _ in range(4))
        self._arg_parts, self._value_parts, self._grad_parts = map(self.phi.split, (self._arg, self._value, self._grad))

    def step(self, t: int) -> None:
        arg, value = self._arg, self._value
        if t or not self.from_zero:
            torch.baddbmm(self._pre[t], self._h[t], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre[t])
        arg.copy_(self._a_n)
        self.phi.forward(t, arg, self._arg_parts, self._value_parts)
        # All four blocks, also the candidate's: one contiguous piece takes less time than three quarters of it.
        self.gate_phi.forward(t, self._a, self._a_parts, self._gates[t])
        self._n[t].copy_(value)
        torch.mul(self._i[t], value, out=arg)
        torch.addcmul(arg, self._f[t], self._c[t], out=self._c[t + 1])
        arg.copy_(self._c[t + 1])
        self._phi_c.forward(t, arg, self._arg_parts, self._values_c[t])
        torch.mul(self._o[t], self._phi_of_c[t], out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._arg.fill_(1)
        self._value.copy_(self._n[t])
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        return self._grad

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, k, arg, value, grad = self.gradient, self._k, self._arg, self._value, self._grad
        if t + 1 == len(self._pre):
            k.zero_() if self.beyond is None else k.copy_(self.beyond)
            gradient.zero_() if above is None else gradient.copy_(above)
        elif above is None:
            torch.bmm(self._da, self._weight_hh_T, out=gradient)
        else:
            torch.baddbmm(above, self._da, self._weight_hh_T, out=gradient)
        torch.mul(gradient, self._phi_of_c[t], out=self._g_o)
        torch.mul(gradient, self._o[t], out=arg)
        self._phi_c.backward(t, self._arg_parts, self._values_c[t], self._grad_parts)
        k.add_(grad)
        value.copy_(self._n[t])
        torch.mul(k, value, out=self._g_i)
        torch.mul(k, self._c[t], out=self._g_f)
        torch.mul(k, self._i[t], out=arg)
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        k.mul_(self._f[t])
        self.gate_phi.backward(t, self._g_parts, self._gates[t], self._da_parts)
        self._da_n.copy_(grad)
        self._pre[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.bmm(self._da, self._weight_hh_T), self._k.clone()]
