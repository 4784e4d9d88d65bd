"""What the buffered cells share: the buffers of one layer of a pack, and the steps through time in these buffers.

Axis letters: R run, T time, B batch, I input, H hidden.  The run axis comes first, so that everything that does not
depend on the order of time is one matrix product per lane over all of T and B.  A cell with gates keeps them side by
side, as blocks of H columns.
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
    """The activations of a pack's lanes.  Neighbouring lanes with the same activation form a group: one call."""

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
        """x (R, ...) -> one view of it per group."""
        return [x[lanes] for lanes, _ in self.groups]

    def forward(self, a: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = phi(a), one part per group.  The call may overwrite a."""
        for (_, activation), a_part, out_part in zip(self.groups, a, out, strict=True):
            activation.forward(a_part, out_part)

    def backward(
        self, g: Sequence[Tensor], a: Sequence[Tensor | None], h: Sequence[Tensor], out: Sequence[Tensor]
    ) -> None:
        """out = g * phi'(a), one part per group, with h = phi(a).  a: None for a group that does not need it."""
        for (_, activation), g_part, a_part, h_part, out_part in zip(self.groups, g, a, h, out, strict=True):
            activation.backward(g_part, a_part, h_part, out_part)


class TracedActivation:
    """phi at every step, with a trace of its inputs if an activation of the pack needs them for its slope.

    The methods take buffers that are split already (`PackActivation.split`): at these sizes, making a view takes half
    as long as a product."""

    def __init__(self, phi: PackActivation, like: Tensor):
        """like (R, T, B, M): the shape of the trace."""
        self._phi = phi
        self.split = phi.split
        self._inputs = list(torch.zeros_like(like).unbind(1)) if phi.saves_input else []
        self._input_parts: list[list[Tensor | None]] = [[None] * len(phi.groups)] * like.shape[1]
        if self._inputs:
            self._input_parts = [[*phi.split(a)] for a in self._inputs]

    def steps(self, trace: Tensor) -> list[list[Tensor]]:
        """A trace (R, T, B, M) -> its T steps, each split into one part per group."""
        return list(map(self._phi.split, trace.unbind(1)))

    def forward(self, t: int, a: Tensor, a_parts: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = phi(a[t]).  a (R, B, M) is given whole and split; the call may overwrite it."""
        if self._inputs:
            self._inputs[t].copy_(a)
        self._phi.forward(a_parts, out)

    def backward(self, t: int, g: Sequence[Tensor], values: Sequence[Tensor], out: Sequence[Tensor]) -> None:
        """out = g * phi'(a[t]), with values = phi(a[t])."""
        self._phi.backward(g, self._input_parts[t], values, out)


class BufferedCell(ABC):
    """One layer of a pack, computed step by step.  `formula` is the class in nets/cells with its formulas.

    pre (R, T, B, blocks * H): before the forward pass it holds the input's share of the pre-activations,
        x[t] W_ih + b; after the reverse pass it holds the gradients of the pre-activations.
    h (R, T+1, B, H): the states; h[:, 0] is the state before the first step.
    gradient (R, B, H): dL/dh[t] after reverse_step(t).
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
        """shape: (R, T, B, H).  weights: the matrices of this layer.  Every step reads them, so they may change between
        two passes."""
        R, T, B, H = self.shape = shape
        self.pre = like.new_zeros(R, T, B, self.formula.blocks * H)
        self.h = like.new_zeros(R, T + 1, B, H)
        self.states = [self.h]
        self.gradient = like.new_zeros(R, B, H)
        self.from_zero = True
        # The gradient that arrives at the second of `states` (of an LSTM: c) after the last step; None for zero.
        self.beyond: Tensor | None = None
        self._pre, self._h = list(self.pre.unbind(1)), list(self.h.unbind(1))
        # Copies for the reverse pass: a product with a transposed view takes up to five times as long.
        recurrent = {name: w for name, w in weights.items() if name not in ("weight_ih", "bias")}
        self._weights = recurrent
        self._transposed = {name: w.new_empty(w.transpose(1, 2).shape) for name, w in recurrent.items()}

    @property
    def outputs(self) -> Tensor:
        """The states after each step, (R, T, B, H)."""
        return self.h[:, 1:]

    def start_from_zero(self) -> None:
        """Set the state before the first step to zero."""
        if not self.from_zero:
            for trace in self.states:
                trace[:, 0].zero_()
            self.from_zero = True

    def start_from(self, states: Sequence[Tensor]) -> None:
        """Set the state before the first step: one (R, B, H) for each of `self.states`."""
        for trace, state in zip(self.states, states, strict=True):
            trace[:, 0] = state
        self.from_zero = False

    def last_states(self) -> list[Tensor]:
        """The state after the last step, as views."""
        return [trace[:, -1] for trace in self.states]

    def unroll(self) -> None:
        """Compute all steps from `pre` and from the state before the first step."""
        for t in range(len(self._pre)):
            self.step(t)

    def unroll_reverse(self, above: Sequence[Tensor | None], squared_norms: Tensor | None = None) -> None:
        """Compute all steps in reverse.

        above: for each step, the gradient that arrives at h from the layer above, (R, B, H) or None for zero.
        squared_norms (R, T): the squared norms of dL/dh[t] over batch and units are added to it."""
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
        """phi' of step t, (R, B, H); of cells with gates, phi' of the candidate.

        Valid until the next call.  May be called only between a forward pass and its reverse pass."""

    def begin_reverse(self) -> None:
        """Must be called before the reverse pass, which goes from T-1 down to 0."""
        for name, weight in self._weights.items():
            self._transposed[name].copy_(weight.transpose(1, 2))

    @abstractmethod
    def reverse_step(self, t: int, above: Tensor | None) -> None:
        """Replace pre[t] by the gradients of the pre-activations of step t.

        above: the gradient that arrives at h[t+1] from the layer above, (R, B, H) or None for zero.
        The gradient ends at the state before the first step, also if that state came from the batch before."""

    @abstractmethod
    def initial_gradients(self) -> list[Tensor]:
        """After the reverse pass: the gradients of the state before the first step, one (R, B, H) for each of `states`.

        Training does not need them; the Lyapunov exponents do."""

    def recurrent_products(self) -> list[tuple[str, Tensor, Tensor]]:
        """For every recurrent weight W: its name, v (R, M, H), and the gradient (R, M, .) of the product v W.

        M counts all steps and samples, so that dW = v^T gradient is one matrix product."""
        if not self.formula.recurrent:
            return []
        return [(name, self._flat(self.h[:, :-1]), self._flat(self.pre)) for name in self._weights]

    def _flat(self, trace: Tensor) -> Tensor:
        """(R, T, B, .) -> (R, M, .).  The first step is left out if the state before it is zero."""
        return trace[:, int(self.from_zero) :].flatten(1, 2)

    def _columns(self, x: Tensor, first: int, stop: int | None = None) -> Tensor:
        """x (..., blocks * H) -> its blocks from `first` to before `stop`; without `stop`, the block `first` alone."""
        H = self.shape[-1]
        return x[..., first * H : (first + 1 if stop is None else stop) * H]
