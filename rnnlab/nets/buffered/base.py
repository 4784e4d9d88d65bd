"""The cells of nets/cells in buffers that are made once: the traces of one layer of a pack, and its steps in them.

R run, B batch, T time, I input, H hidden; lane-major, so that whatever does not depend on the order of time is one
matrix product per lane over all of T and B.  A cell with gates keeps them side by side, as blocks of H columns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import ClassVar

import torch
from torch import Tensor

from rnnlab.nets.activations import Activation
from rnnlab.nets.cells import Cell


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

    def __call__(self, a: Tensor) -> Tensor:
        """phi(a) as a new tensor: (R, ...) -> (R, ...)"""
        return torch.cat([activation.phi(a[lanes]) for lanes, activation in self.groups])

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a) as a new tensor: (R, ...) -> (R, ...)"""
        return torch.cat([activation.slope(a[lanes]) for lanes, activation in self.groups])

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


class TracedActivation:
    """phi applied at every step, with the trace of its inputs where the activation asks for them.

    Buffers are given split (`PackActivation.split`), once for all: at these sizes making a view takes as long as half a
    product."""

    def __init__(self, phi: PackActivation, like: Tensor):
        """like (R, T, B, M): the shape of the trace."""
        self._phi = phi
        self.split = phi.split
        self._inputs = list(torch.zeros_like(like).unbind(1)) if phi.saves_input else []
        self._input_parts = list(map(phi.split, self._inputs)) or [[None] * len(phi.groups)] * like.shape[1]

    def steps(self, trace: Tensor) -> list[list[Tensor]]:
        """A trace (R, T, B, M) as its steps, each split."""
        return list(map(self._phi.split, trace.unbind(1)))

    def forward(self, t: int, a: Tensor, a_parts: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = phi(a[t]); a (R, B, M), given whole and split, may be overwritten."""
        if self._inputs:
            self._inputs[t].copy_(a)
        self._phi.forward(a_parts, out)

    def backward(self, t: int, g: Sequence[Tensor], values: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = g * phi'(a[t]), with values = phi(a[t])."""
        self._phi.backward(g, self._input_parts[t], values, out)


class BufferedCell(ABC):
    """One layer of a pack on its way through time.  `formula` is the cell that it computes.

    `pre` (R, T, B, blocks * H) comes in as the input's share of the pre-activations, x[t] W_ih + b, and goes out of the
    reverse pass as the gradient of all that was added up there.  `h` (R, T+1, B, H) are the states, h[:, 0] the one
    before the first step.  `gradient` (R, B, H) is dL/dh[t] after reverse_step(t).
    """

    formula: ClassVar[type[Cell]]

    def __init__(
        self,
        phi: PackActivation,
        gate_phi: PackActivation,
        weights: Mapping[str, Tensor],
        shape: tuple[int, int, int, int],
        like: Tensor,
    ):
        """shape: (R, T, B, H).  weights: this layer's matrices, read at every step, so that they may change between
        passes."""
        R, T, B, H = self.shape = shape
        self.pre = like.new_zeros(R, T, B, self.formula.blocks * H)
        self.h = like.new_zeros(R, T + 1, B, H)
        self.states = [self.h]
        self.gradient = like.new_zeros(R, B, H)
        self.from_zero = True
        self.beyond: Tensor | None = None  # from steps after the last, what arrives at the second of `states`
        self._pre, self._h = list(self.pre.unbind(1)), list(self.h.unbind(1))
        # The reverse pass multiplies by transposes.  A product with a transposed view takes up to five times as long.
        recurrent = {name: w for name, w in weights.items() if name not in ("weight_ih", "bias")}
        self._weights = recurrent
        self._transposed = {name: w.new_empty(w.transpose(1, 2).shape) for name, w in recurrent.items()}

    @property
    def outputs(self) -> Tensor:
        """The states after each step, (R, T, B, H)."""
        return self.h[:, 1:]

    def start_from_zero(self) -> None:
        """The state before the first step is zero."""
        if not self.from_zero:
            for trace in self.states:
                trace[:, 0].zero_()
            self.from_zero = True

    def start_from(self, states: Sequence[Tensor]) -> None:
        """The state before the first step is this one, a (R, B, H) for each of `states`."""
        for trace, state in zip(self.states, states, strict=True):
            trace[:, 0] = state
        self.from_zero = False

    def last_states(self) -> list[Tensor]:
        """Views of the state after the last step."""
        return [trace[:, -1] for trace in self.states]

    def unroll(self) -> None:
        """All steps, from what `pre` and the state before the first one hold."""
        for t in range(len(self._pre)):
            self.step(t)

    def unroll_reverse(self, above: Sequence[Tensor | None], squared_norms: Tensor | None = None) -> None:
        """All steps in reverse.  above: by step, what arrives at h from the layer above, (R, B, H) or None for zero.

        squared_norms (R, T): to which the squared norms of dL/dh[t] over batch and units are added."""
        self.begin_reverse()
        for t in reversed(range(len(self._pre))):
            self.reverse_step(t, above[t])
            if squared_norms is not None:
                squared_norms[:, t] += self.gradient.square().sum((1, 2))

    @abstractmethod
    def step(self, t: int) -> None:
        """pre[t], h[t] -> h[t+1]"""

    @abstractmethod
    def slope(self, t: int) -> Tensor:
        """phi' of step t, of cells with gates the candidate's: (R, B, H), valid until the next call.  Only between a
        forward pass and its reverse pass."""

    def begin_reverse(self) -> None:
        """To be called before the reverse pass, from T-1 down to 0."""
        for name, weight in self._weights.items():
            self._transposed[name].copy_(weight.transpose(1, 2))

    @abstractmethod
    def reverse_step(self, t: int, above: Tensor | None) -> None:
        """above (R, B, H) or None for zero: what arrives at h[t+1] from the layer above.  The gradients of the
        pre-activations take the place of pre[t].

        Where the state before the first step was carried over from another batch, the gradient ends there."""

    @abstractmethod
    def initial_gradients(self) -> list[Tensor]:
        """The gradients at the states before the first step, one (R, B, H) for each of `states`, after the reverse
        pass.  Training has no use for them: diagnostics do."""

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        """For every recurrent weight W its name, v (R, M, H) and the gradient (R, M, .) at v W: all products over time
        and batch."""
        if not self.formula.recurrent:
            return []
        return [(name, self._flat(self.h[:, :-1]), self._flat(self.pre)) for name in self._weights]

    def _flat(self, trace: Tensor) -> Tensor:
        """(R, T, B, .) -> (R, M, .), without the first step where the state before it is zero."""
        return trace[:, int(self.from_zero) :].flatten(1, 2)

    def _columns(self, x: Tensor, first: int, last: int | None = None) -> Tensor:
        """Some blocks of (..., blocks * H)."""
        H = self.shape[-1]
        return x[..., first * H : (first + 1 if last is None else last) * H]
