"""The minimal gated unit, and its variants with a simpler gate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from rnnlab.lazy import torch
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, register
from rnnlab.nets.cells.options import HAS_LAYERS, CellOptions, GatedOptions
from rnnlab.options import choice

if TYPE_CHECKING:
    from torch import Tensor

GATES = ("candidate", "input")


@register("mgu")
class MguCell(Cell):
    """The minimal gated unit: a GRU with one gate, which resets and updates.

        f[t] = s(x[t] W_ih + h[t-1] W_hh + b)                       s the gate's activation (sigmoid)
        n[t] = phi(x[t] W_ih + (f[t] h[t-1]) W_hn + b)              each its columns
        h[t] = (1 - f[t]) h[t-1] + f[t] n[t]                        Zhou, Wu, Zhang, Zhou, International Journal of
                                                                    Automation and Computing 13 (2016)

    and in reverse, with g[t] = dL/dh[t]:

        da_n = g f phi'        m = da_n W_hn^T        da_f = (g (n - h[t-1]) + m h[t-1]) s'
        g[t-1] = above[t-1] + (1 - f[t]) g[t] + f[t] m + da_f W_hh^T

    The blocks of the pre-activations are (n, f).  The papers call f the forget gate.  Here its name is "input", since
    it lets the candidate in and forgets where it is near 1: init.bias=chrono looks at the name.

    Three variants have less in the gate: Heck, Salem, arXiv 1701.03452 (2017).  In MGU1 it reads h[t-1] and has a bias,
    in MGU2 it reads h[t-1] alone, in MGU3 it is a bias alone.
    """

    @dataclass(frozen=True)
    class Options(GatedOptions):
        gate: str = choice(
            "mgu",
            ("mgu", "mgu1", "mgu2", "mgu3"),
            acts=[HAS_LAYERS],
            about="the gate has: mgu: inputs, state and bias; mgu1: state and bias; mgu2: state; mgu3: bias",
        )

    blocks = 2
    input_blocks = 2
    products = 2
    traces = 2 + 3
    reads_state: ClassVar[bool] = True  # the gate does
    has_gate_bias: ClassVar[bool] = True

    @classmethod
    def variant(cls, options: CellOptions) -> type[Cell]:
        assert isinstance(options, MguCell.Options)
        variants: dict[str, type[Cell]] = {"mgu": cls, "mgu1": Mgu1Cell, "mgu2": Mgu2Cell, "mgu3": Mgu3Cell}
        return variants[options.gate]

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        weights = [Weight("weight_ih", "input", input_size, hidden_size, GATES[: cls.input_blocks])]
        if cls.reads_state:
            weights.append(Weight("weight_hh", "recurrent", hidden_size, hidden_size, GATES[1:], first=1))
        weights.append(Weight("weight_hn", "recurrent", hidden_size, hidden_size, GATES[:1]))
        if bias:
            weights.append(Weight("bias", "bias", 1, hidden_size, GATES if cls.has_gate_bias else GATES[:1]))
        return weights

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        x_n, a_f = pre.chunk(2, dim=-1)
        if self.reads_state:
            a_f = a_f + h_prev @ w["weight_hh"]
        f = self.gate_phi(a_f)
        a_n = x_n + (f * h_prev) @ w["weight_hn"]
        n = self.phi(a_n)
        return (h_prev + f * (n - h_prev),), (h_prev, a_n, a_f, n, f)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a_n, a_f, n, f) = gradient, kept
        dn = g * f
        da_n = dn * self.phi.slope(a_n)
        m = da_n @ w["weight_hn"].mT
        da_f = (g * (n - h_prev) + m * h_prev) * self.gate_phi.slope(a_f)
        grads["weight_hn"] += (f * h_prev).mT @ da_n
        before = g - dn + f * m
        if self.reads_state:
            grads["weight_hh"] += h_prev.mT @ da_f
            before = before + da_f @ w["weight_hh"].mT
        return torch.cat([da_n, da_f], dim=-1), (before,)


class Mgu1Cell(MguCell):
    """cell=mgu cell.gate=mgu1: the gate reads the state."""

    name = "mgu1"
    input_blocks = 1


class Mgu2Cell(MguCell):
    """cell=mgu cell.gate=mgu2: the gate reads the state, and has no bias."""

    name = "mgu2"
    input_blocks = 1
    has_gate_bias = False


class Mgu3Cell(MguCell):
    """cell=mgu cell.gate=mgu3: the gate is a bias, the same at every step."""

    name = "mgu3"
    input_blocks = 1
    products = 1
    reads_state = False
