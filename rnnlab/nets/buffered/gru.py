"""The gated recurrent unit in buffers, in torch's form and in the form of its authors.

nets/cells/gru.py has the formulas.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import BufferedCell, PackActivation, TracedActivation
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell


class BufferedGru(BufferedCell):
    formula = GruCell

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
        self._weight_hh, self._weight_hh_T = self._weights["weight_hh"], self._transposed["weight_hh"]

        # Between the passes pre[t] holds (n, r, z, q)[t]: a step overwrites what it has just read into the cache.
        self._pre_n, self._r, self._z, self._q = (list(self._columns(self.pre, n).unbind(1)) for n in range(4))
        rzq = self._columns(self.pre, 1, 4)
        self._pre_rzq = list(rzq.unbind(1))
        self.gate_phi, self.phi = TracedActivation(gate_phi, rzq), TracedActivation(phi, self.outputs)

        # Of one step, side by side for all gates: pre-activations a, values s, gradients of the values g and of a.
        self._a, self._s, self._g, self._da = (like.new_zeros(R, B, 3 * H) for _ in range(4))
        self._a_q, self._s_q, self._da_q = (self._columns(x, 2) for x in (self._a, self._s, self._da))
        self._g_r, self._g_z = self._columns(self._g, 0), self._columns(self._g, 1)
        self._gates = list(map(self.gate_phi.split, (self._a, self._s, self._g, self._da)))
        # Of one step: phi's argument, value and gradient; the gradient that reaches h[t-1] without a product by W_hh.
        self._arg, self._value, self._grad, self._direct = (like.new_zeros(R, B, H) for _ in range(4))
        self._arg_parts, self._value_parts, self._grad_parts = map(self.phi.split, (self._arg, self._value, self._grad))

    def step(self, t: int) -> None:
        arg, value = self._arg, self._value
        if t or not self.from_zero:
            torch.baddbmm(self._pre_rzq[t], self._h[t], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre_rzq[t])
        arg.copy_(self._a_q)
        # All three blocks, also q's, which needs no gate: one contiguous piece takes less time than two thirds of it.
        self.gate_phi.forward(t, self._a, self._gates[0], self._gates[1])
        self._s_q.copy_(arg)
        self._pre_rzq[t].copy_(self._s)
        torch.addcmul(self._pre_n[t], self._r[t], arg, out=arg)
        self.phi.forward(t, arg, self._arg_parts, self._value_parts)
        self._pre_n[t].copy_(value)
        torch.sub(self._h[t], value, out=arg)
        torch.addcmul(value, self._z[t], arg, out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._arg.fill_(1)
        self._value.copy_(self._pre_n[t])
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        return self._grad

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, direct, arg, value, grad = self.gradient, self._direct, self._arg, self._value, self._grad
        if t + 1 == len(self._pre):
            gradient.zero_() if above is None else gradient.copy_(above)
        else:
            torch.baddbmm(direct, self._da, self._weight_hh_T, out=gradient)
            if above is not None:
                gradient.add_(above)
        value.copy_(self._pre_n[t])
        torch.sub(self._h[t], value, out=arg)
        torch.mul(gradient, arg, out=self._g_z)
        torch.mul(gradient, self._z[t], out=direct)
        torch.sub(gradient, direct, out=arg)
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        torch.mul(grad, self._q[t], out=self._g_r)
        torch.mul(grad, self._r[t], out=value)
        self._s.copy_(self._pre_rzq[t])
        self.gate_phi.backward(t, self._gates[2], self._gates[1], self._gates[3])
        self._da_q.copy_(value)
        self._pre_n[t].copy_(grad)
        self._pre_rzq[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.baddbmm(self._direct, self._da, self._weight_hh_T)]

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        return [("weight_hh", self._flat(self.h[:, :-1]), self._flat(self._columns(self.pre, 1, 4)))]


class BufferedOriginalGru(BufferedCell):
    formula = OriginalGruCell

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
        self._reset = torch.zeros_like(self.outputs)  # r[t] h[t-1]
        self._rh = list(self._reset.unbind(1))

        # Between the passes pre[t] holds (n, r, z)[t]: a step overwrites what it has just read into the cache.
        self._pre_n, self._r, self._z = (list(self._columns(self.pre, n).unbind(1)) for n in range(3))
        rz = self._columns(self.pre, 1, 3)
        self._pre_rz = list(rz.unbind(1))
        self.gate_phi, self.phi = TracedActivation(gate_phi, rz), TracedActivation(phi, self.outputs)

        # Of one step, side by side for all gates: pre-activations a, values s, gradients of the values g and of a.
        self._a, self._s, self._g, self._da = (like.new_zeros(R, B, 2 * H) for _ in range(4))
        self._g_r, self._g_z = self._columns(self._g, 0), self._columns(self._g, 1)
        self._gates = list(map(self.gate_phi.split, (self._a, self._s, self._g, self._da)))
        # Of one step: phi's argument, value and gradient; the gradient that reaches h[t-1] without a product by W_hh.
        self._arg, self._value, self._grad, self._direct = (like.new_zeros(R, B, H) for _ in range(4))
        self._arg_parts, self._value_parts, self._grad_parts = map(self.phi.split, (self._arg, self._value, self._grad))

    def step(self, t: int) -> None:
        arg, value = self._arg, self._value
        if t or not self.from_zero:
            torch.baddbmm(self._pre_rz[t], self._h[t], self._weights["weight_hh"], out=self._a)
        else:
            self._a.copy_(self._pre_rz[t])
        self.gate_phi.forward(t, self._a, self._gates[0], self._gates[1])
        self._pre_rz[t].copy_(self._s)
        torch.mul(self._r[t], self._h[t], out=self._rh[t])
        torch.baddbmm(self._pre_n[t], self._rh[t], self._weights["weight_hn"], out=arg)
        self.phi.forward(t, arg, self._arg_parts, self._value_parts)
        self._pre_n[t].copy_(value)
        torch.sub(self._h[t], value, out=arg)
        torch.addcmul(value, self._z[t], arg, out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._arg.fill_(1)
        self._value.copy_(self._pre_n[t])
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        return self._grad

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, direct, arg, value, grad = self.gradient, self._direct, self._arg, self._value, self._grad
        if t + 1 == len(self._pre):
            gradient.zero_() if above is None else gradient.copy_(above)
        else:
            torch.baddbmm(direct, self._da, self._transposed["weight_hh"], out=gradient)
            if above is not None:
                gradient.add_(above)
        value.copy_(self._pre_n[t])
        torch.sub(self._h[t], value, out=arg)
        torch.mul(gradient, arg, out=self._g_z)
        torch.mul(gradient, self._z[t], out=direct)
        torch.sub(gradient, direct, out=arg)
        self.phi.backward(t, self._arg_parts, self._value_parts, self._grad_parts)
        torch.bmm(grad, self._transposed["weight_hn"], out=value)
        direct.addcmul_(self._r[t], value)
        torch.mul(value, self._h[t], out=self._g_r)
        self._s.copy_(self._pre_rz[t])
        self.gate_phi.backward(t, self._gates[2], self._gates[1], self._gates[3])
        self._pre_n[t].copy_(grad)
        self._pre_rz[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.baddbmm(self._direct, self._da, self._transposed["weight_hh"])]

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        return [
            ("weight_hh", self._flat(self.h[:, :-1]), self._flat(self._columns(self.pre, 1, 3))),
            ("weight_hn", self._flat(self._reset), self._flat(self._columns(self.pre, 0))),
        ]
