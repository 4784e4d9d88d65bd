"""A recurrent network in plain torch, forward and backward, as it is taught.

    embedding -> layers of cells, unrolled over time -> linear readout

Everything that computes a network faster is held against this file.  `forward` is differentiable wherever phi is, so
that `backward`, which is derived by hand, can be held against autograd.

Axis letters: T time, B batch, I input, H hidden, O output.  Time is a list of steps; a step is (..., B, I), where the
dots stand for nothing or for the run axis R of a pack.  Weights have their full names, "layer0.weight_hh", and the
shapes of cells/base.py, with the same leading axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from rnnlab.nets.cells.base import Cell, Kept, State


@dataclass(frozen=True)
class Pass:
    """What a forward pass found.

    z: what the linear readout says, (..., B, O) for an answer at the last step, else (T, ..., B, O).
    states: by layer and step, the state after the step.
    """

    z: Tensor
    states: list[list[State]]
    read: list[list[Tensor]]  # by layer and step, what it read; last, what the readout read
    traces: list[list[Kept]]  # by layer and step
    keep: Sequence[Tensor] | None


def forward(
    cell: Cell,
    weights: Mapping[str, Tensor],
    xs: Sequence[Tensor],
    *,
    answers: Literal["last", "every"] = "last",
    initial: Sequence[State] | None = None,
    keep: Sequence[Tensor] | None = None,
) -> Pass:
    """Steps (..., B, I), tokens one-hot -> what the readout says.

    initial: by layer, the state before the first step; None for zero.
    keep: dropout, by layer the factors of its states as they are read above, (T, ..., B, H); where only the last step
    is answered the top layer's are (..., B, H)."""
    below, read, states, traces = list(xs), [], [], []
    if "embedding.weight" in weights:
        below = [x @ weights["embedding.weight"] for x in below]
    for n in range(n_layers(weights)):
        if n and keep is not None:
            below = [x * factors for x, factors in zip(below, keep[n - 1], strict=True)]
        own = layer_weights(weights, n)
        before = initial[n] if initial is not None else zero_state(cell, below[0], own)
        found, trace = cell.unroll([_share(cell, x, own) for x in below], before, own)
        read.append(below)
        states.append(found)
        traces.append(trace)
        below = [state[0] for state in found]
    if answers == "last":
        below = below[-1:]
    if keep is not None:
        factors = keep[-1] if answers == "every" else [keep[-1]]
        below = [x * factor for x, factor in zip(below, factors, strict=True)]
    read.append(below)
    said = [h @ weights["readout.weight"] + weights.get("readout.bias", 0) for h in below]
    return Pass(torch.stack(said) if answers == "every" else said[0], states, read, traces, keep)


def backward(
    cell: Cell, weights: Mapping[str, Tensor], xs: Sequence[Tensor], found: Pass, dz: Tensor
) -> dict[str, Tensor]:
    """dz, of the shape of found.z -> the gradients of all weights, by name."""
    every = dz.ndim > found.read[-1][0].ndim
    steps = list(dz.unbind(0)) if every else [dz]
    grads = {"readout.weight": _sum_of_products(found.read[-1], steps)}
    if "readout.bias" in weights:
        grads["readout.bias"] = _sum_over_batch(steps)
    d_read = [d @ weights["readout.weight"].mT for d in steps]
    if found.keep is not None:
        factors = found.keep[-1] if every else [found.keep[-1]]
        d_read = [d * factor for d, factor in zip(d_read, factors, strict=True)]
    above = d_read if every else [torch.zeros_like(d_read[0])] * (len(xs) - 1) + d_read
    for n in reversed(range(len(found.traces))):
        own = layer_weights(weights, n)
        d_pre, _, recurrent = cell.unroll_reverse(above, found.traces[n], own)
        share = [d[..., : own["weight_ih"].shape[-1]] for d in d_pre]
        layer = {"weight_ih": _sum_of_products(found.read[n], share), **recurrent}
        if "bias" in own:
            layer["bias"] = _sum_over_batch(d_pre)
        grads |= {f"layer{n}.{name}": grad for name, grad in layer.items()}
        above = [d @ own["weight_ih"].mT for d in share]
        if n and found.keep is not None:
            above = [d * factors for d, factors in zip(above, found.keep[n - 1], strict=True)]
    if "embedding.weight" in weights:
        grads["embedding.weight"] = _sum_of_products(xs, above)
    return grads


def n_layers(weights: Mapping[str, Tensor]) -> int:
    return sum(name.endswith(".weight_ih") for name in weights)


def layer_weights(weights: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
    """The weights of a layer by their short names."""
    prefix = f"layer{n}."
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def zero_state(cell: Cell, x: Tensor, w: Mapping[str, Tensor]) -> State:
    """A state of zeros for the batch of x (..., B, I)."""
    hidden_size = w["weight_ih"].shape[-1] // cell.input_blocks
    return (x.new_zeros(*x.shape[:-1], hidden_size),) * cell.n_states


def _share(cell: Cell, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
    """The input's share of the pre-activations, x W_ih + b: (..., B, I) -> (..., B, blocks * H).

    Blocks that W_ih does not write to hold their bias alone."""
    share = x @ w["weight_ih"]
    rest = share.shape[-1] // cell.input_blocks * (cell.blocks - cell.input_blocks)
    return torch.nn.functional.pad(share, (0, rest)) + w.get("bias", 0)


def _sum_of_products(xs: Sequence[Tensor], ds: Sequence[Tensor]) -> Tensor:
    """sum over steps and batch of x^T d."""
    return torch.stack([x.mT @ d for x, d in zip(xs, ds, strict=True)]).sum(0)


def _sum_over_batch(ds: Sequence[Tensor]) -> Tensor:
    """(..., 1, M): the sum over steps and batch."""
    return torch.stack([d.sum(-2, keepdim=True) for d in ds]).sum(0)
