"""Stacks of recurrent layers as operators of PyTorch, computed by the compiled kernels.

    unroll(x, weights, initial, cell, hidden_size, num_layers, bias,
           activation, parameters, gate_activation, gate_parameters) -> outputs, last, trace

    x                 (T, B, I)
    weights           (P,), the weights of torch.nn.RNN, LSTM or GRU one after the other, in their shapes and with their
                      order of gates: nets/layout.py lists them
    initial           (S, L, B, H), the states before the first step: h, of an LSTM h and c; None for zero
    cell              "rnn", "memoryless", "lstm", "gru" or "original_gru": nets/cells has the formulas
    activation        a name of nets/activations; parameters: the values of its fields, in their order
    gate_activation   the same for the gates; cells without gates ignore it

    outputs           (T, B, H), h of the top layer after every step
    last              (S, L, B, H), the states after the last step
    trace             what the backward pass reads; nobody else can use it

A module keeps the parameters of torch.nn and gives torch.cat([w.flatten() for w in parameters]): one copy, whose
gradient PyTorch takes apart again, instead of a list of tensors, which costs an operator several times that.

Tensors are float32 on the CPU.  Gradients with respect to x, weights and initial can be taken once.  The outputs and
states of a sample have the same bits whatever other samples stand in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from threading import Lock
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.cells import Cell
from rnnlab.nets.kernels import dynamics, evaluation, library, sequence, training
from rnnlab.nets.kernels.activations import NUMBERS
from rnnlab.nets.kernels.forms import FORMS, missing
from rnnlab.nets.kernels.layer import Phi
from rnnlab.nets.kernels.stack import Stack, StackSizes, tables
from rnnlab.nets.layout import GATES

BY_NAME: dict[str, type[Cell]] = {cell.name: cell for cell in GATES}
ENTRIES = (dynamics, evaluation, sequence, training)  # all are imported: the library is compiled with their loops, once
KIND = (
    "str cell, SymInt hidden_size, int num_layers, bool bias, "
    "str activation, float[] parameters, str gate_activation, float[] gate_parameters"
)
NO_SEQUENCE, NO_STATES = np.zeros((0, 0, 0), np.float32), np.zeros((0, 0, 0, 0), np.float32)
NO_TOKENS = np.zeros(0, np.int64)


class Kind(NamedTuple):
    """What is computed: KIND."""

    cell: str
    hidden_size: int
    num_layers: int
    bias: bool
    activation: str
    parameters: Sequence[float]
    gate_activation: str
    gate_parameters: Sequence[float]

    def check(self, x: Tensor, weights: Tensor, initial: Tensor | None) -> None:
        """Raises ValueError for what has no kernel, and for tensors that do not belong together."""
        if self.cell not in BY_NAME:
            raise ValueError(f"cell: {self.cell!r} has no kernel; one of {', '.join(BY_NAME)}")
        for key, (name, values) in zip(("activation", "gate_activation"), self._activations(), strict=True):
            if missing(name):
                raise ValueError(f"{key}: {name!r} has no kernel; one of {', '.join(FORMS)}")
            wanted = [field.name for field in fields(ACTIVATIONS[name])]  # type: ignore[arg-type]  # all are dataclasses
            if len(values) != len(wanted):
                raise ValueError(f"{key}: {name} has the parameters {wanted}, got {list(values)}")
        for key, tensor in (("x", x), ("weights", weights), ("initial", initial)):
            if tensor is not None and (tensor.dtype != torch.float32 or tensor.device.type != "cpu"):
                raise ValueError(
                    f"{key}: {tensor.dtype} on {tensor.device} has no kernel; give torch.float32 on cpu, "
                    "or use plain torch (torch.nn, nets/cells)"
                )
        if x.ndim != 3 or 0 in x.shape:
            raise ValueError(f"x: (T, B, I), at least 1 each, got {tuple(x.shape)}")
        if self.hidden_size < 1 or self.num_layers < 1:
            raise ValueError(f"hidden_size and num_layers: at least 1, got {self.hidden_size} and {self.num_layers}")
        sizes = self.sizes(x.shape)
        of_weights, of_states = (sizes.n_weights,), (sizes.cell.n_states, sizes.L, sizes.B, sizes.H)
        for key, tensor, shape in (("weights", weights, of_weights), ("initial", initial, of_states)):
            if tensor is not None and tuple(tensor.shape) != shape:
                raise ValueError(f"{key}: {shape} for {self} and x {tuple(x.shape)}, got {tuple(tensor.shape)}")

    def sizes(self, shape: Sequence[int]) -> StackSizes:
        """Those of a stack that reads x of this shape."""
        (T, B, I), cell = shape, BY_NAME[self.cell]
        names = (self.activation, self.gate_activation) if cell.blocks > 1 else (self.activation,)
        keeps_inputs = any(FORMS[name].keeps_input for name in names)
        return StackSizes(cell, I, self.hidden_size, self.num_layers, self.bias, T, B, keeps_inputs)

    def phis(self) -> tuple[Phi, ...]:
        """The activations of cell and gates."""
        return tuple(_phi(*each) for each in self._activations())

    def _activations(self) -> tuple[tuple[str, Sequence[float]], ...]:
        return (self.activation, self.parameters), (self.gate_activation, self.gate_parameters)


def _phi(name: str, parameters: Sequence[float]) -> Phi:
    p, q, *_ = [*parameters, 0.0, 0.0]
    return Phi(NUMBERS[name], np.float32(p), np.float32(q))  # type: ignore[arg-type]  # a float to the kernels


_ONE_AT_A_TIME = Lock()


def load() -> None:
    """Load the kernels into this process; compile them before, if they are not on the disk."""
    with _ONE_AT_A_TIME:
        library.load()


def _forward(x: Tensor, weights: Tensor, initial: Tensor | None, kind: Kind) -> tuple[Tensor, Tensor, Tensor]:
    kind.check(x, weights, initial)
    sizes = kind.sizes(x.shape)
    t = tables(sizes)
    outputs, last, trace = _results(x, sizes, t.trace)
    sequence.unroll(
        trace.numpy(), _array(weights), t.layers, t.cleared, t.copies, t.doubled, *kind.phis(), NO_TOKENS, _array(x),
        NO_STATES if initial is None else _array(initial), outputs.numpy(), last.numpy(),
    )  # fmt: skip
    return outputs, last, trace


def _results(x: Tensor, s: StackSizes, n_trace: int) -> tuple[Tensor, Tensor, Tensor]:
    return x.new_empty(s.T, s.B, s.H), x.new_empty(s.cell.n_states, s.L, s.B, s.H), x.new_empty(n_trace)


def _backward(trace: Tensor, d_outputs: Tensor | None, d_last: Tensor | None, shape: Sequence[int], gives_x: bool,
              gives_initial: bool, kind: Kind) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    sizes = kind.sizes(shape)
    t = tables(sizes)
    d_x, d_weights, d_initial = _gradients(trace, sizes, gives_x, gives_initial)
    sequence.unroll_backward(
        trace.new_empty(t.work).numpy(), _array(trace), t.layers, t.copies, t.doubled, t.grads, *kind.phis(),
        NO_TOKENS, NO_SEQUENCE if d_outputs is None else _array(d_outputs),
        NO_STATES if d_last is None else _array(d_last), d_x.numpy(), d_weights.numpy(), d_initial.numpy(),
    )  # fmt: skip
    return d_x, d_weights, d_initial


def _gradients(trace: Tensor, s: StackSizes, gives_x: bool, gives_initial: bool) -> tuple[Tensor, Tensor, Tensor]:
    d_x = trace.new_empty((s.T, s.B, s.I) if gives_x else (0, 0, 0))
    d_initial = trace.new_empty((s.cell.n_states, s.L, s.B, s.H) if gives_initial else (0, 0, 0, 0))
    return d_x, trace.new_empty(s.n_weights), d_initial


def _array(x: Tensor) -> np.ndarray:
    return x.detach().contiguous().numpy()


# The operators.  Their `kind` is what KIND says, one by one.


@torch.library.custom_op(
    "rnnlab::unroll",
    mutates_args=(),
    schema=f"(Tensor x, Tensor weights, Tensor? initial, {KIND}) -> (Tensor, Tensor, Tensor)",
)
def unroll(x: Tensor, weights: Tensor, initial: Tensor | None, *kind: Any) -> tuple[Tensor, Tensor, Tensor]:
    """See the module."""
    load()
    return _forward(x, weights, initial, Kind(*kind))


@unroll.register_fake
def _(x: Tensor, weights: Tensor, initial: Tensor | None, *kind: Any) -> tuple[Tensor, Tensor, Tensor]:
    made = Kind(*kind)
    made.check(x, weights, initial)
    sizes = made.sizes(x.shape)
    return _results(x, sizes, Stack(sizes).trace)


@torch.library.custom_op(
    "rnnlab::unroll_backward",
    mutates_args=(),
    schema="(Tensor trace, Tensor? d_outputs, Tensor? d_last, SymInt[] shape, bool gives_x, bool gives_initial, "
    f"{KIND}) -> (Tensor, Tensor, Tensor)",
)
def unroll_backward(
    trace: Tensor,
    d_outputs: Tensor | None,
    d_last: Tensor | None,
    shape: Sequence[int],
    gives_x: bool,
    gives_initial: bool,
    *kind: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, which has this shape, of weights and of initial; an empty tensor where one is not wanted."""
    load()
    return _backward(trace, d_outputs, d_last, shape, gives_x, gives_initial, Kind(*kind))


@unroll_backward.register_fake
def _(
    trace: Tensor,
    d_outputs: Tensor | None,
    d_last: Tensor | None,
    shape: Sequence[int],
    gives_x: bool,
    gives_initial: bool,
    *kind: Any,
) -> tuple[Tensor, Tensor, Tensor]:
    return _gradients(trace, Kind(*kind).sizes(shape), gives_x, gives_initial)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    x, _, _, *ctx.kind = inputs
    ctx.shape = x.shape
    ctx.set_materialize_grads(False)
    ctx.save_for_backward(output[2])


def _differentiate(ctx: Any, d_outputs: Tensor | None, d_last: Tensor | None, _: None) -> tuple[Tensor | None, ...]:
    (trace,), (needs_x, _, needs_initial, *others) = ctx.saved_tensors, ctx.needs_input_grad
    d_x, d_weights, d_initial = unroll_backward(trace, d_outputs, d_last, ctx.shape, needs_x, needs_initial, *ctx.kind)
    return d_x if needs_x else None, d_weights, d_initial if needs_initial else None, *(None for _ in others)


def _refuse(ctx: Any, *gradients: Tensor | None) -> None:
    raise RuntimeError(
        "rnnlab::unroll can be differentiated once; plain torch (torch.nn, nets/cells) has gradients of gradients"
    )


def _remember_for_graphs(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
    _remember(ctx, inputs, output)
    ctx.mark_non_differentiable(output[2])


unroll.register_autograd(_differentiate, setup_context=_remember_for_graphs)
unroll_backward.register_autograd(_refuse)


class _Unroll(torch.autograd.Function):
    """The same outside of graphs, without the dispatcher, which takes longer than the kernels of a small layer."""

    @staticmethod
    def forward(x: Tensor, weights: Tensor, initial: Tensor | None, kind: Kind) -> tuple[Tensor, Tensor, Tensor]:
        load()
        return _forward(x, weights, initial, kind)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, ...]) -> None:
        x, weights, initial, kind = inputs
        _remember(ctx, (x, weights, initial, *kind), output)  # the trace requires a gradient, so _refuse is met

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        d_outputs, d_last, _ = gradients
        if torch.is_grad_enabled():  # somebody may want gradients of gradients: the operator refuses
            return _differentiate(ctx, d_outputs, d_last, None)
        (trace,), (needs_x, _, needs_initial, _) = ctx.saved_tensors, ctx.needs_input_grad
        kind = Kind(*ctx.kind)
        d_x, d_weights, d_initial = _backward(trace, d_outputs, d_last, ctx.shape, needs_x, needs_initial, kind)
        return d_x if needs_x else None, d_weights, d_initial if needs_initial else None, None


def unrolled(x: Tensor, weights: Tensor, initial: Tensor | None, kind: Kind) -> tuple[Tensor, Tensor]:
    """outputs and last of `unroll`, in eager mode with less overhead."""
    if torch.compiler.is_compiling() or type(x) is not Tensor:
        return unroll(x, weights, initial, *kind)[:2]
    return _Unroll.apply(x, weights, initial, kind)[:2]
