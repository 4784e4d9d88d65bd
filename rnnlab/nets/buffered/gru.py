"""The gated recurrent unit, in torch's form and in its authors'."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import Cell, TracedActivation, Weight


class GruCell(Cell):
    """The gated recurrent unit with the reset after the product, as torch.nn.GRU and cuDNN have it.

        (r, z)[t] = s(x[t] W_ih + h[t-1] W_hh + b)           s the gates' activation (sigmoid)
        q[t] = h[t-1] W_hh + b_q                             each its columns
        n[t] = phi(x[t] W_ih + b + r[t] q[t])
        h[t] = z[t] h[t-1] + (1 - z[t]) n[t]                 Cho et al., EMNLP (2014), with r after the product

    and in reverse, with g[t] = dL/dh[t]:

        da_n = g (1 - z) phi'      da_q = da_n r      da_r = da_n q s'      da_z = g (h[t-1] - n) s'
        g[t-1] = above[t-1] + z[t] g[t] + (da_r, da_z, da_q) W_hh^T

    The blocks of the pre-activations are (n, r, z, q): W_ih writes to the first three, W_hh to the last three.
    """

    blocks = 4
    traces = 4 + 1
    products = 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        gates = ("candidate", "reset", "update", "recurrent_candidate")
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, gates[:3]),
            Weight("weight_hh", "recurrent", hidden_size, hidden_size, gates[1:], first=1),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, gates)] if bias else weights

    def __init__(self, phi: Any, gate_phi: Any, *arguments: Any):
        super().__init__(phi, gate_phi, *arguments)
        R, _, B, H = self.shape
        like = self.h
        self._weight_hh, self._weight_hh_T = self._weights["weight_hh"], self._transposed["weight_hh"]

        # Between the passes pre[t] holds (n, r, z, q)[t]: what a step reads is overwritten while it is in the cache.
        self._pre_n, self._r, self._z, self._q = (list(self._columns(self.pre, n).unbind(1)) for n in range(4))
        rzq = self._columns(self.pre, 1, 4)
        self._pre_rzq = list(rzq.unbind(1))
        self.gate_phi, self.phi = TracedActivation(gate_phi, rzq), TracedActivation(phi, self.outputs)

        self._a, self._s, self._g, self._da = (like.new_zeros(R, B, 3 * H) for _ in range(4))
        self._a_q, self._s_q, self._da_q = (self._columns(x, 2) for x in (self._a, self._s, self._da))
        self._g_r, self._g_z = self._columns(self._g, 0), self._columns(self._g, 1)
        self._gates = list(map(self.gate_phi.split, (self._a, self._s, self._g, self._da)))
        self._one, self._two, self._three, self._kept = (like.new_zeros(R, B, H) for _ in range(4))
        self._ones, self._twos, self._threes = map(self.phi.split, (self._one, self._two, self._three))

    def step(self, t: int) -> None:
        one, two = self._one, self._two
        if t or not self.from_zero:
            torch.baddbmm(self._pre_rzq[t], self._h[t], self._weight_hh, out=self._a)
        else:
            self._a.copy_(self._pre_rzq[t])
        one.copy_(self._a_q)
        # All three blocks, q's too: one contiguous piece is done sooner than two thirds of it.
        self.gate_phi.forward(t, self._a, self._gates[0], self._gates[1])
        self._s_q.copy_(one)
        self._pre_rzq[t].copy_(self._s)
        torch.addcmul(self._pre_n[t], self._r[t], one, out=one)
        self.phi.forward(t, one, self._ones, self._twos)
        self._pre_n[t].copy_(two)
        torch.sub(self._h[t], two, out=one)
        torch.addcmul(two, self._z[t], one, out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._one.fill_(1)
        self._two.copy_(self._pre_n[t])
        self.phi.backward(t, self._ones, self._twos, self._threes)
        return self._three

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, kept, one, two, three = self.gradient, self._kept, self._one, self._two, self._three
        if t + 1 == len(self._pre):
            gradient.zero_() if above is None else gradient.copy_(above)
        else:
            torch.baddbmm(kept, self._da, self._weight_hh_T, out=gradient)
            if above is not None:
                gradient.add_(above)
        two.copy_(self._pre_n[t])
        torch.sub(self._h[t], two, out=one)
        torch.mul(gradient, one, out=self._g_z)
        torch.mul(gradient, self._z[t], out=kept)
        torch.sub(gradient, kept, out=one)
        self.phi.backward(t, self._ones, self._twos, self._threes)
        torch.mul(three, self._q[t], out=self._g_r)
        torch.mul(three, self._r[t], out=two)
        self._s.copy_(self._pre_rzq[t])
        self.gate_phi.backward(t, self._gates[2], self._gates[1], self._gates[3])
        self._da_q.copy_(two)
        self._pre_n[t].copy_(three)
        self._pre_rzq[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.baddbmm(self._kept, self._da, self._weight_hh_T)]

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        return [("weight_hh", self._flat(self.h[:, :-1]), self._flat(self._columns(self.pre, 1, 4)))]


class OriginalGruCell(Cell):
    """The gated recurrent unit as its authors wrote it, with the reset before the product.

        (r, z)[t] = s(x[t] W_ih + h[t-1] W_hh + b)           s the gates' activation (sigmoid)
        n[t] = phi(x[t] W_ih + (r[t] h[t-1]) W_hn + b)
        h[t] = z[t] h[t-1] + (1 - z[t]) n[t]                 Cho et al., EMNLP (2014), eq. 5 to 8

    and in reverse, with g[t] = dL/dh[t] and m[t] = da_n W_hn^T:

        da_n = g (1 - z) phi'      da_r = m h[t-1] s'      da_z = g (h[t-1] - n) s'
        g[t-1] = above[t-1] + z[t] g[t] + r[t] m[t] + (da_r, da_z) W_hh^T
    """

    blocks = 3
    traces = 3 + 2
    products = 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        gates = ("candidate", "reset", "update")
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, gates),
            Weight("weight_hh", "recurrent", hidden_size, hidden_size, gates[1:], first=1),
            Weight("weight_hn", "recurrent", hidden_size, hidden_size, gates[:1]),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, gates)] if bias else weights

    def __init__(self, phi: Any, gate_phi: Any, *arguments: Any):
        super().__init__(phi, gate_phi, *arguments)
        R, _, B, H = self.shape
        like = self.h
        self._reset = torch.zeros_like(self.outputs)  # r[t] h[t-1]
        self._rh = list(self._reset.unbind(1))

        # Between the passes pre[t] holds (n, r, z)[t]: what a step reads is overwritten while it is in the cache.
        self._pre_n, self._r, self._z = (list(self._columns(self.pre, n).unbind(1)) for n in range(3))
        rz = self._columns(self.pre, 1, 3)
        self._pre_rz = list(rz.unbind(1))
        self.gate_phi, self.phi = TracedActivation(gate_phi, rz), TracedActivation(phi, self.outputs)

        self._a, self._s, self._g, self._da = (like.new_zeros(R, B, 2 * H) for _ in range(4))
        self._g_r, self._g_z = self._columns(self._g, 0), self._columns(self._g, 1)
        self._gates = list(map(self.gate_phi.split, (self._a, self._s, self._g, self._da)))
        self._one, self._two, self._three, self._kept = (like.new_zeros(R, B, H) for _ in range(4))
        self._ones, self._twos, self._threes = map(self.phi.split, (self._one, self._two, self._three))

    def step(self, t: int) -> None:
        one, two = self._one, self._two
        if t or not self.from_zero:
            torch.baddbmm(self._pre_rz[t], self._h[t], self._weights["weight_hh"], out=self._a)
        else:
            self._a.copy_(self._pre_rz[t])
        self.gate_phi.forward(t, self._a, self._gates[0], self._gates[1])
        self._pre_rz[t].copy_(self._s)
        torch.mul(self._r[t], self._h[t], out=self._rh[t])
        torch.baddbmm(self._pre_n[t], self._rh[t], self._weights["weight_hn"], out=one)
        self.phi.forward(t, one, self._ones, self._twos)
        self._pre_n[t].copy_(two)
        torch.sub(self._h[t], two, out=one)
        torch.addcmul(two, self._z[t], one, out=self._h[t + 1])

    def slope(self, t: int) -> Tensor:
        self._one.fill_(1)
        self._two.copy_(self._pre_n[t])
        self.phi.backward(t, self._ones, self._twos, self._threes)
        return self._three

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient, kept, one, two, three = self.gradient, self._kept, self._one, self._two, self._three
        if t + 1 == len(self._pre):
            gradient.zero_() if above is None else gradient.copy_(above)
        else:
            torch.baddbmm(kept, self._da, self._transposed["weight_hh"], out=gradient)
            if above is not None:
                gradient.add_(above)
        two.copy_(self._pre_n[t])
        torch.sub(self._h[t], two, out=one)
        torch.mul(gradient, one, out=self._g_z)
        torch.mul(gradient, self._z[t], out=kept)
        torch.sub(gradient, kept, out=one)
        self.phi.backward(t, self._ones, self._twos, self._threes)
        torch.bmm(three, self._transposed["weight_hn"], out=two)
        kept.addcmul_(self._r[t], two)
        torch.mul(two, self._h[t], out=self._g_r)
        self._s.copy_(self._pre_rz[t])
        self.gate_phi.backward(t, self._gates[2], self._gates[1], self._gates[3])
        self._pre_n[t].copy_(three)
        self._pre_rz[t].copy_(self._da)

    def initial_gradients(self) -> list[Tensor]:
        return [torch.baddbmm(self._kept, self._da, self._transposed["weight_hh"])]

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        return [
            ("weight_hh", self._flat(self.h[:, :-1]), self._flat(self._columns(self.pre, 1, 3))),
            ("weight_hn", self._flat(self._reset), self._flat(self._columns(self.pre, 0))),
        ]
