"""A recurrent network in plain torch, forward and backward, as it is taught.

    embedding -> layers of cells, unrolled over time -> linear readout

The tests compare everything that computes a network faster with this file.  `forward` is differentiable wherever phi
is, so that the tests can compare `backward`, which is derived by hand, with autograd.

Axis letters: T time, B batch, I input, H hidden, O output.  A sequence is a list of T steps.  A step is (..., B, I),
or tokens (..., B) as whole numbers, where the dots stand for no axis, or for the run axis R of a pack.  A token selects
a row of a matrix: the product of its one-hot code with the matrix.  Weights are given by full name, such as
"layer0.weight_hh".  They have the shapes of cells/base.py, with the same leading axes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from rnnlab.nets.cells.base import Cell, Kept, State, bias_blocks


@dataclass(frozen=True)
class Pass:
    """The results of a forward pass, and what the backward pass needs of it.

    z: the output of the linear readout, (..., B, O) if the last step is answered, else (T, ..., B, O).
    states: states[n][t] is the state of layer n after step t.
    """

    z: Tensor
    states: list[list[State]]
    inputs: list[list[Tensor]]  # inputs[n][t]: what layer n read at step t; the last entry is what the readout read
    traces: list[list[Kept]]  # traces[n][t]: what layer n kept of step t
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
    """xs, one (..., B, I) or tokens (..., B) per step -> the outputs of the readout, and all states.

    Tokens need an embedding or a layer.
    initial: for each layer, the state before the first step; None for zero.
    keep: dropout, for each layer the factors by which its states are multiplied before the next layer reads them,
    (T, ..., B, H); for the top layer (..., B, H) if only the last step is answered.  Without layers, the factors of the
    inputs that the readout reads."""
    hs, inputs, states, traces = list(xs), [], [], []
    if "embedding.weight" in weights:
        hs = [_times(x, weights["embedding.weight"]) for x in hs]
    for n in range(n_layers(weights)):
        if n and keep is not None:
            hs = [h * factors for h, factors in zip(hs, keep[n - 1], strict=True)]
        w = layer_weights(weights, n)
        shares = [input_share(cell, h, w) for h in hs]
        before = initial[n] if initial is not None else zero_state(cell, shares[0])
        after, trace = cell.unroll(shares, before, w)
        inputs.append(hs)
        states.append(after)
        traces.append(trace)
        hs = [state[0] for state in after]
    if answers == "last":
        hs = hs[-1:]
    if keep is not None:
        hs = [h * factors for h, factors in zip(hs, _top_factors(keep, answers == "every"), strict=True)]
    inputs.append(hs)
    zs = [h @ weights["readout.weight"] + weights.get("readout.bias", 0) for h in hs]
    return Pass(torch.stack(zs) if answers == "every" else zs[0], states, inputs, traces, keep)


def backward(
    cell: Cell, weights: Mapping[str, Tensor], xs: Sequence[Tensor], passed: Pass, dz: Tensor
) -> tuple[dict[str, Tensor], list[list[State]]]:
    """dz, the gradient of the loss at passed.z -> the gradients of all weights, by name, and of all states.

    The gradients of the states of layer n: [n][0] of the state before the first step, [n][t + 1] of the state after
    step t."""
    every = dz.ndim > passed.inputs[-1][0].ndim
    dzs = list(dz.unbind(0)) if every else [dz]
    grads = {"readout.weight": _sum_of_products(passed.inputs[-1], dzs, weights["readout.weight"])}
    if "readout.bias" in weights:
        grads["readout.bias"] = _sum_over_batch(dzs)
    dhs = [d @ weights["readout.weight"].mT for d in dzs]
    if passed.keep is not None:
        dhs = [d * factors for d, factors in zip(dhs, _top_factors(passed.keep, every), strict=True)]
    above = dhs if every else [torch.zeros_like(dhs[0])] * (len(xs) - 1) + dhs
    through_time = []
    for n in reversed(range(len(passed.traces))):
        w = layer_weights(weights, n)
        d_pre, d_states, recurrent = cell.unroll_reverse(above, passed.traces[n], w)
        d_share = [d[..., : w["weight_ih"].shape[-1]] for d in d_pre]
        through_time.append(d_states)
        layer = {"weight_ih": _sum_of_products(passed.inputs[n], d_share, w["weight_ih"]), **recurrent}
        if "bias" in w:
            columns = _bias_columns(cell, d_pre[0], w["bias"])
            layer["bias"] = _sum_over_batch([d[..., columns] for d in d_pre])
        grads |= {f"layer{n}.{name}": grad for name, grad in layer.items()}
        if n or "embedding.weight" in weights:
            above = [d @ w["weight_ih"].mT for d in d_share]
        if n and passed.keep is not None:
            above = [d * factors for d, factors in zip(above, passed.keep[n - 1], strict=True)]
    if "embedding.weight" in weights:
        grads["embedding.weight"] = _sum_of_products(xs, above, weights["embedding.weight"])
    return grads, through_time[::-1]


def n_layers(weights: Mapping[str, Tensor]) -> int:
    return sum(name.endswith(".weight_ih") for name in weights)


def layer_weights(weights: Mapping[str, Tensor], n: int) -> dict[str, Tensor]:
    """The weights of layer n by short name, such as "weight_hh"."""
    prefix = f"layer{n}."
    return {name.removeprefix(prefix): w for name, w in weights.items() if name.startswith(prefix)}


def zero_state(cell: Cell, share: Tensor) -> State:
    """A state of zeros for the input's share of the pre-activations (..., B, blocks * H)."""
    return (share.new_zeros(*share.shape[:-1], share.shape[-1] // cell.blocks),) * cell.n_states


def input_share(cell: Cell, x: Tensor, w: Mapping[str, Tensor]) -> Tensor:
    """x (..., B, I) -> the input's share of the pre-activations, x W_ih + b, (..., B, blocks * H).

    Blocks that W_ih does not write to hold their bias alone, and blocks without a bias the product alone."""
    share = _times(x, w["weight_ih"])
    rest = share.shape[-1] // cell.input_blocks * (cell.blocks - cell.input_blocks)
    share = torch.nn.functional.pad(share, (0, rest))
    if "bias" not in w:
        return share
    columns = _bias_columns(cell, share, w["bias"])
    return share + torch.nn.functional.pad(w["bias"], (columns.start, share.shape[-1] - columns.stop))


def _bias_columns(cell: Cell, pre: Tensor, bias: Tensor) -> slice:
    """The columns of the pre-activations (..., blocks * H) that have a bias."""
    if bias.shape[-1] == pre.shape[-1]:
        return slice(0, pre.shape[-1])
    H, blocks = pre.shape[-1] // cell.blocks, bias_blocks(type(cell))
    return slice(blocks.start * H, blocks.stop * H)


def _top_factors(keep: Sequence[Tensor], every: bool) -> Sequence[Tensor]:
    """The dropout factors of the top layer's states, one tensor for each answered step."""
    return keep[-1].unbind(0) if every else [keep[-1]]


def _times(x: Tensor, weight: Tensor) -> Tensor:
    """x W for x (..., B, I); for tokens (..., B) the rows of W that they select."""
    if x.is_floating_point():
        return x @ weight
    return torch.take_along_dim(weight, x.unsqueeze(-1), dim=-2)


def _sum_of_products(xs: Sequence[Tensor], ds: Sequence[Tensor], weight: Tensor) -> Tensor:
    """The sum of x^T d over steps and batch, in the shape of the weight."""
    total = torch.zeros_like(weight)
    for x, d in zip(xs, ds, strict=True):
        if x.is_floating_point():
            total += x.mT @ d
        else:
            total.scatter_add_(-2, x.unsqueeze(-1).expand(d.shape), d)
    return total


def _sum_over_batch(ds: Sequence[Tensor]) -> Tensor:
    """The sum of d over steps and batch, (..., 1, M)."""
    return torch.stack([d.sum(-2, keepdim=True) for d in ds]).sum(0)
