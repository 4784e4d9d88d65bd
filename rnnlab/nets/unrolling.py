"""A stack of layers over a sequence, differentiable: by the kernels where they can compute it, else by the formulas.

The kernels compute float32 on the CPU, with activations that have a vector form.  The formulas are those of nets/cells
in plain torch.  They hold on every device and in every precision, any function of torch may be the activation, and
there are gradients of gradients.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

import torch
from torch import Tensor

from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.nets.backends.choice import cannot_compile, say
from rnnlab.nets.cells import Cell
from rnnlab.nets.layout import cell_weights
from rnnlab.nets.reference import input_share, zero_state

Function = Activation | Callable[[Tensor], Tensor]  # phi; of a function of torch, autograd finds the slope
Layers = Sequence[Mapping[str, Tensor]]  # by layer, the tensors by the names of nets/layout.py
Segments = Sequence[tuple[int, int]]  # (T, B): for T steps the batch has B samples
Phis = tuple[str, list[float], str, list[float]]  # both activations as a kernel knows them: names and parameters


class Unrolling:
    """What computes a stack: the cell, its activations, and the backend: auto, compiled or torch.

    Raises ValueError where backend="compiled" cannot be."""

    def __init__(self, cell: type[Cell], hidden_size: int, phi: Function, gate_phi: Function, backend: str):
        self.cell, self.hidden_size, self.phi, self.gate_phi, self.backend = cell, hidden_size, phi, gate_phi, backend
        self._phis: Phis | None = None
        if backend != "torch":
            reason = _why_no_kernel((phi, gate_phi))
            if reason and backend == "compiled":
                raise ValueError(f"backend: compiled is not possible: {reason}; use auto or torch")
            if isinstance(phi, Activation) and isinstance(gate_phi, Activation) and not reason:
                self._phis = (phi.name, [*vars(phi).values()], gate_phi.name, [*vars(gate_phi).values()])

    def __call__(
        self, x: Tensor, layers: Layers, initial: Tensor | None, *, reverse: bool = False
    ) -> tuple[Tensor, Tensor]:
        """x (T, B, I), initial (S, L, B, H), None for zero -> h of the top layer after every step (T, B, H), and the
        states after the last step (S, L, B, H).

        reverse: from the last step to the first.  Raises ValueError where backend="compiled" cannot be."""
        if reverse:
            outputs, last = self(x.flip(0), layers, initial)
            return outputs.flip(0), last
        if self._phis is not None and x.shape[1] and not torch.jit.is_tracing():  # a trace would keep our buffers
            if x.device.type == "cpu" and x.dtype == torch.float32 and _are_kernels_here(self.backend):
                return self._by_kernels(x, layers, initial, self._phis)
            if self.backend == "compiled":
                raise ValueError(
                    f"backend: compiled computes torch.float32 on cpu, not {x.dtype} on {x.device}; use auto or torch"
                )
        return self._by_formulas(x, layers, initial)

    def packed(
        self, x: Tensor, segments: Segments, layers: Layers, initial: Tensor | None, *, reverse: bool = False
    ) -> tuple[Tensor, Tensor]:
        """The same of sequences of several lengths, the longest first: x (rows, I), the samples of a step after those
        of the step before -> (rows, H), (S, L, B, H).

        Where the batch becomes smaller, the samples beyond have ended; where it grows, in reverse, they begin."""
        if initial is None:
            initial = x.new_zeros(self.cell.n_states, len(layers), segments[0][1], self.hidden_size)
        way = -1 if reverse else 1
        parts = x.split([T * B for T, B in segments])[::way]
        states = initial[:, :, : segments[::way][0][1]]
        found, ended = [], []
        for (T, B), part in zip(segments[::way], parts, strict=True):
            ended.append(states[:, :, B:])
            states = torch.cat([states[:, :, :B], initial[:, :, states.shape[2] : B]], 2)
            outputs, states = self(part.unflatten(0, (T, B)), layers, states, reverse=reverse)
            found.append(outputs.flatten(0, 1))
        return torch.cat(found[::way]), torch.cat([states, *ended[::-1]], 2)

    def _by_kernels(self, x: Tensor, layers: Layers, initial: Tensor | None, phis: Phis) -> tuple[Tensor, Tensor]:
        from rnnlab.nets.kernels.operators import Kind, unrolled

        weights = torch.cat([tensor.flatten() for layer in layers for tensor in layer.values()])
        sizes = (self.cell.name, self.hidden_size, len(layers), "bias_ih" in layers[0])
        return unrolled(x, weights, initial, Kind(*sizes, *phis))

    def _by_formulas(self, x: Tensor, layers: Layers, initial: Tensor | None) -> tuple[Tensor, Tensor]:
        cell = self.cell(_Phi(self.phi), _Phi(self.gate_phi))
        last = []
        for n, layer in enumerate(layers):
            weights = cell_weights(self.cell, layer)
            shares = input_share(cell, x, weights).unbind(0)
            before = zero_state(cell, shares[0]) if initial is None else initial[:, n].unbind(0)
            states, _ = cell.unroll(shares, before, weights)
            x = torch.stack([state[0] for state in states])
            last.append(torch.stack(states[-1]))
        return x, torch.stack(last, 1)


def _why_no_kernel(phis: Sequence[Function]) -> str | None:
    """Why no kernel computes these activations, in a few words; None if one does.  Compiles nothing."""
    if find_spec("numba") is None:
        return "numba is not installed"
    from rnnlab.nets.kernels.coverage import without_form

    registered = [phi for phi in phis if isinstance(phi, Activation) and ACTIVATIONS.get(phi.name) is type(phi)]
    if len(registered) < len(phis):
        return "an activation that is not registered by a name has no kernel"
    return without_form(registered)


@torch.compiler.assume_constant_result
def _are_kernels_here(backend: str) -> bool:
    """Load the kernels; where that cannot be, say so once on stderr.  Raises ValueError for backend="compiled"."""
    reason = cannot_compile()
    if reason and backend == "compiled":
        raise ValueError(f"backend: compiled is not possible: {reason}; use auto or torch")
    if reason:
        say(reason)
    return reason is None


class _Phi:
    """An activation as a cell's phi, for autograd."""

    def __init__(self, function: Function):
        self._function = function

    def __call__(self, a: Tensor) -> Tensor:
        if isinstance(self._function, Activation):
            return _WithSlope.apply(a, self._function)
        return self._function(a)

    def slope(self, a: Tensor) -> Tensor:
        raise NotImplementedError("autograd differentiates the forward pass")


class _WithSlope(torch.autograd.Function):
    """phi(a) whose derivative is `slope`.

    At a kink autograd adds up both sides of a formula: it would give max(a, 0) + min(a, 0) the slope 2 at 0."""

    generate_vmap_rule = True

    @staticmethod
    def forward(a: Tensor, activation: Activation) -> Tensor:
        return activation.phi(a)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Activation], output: Tensor) -> None:
        a, ctx.activation = inputs
        ctx.save_for_backward(a)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (a,) = ctx.saved_tensors
        return gradient * ctx.activation.slope(a), None
