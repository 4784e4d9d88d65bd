"""Long short-term memory."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights, register
from rnnlab.nets.cells.options import HAS_BIAS, HAS_LAYERS, GatedOptions
from rnnlab.options import number

if TYPE_CHECKING:
    from torch import Tensor

GATES = ("input", "forget", "output", "candidate")


@register("lstm")
class LstmCell(Cell):
    """Long short-term memory, with s the gates' activation (sigmoid) and phi the cell's (tanh).

        (i, f, o)[t] = s(x[t] W_ih + h[t-1] W_hh + b)        n[t] = phi(x[t] W_ih + h[t-1] W_hh + b), each its columns
        c[t] = f[t] c[t-1] + i[t] n[t]
        h[t] = o[t] phi(c[t])                 Hochreiter, Schmidhuber, Neural Computation 9 (1997), with the forget gate
                                              of Gers, Schmidhuber, Cummins, Neural Computation 12 (2000)

    and in reverse, with g[t] = dL/dh[t] = above[t] + da[t+1] W_hh^T and k[t] = dL/dc[t]:

        k[t] = g[t] o[t] phi'(c[t]) + f[t+1] k[t+1]
        da_i = k n s'    da_f = k c[t-1] s'    da_o = g phi(c) s'    da_n = k i phi'

    Outputs and gradients are torch.nn.LSTM's (whose gates stand in another order, i f n o).
    """

    @dataclass(frozen=True)
    class Options(GatedOptions):
        forget_bias: float = number(
            0.0, acts=[HAS_LAYERS, HAS_BIAS], about="added to the forget gate's bias as it is drawn; Keras has 1"
        )

        def added_bias(self, gate: str) -> float:
            return self.forget_bias if gate == "forget" else 0.0

    blocks = 4
    input_blocks = 4
    n_states = 2
    products = 4
    traces = 4 + 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        return elman_weights(input_size, hidden_size, bias, GATES)

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        h_prev, c_prev = state
        a = pre + h_prev @ w["weight_hh"]
        a_i, a_f, a_o, a_n = a.chunk(4, dim=-1)
        i, f, o, n = self.gate_phi(a_i), self.gate_phi(a_f), self.gate_phi(a_o), self.phi(a_n)
        c = f * c_prev + i * n
        return (o * self.phi(c), c), (h_prev, c_prev, a, i, f, o, n, c)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g, k), (h_prev, c_prev, a, i, f, o, n, c) = gradient, kept
        a_i, a_f, a_o, a_n = a.chunk(4, dim=-1)
        k = k + g * o * self.phi.slope(c)
        da_i = k * n * self.gate_phi.slope(a_i)
        da_f = k * c_prev * self.gate_phi.slope(a_f)
        da_o = g * self.phi(c) * self.gate_phi.slope(a_o)
        da_n = k * i * self.phi.slope(a_n)
        da = torch.cat([da_i, da_f, da_o, da_n], dim=-1)
        grads["weight_hh"] += h_prev.mT @ da
        return da, (da @ w["weight_hh"].mT, f * k)
