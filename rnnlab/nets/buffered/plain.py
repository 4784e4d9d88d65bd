"""Any cell by its formula alone, for a cell that nobody has written in buffers: slower, and nothing else to write."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from rnnlab.nets.buffered.base import BufferedCell, PackActivation
from rnnlab.nets.cells import Cell
from rnnlab.nets.cells.base import Kept, State


class PlainCell(BufferedCell):
    """Calls the formula's `step` and `reverse_step`, and keeps what they return.

    What diagnostics call the cell's pre-activation is the first one that a step applies phi to: the candidate's."""

    def __init__(
        self,
        formula: type[Cell],
        phi: PackActivation,
        gate_phi: PackActivation,
        weights: Mapping[str, Tensor],
        shape: tuple[int, int, int, int],
        like: Tensor,
    ):
        self.formula = formula  # type: ignore[misc]  # of this layer, not of the class
        super().__init__(phi, gate_phi, weights, shape, like)
        self.states = [self.h, *(torch.zeros_like(self.h) for _ in range(formula.n_states - 1))]
        self._phi = _Watched(phi)
        self._cell = formula(self._phi, gate_phi)
        self._kept: dict[int, Kept] = {}
        self._a: dict[int, Tensor] = {}
        self._arriving: State = ()  # at the state after a step, from the steps beyond it
        self._grads: dict[str, Tensor] = {}

    def step(self, t: int) -> None:
        self._phi.arguments.clear()
        before = tuple(trace[:, t] for trace in self.states)
        after, self._kept[t] = self._cell.step(self._pre[t], before, self._weights)
        self._a[t] = self._phi.arguments[0]
        for trace, state in zip(self.states, after, strict=True):
            trace[:, t + 1] = state

    def slope(self, t: int) -> Tensor:
        return self._phi.slope(self._a[t])

    def begin_reverse(self) -> None:
        self._arriving = tuple(torch.zeros_like(self.gradient) for _ in self.states)
        self._grads = {name: torch.zeros_like(weight) for name, weight in self._weights.items()}

    def reverse_step(self, t: int, above: Tensor | None) -> None:
        gradient = list(self._arriving)
        if t + 1 == len(self._pre) and self.beyond is not None:
            gradient[1] = self.beyond
        if above is not None:
            gradient[0] = gradient[0] + above
        self.gradient.copy_(gradient[0])
        d_pre, self._arriving = self._cell.reverse_step(tuple(gradient), self._kept[t], self._weights, self._grads)
        self._pre[t].copy_(d_pre)

    def initial_gradients(self) -> list[Tensor]:
        return list(self._arriving)

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        """The formula has summed the products up: the identity times their sum is the sum."""
        return [
            (name, torch.eye(grad.shape[1]).to(grad).expand(len(grad), -1, -1), grad)
            for name, grad in self._grads.items()
        ]


class _Watched:
    """phi, with a list of what it was applied to."""

    def __init__(self, phi: PackActivation):
        self._phi = phi
        self.arguments: list[Tensor] = []

    def __call__(self, a: Tensor) -> Tensor:
        self.arguments.append(a)
        return self._phi(a)

    def slope(self, a: Tensor) -> Tensor:
        return self._phi.slope(a)
