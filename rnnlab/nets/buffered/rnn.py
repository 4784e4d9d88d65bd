"""The Elman cell in buffers, and the cell without recurrence.  nets/cells/rnn.py has the formulas."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import BufferedCell, PackActivation, TracedActivation
from rnnlab.nets.cells import Cell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell


class BufferedRnn(BufferedCell):
    formula: ClassVar[type[Cell]] = RnnCell

    def __init__(
        self,
        phi: PackActivation,
        gate_phi: PackActivation,
        weights: Mapping[str, Tensor],
        shape: tuple[int, int, int, int],
        like: Tensor,
    ):
        super().__init__(phi, gate_phi, weights, shape, like)
        self.phi = TracedActivation(phi, self.pre)
        self._values = self.phi.steps(self.outputs)
        self._a = torch.zeros_like(self.gradient)
        self._a_parts, self._gradient_parts = self.phi.split(self._a), self.phi.split(self.gradient)
        self._pre_parts = self.phi.steps(self.pre)

    def step(self, t: int) -> None:
        if self.formula.recurrent and (t or not self.from_zero):
            torch.baddbmm(self._pre[t], self._h[t], self._weights["weight_hh"], out=self._a)
        else:
            self._a.copy_(self._pre[t])
        self.phi.forward(t, self._a, self._a_parts, self._values[t])

    def slope(self, t: int) -> Tensor:
        self.gradient.fill_(1)
        self.phi.backward(t, self._gradient_parts, self._values[t], self._a_parts)
        return self._a

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        later = t + 1 < len(self._pre) and self.formula.recurrent
        if later and above is not None:
            torch.baddbmm(above, self._pre[t + 1], self._transposed["weight_hh"], out=self.gradient)
        elif later:
            torch.bmm(self._pre[t + 1], self._transposed["weight_hh"], out=self.gradient)
        elif above is not None:
            self.gradient.copy_(above)
        else:
            self.gradient.zero_()
        self.phi.backward(t, self._gradient_parts, self._values[t], self._pre_parts[t])

    def initial_gradients(self) -> list[Tensor]:
        if not self.formula.recurrent:
            return [torch.zeros_like(self.gradient)]
        return [torch.bmm(self._pre[0], self._transposed["weight_hh"])]


class BufferedMemoryless(BufferedRnn):
    formula = MemorylessCell
