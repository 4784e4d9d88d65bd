"""The minimal GRU, whose gate and candidate read the inputs alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.activations import ACTIVATIONS, Activation
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights, register
from rnnlab.nets.cells.options import HAS_LAYERS, GatedOptions
from rnnlab.options import member

if TYPE_CHECKING:
    from torch import Tensor


@register("mingru")
class MinGruCell(Cell):
    """minGRU: a GRU without its reset gate, and without recurrent weights.

        z[t] = s(x[t] W_ih + b)                                     s the gates' activation (sigmoid)
        n[t] = phi(x[t] W_ih + b), each its columns                 phi: identity in the paper
        h[t] = (1 - z[t]) h[t-1] + z[t] n[t]                        Feng, Tung, Ahmed, Bengio, Hajimirsadeghi,
                                                                    arXiv 2410.01201 (2024), section 3.1

    and in reverse, with g[t] = dL/dh[t]:

        da_n = g z phi'        da_z = g (n - h[t-1]) s'        g[t-1] = above[t-1] + (1 - z[t]) g[t]

    The state is a moving average of the candidates, so it stays within their range.  What the gate does cannot depend
    on the state; that needs a second layer.  The blocks of the pre-activations are (n, z).  The gate has the name
    "input", since it lets the candidate in: init.bias=chrono looks at the name.
    """

    @dataclass(frozen=True)
    class Options(GatedOptions):
        activation: Activation = member("identity", ACTIVATIONS, acts=[HAS_LAYERS], about="phi, of the candidate")

    blocks = 2
    input_blocks = 2
    products = 0
    traces = 2 + 2

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weight_ih, _, *biases = elman_weights(input_size, hidden_size, bias, ("candidate", "input"))
        return [weight_ih, *biases]

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        a_n, a_z = pre.chunk(2, dim=-1)
        n, z = self.phi(a_n), self.gate_phi(a_z)
        return (h_prev + z * (n - h_prev),), (h_prev, a_n, a_z, n, z)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a_n, a_z, n, z) = gradient, kept
        dn = g * z
        da_n = dn * self.phi.slope(a_n)
        da_z = g * (n - h_prev) * self.gate_phi.slope(a_z)
        return torch.cat([da_n, da_z], dim=-1), (g - dn,)
