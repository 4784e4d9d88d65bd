"""The independently recurrent neural network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights, register
from rnnlab.nets.cells.options import HAS_LAYERS, CellOptions
from rnnlab.options import member, number

if TYPE_CHECKING:
    from torch import Tensor


@register("indrnn")
class IndRnnCell(Cell):
    """The independently recurrent neural network: a unit sees its own state of the step before, and no other.

        a[t] = x[t] W_ih + u h[t-1] + b                             u: one number for each unit
        h[t] = phi(a[t])                                            Li, Li, Cook, Zhu, Gao, CVPR (2018), section 3

    and in reverse, with g[t] = dL/dh[t]:

        da[t] = g[t] phi'(a[t])        g[t] = above[t] + u da[t+1]        du = sum_t h[t-1] da[t]

    Over n steps a gradient is multiplied by u^n and by n slopes, unit by unit.  So a relu that is on neither vanishes
    nor explodes where |u| is near 1.  The authors' code draws u from U(0, 1) for relu, and all u near 1 in the last
    layer where only the last step is answered (cell.u_low=1 cell.u_high=1).  It also keeps |u| below 2^(1/T) or so
    after each update; here nothing bounds u.
    """

    @dataclass(frozen=True)
    class Options(CellOptions):
        activation: Activation = member("relu", ACTIVATIONS, acts=[HAS_LAYERS], about="phi")
        u_low: float = number(0.0, acts=[HAS_LAYERS], about="the recurrent weights begin uniform from here")
        u_high: float = number(1.0, acts=[HAS_LAYERS], about="to here")

        def drawn(self, name: str, generator: np.random.Generator, fan_in: int, fan_out: int) -> np.ndarray:
            return self.u_low + (self.u_high - self.u_low) * generator.uniform(size=(fan_in, fan_out))

    blocks = 1
    input_blocks = 1
    products = 0
    traces = 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weight_ih, _, *biases = elman_weights(input_size, hidden_size, bias)
        return [weight_ih, Weight("weight_u", "own", 1, hidden_size), *biases]

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        a = pre + w["weight_u"] * h_prev
        return (self.phi(a),), (h_prev, a)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a) = gradient, kept
        da = g * self.phi.slope(a)
        grads["weight_u"] += (h_prev * da).sum(-2, keepdim=True)
        return da, (w["weight_u"] * da,)
