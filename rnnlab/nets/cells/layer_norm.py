"""The Elman cell with layer normalisation."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rnnlab.lazy import torch
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights, register
from rnnlab.nets.cells.options import CellOptions

if TYPE_CHECKING:
    from torch import Tensor

EPSILON = 1e-5  # added to the variance, as torch.nn.LayerNorm has it


@register("layer_norm_rnn")
class LayerNormCell(Cell):
    """The Elman cell with layer normalisation: the pre-activations of a step have mean 0 and variance 1 over the units.

        a[t] = x[t] W_ih + h[t-1] W_hh
        y[t] = (a[t] - mean(a[t])) / sigma(a[t])                    over the H units, sigma^2 = variance + 1e-5
        h[t] = phi(gain y[t] + b)                                   Ba, Kiros, Hinton, arXiv 1607.06450 (2016), eq. 4

    and in reverse, with g[t] = dL/dh[t]:

        dv = g phi'        dgain = sum_t dv y        dy = dv gain        da = (dy - mean(dy) - y mean(dy y)) / sigma
        g[t-1] = above[t-1] + da[t] W_hh^T

    The gain begins with 1.  The paper's bias begins with 0: init.bias=zeros.  A factor of W_ih and W_hh together
    changes nothing, so states neither vanish nor explode by it.  The blocks of the pre-activations are (a, b).
    """

    class Options(CellOptions):
        """Those of all cells."""

        def drawn(self, name: str, generator: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
            return np.ones((fan_in, fan_out))

    blocks = 2
    input_blocks = 1
    products = 1
    traces = 5

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [*elman_weights(input_size, hidden_size, bias=False), Weight("gain", "own", 1, hidden_size)]
        return [*weights, Weight("bias", "bias", 1, hidden_size, first=1)] if bias else weights

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        x, b = pre.chunk(2, dim=-1)
        a = x + h_prev @ w["weight_hh"]
        a = a - a.mean(-1, keepdim=True)
        per_sigma = (a.square().mean(-1, keepdim=True) + EPSILON).rsqrt()
        y = a * per_sigma
        v = w["gain"] * y + b
        return (self.phi(v),), (h_prev, per_sigma, y, v)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, per_sigma, y, v) = gradient, kept
        dv = g * self.phi.slope(v)
        grads["gain"] += (dv * y).sum(-2, keepdim=True)
        dy = dv * w["gain"]
        da = (dy - dy.mean(-1, keepdim=True) - y * (dy * y).mean(-1, keepdim=True)) * per_sigma
        grads["weight_hh"] += h_prev.mT @ da
        return torch.cat([da, dv], dim=-1), (da @ w["weight_hh"].mT,)
