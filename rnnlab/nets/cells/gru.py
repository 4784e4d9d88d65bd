"""The gated recurrent unit, in torch's form and in its authors'."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, register
from rnnlab.nets.cells.options import HAS_LAYERS, CellOptions, GatedOptions
from rnnlab.options import option

if TYPE_CHECKING:
    from torch import Tensor


@register("gru")
class GruCell(Cell):
    """The gated recurrent unit with the reset after the product, as torch.nn.GRU and cuDNN have it.

        (r, z)[t] = s(x[t] W_ih + h[t-1] W_hh + b)           s the gates' activation (sigmoid)
        q[t] = h[t-1] W_hh + b_q                             each its columns
        n[t] = phi(x[t] W_ih + b + r[t] q[t])
        h[t] = z[t] h[t-1] + (1 - z[t]) n[t]                 Cho et al., EMNLP (2014), with r after the product

    and in reverse, with g[t] = dL/dh[t]:

        da_n = g (1 - z) phi'      da_q = da_n r      da_r = da_n q s'      da_z = g (h[t-1] - n) s'
        g[t-1] = above[t-1] + z[t] g[t] + (da_r, da_z, da_q) W_hh^T

    The blocks of the pre-activations are (n, r, z, q): W_ih writes to the first three, W_hh to the last three.
    """

    @dataclass(frozen=True)
    class Options(GatedOptions):
        reset_after: bool = option(
            True, acts=[HAS_LAYERS], about="the reset gate after the recurrent product, as in torch; false: before it"
        )

    blocks = 4
    input_blocks = 3
    products = 3
    traces = 4 + 1

    @classmethod
    def variant(cls, options: CellOptions) -> type[Cell]:
        assert isinstance(options, GruCell.Options)
        return cls if options.reset_after else OriginalGruCell

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        gates = ("candidate", "reset", "update", "recurrent_candidate")
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, gates[:3]),
            Weight("weight_hh", "recurrent", hidden_size, hidden_size, gates[1:], first=1),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, gates)] if bias else weights

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        x_n, x_r, x_z, b_q = pre.chunk(4, dim=-1)
        h_r, h_z, h_q = (h_prev @ w["weight_hh"]).chunk(3, dim=-1)
        a_r, a_z, q = x_r + h_r, x_z + h_z, h_q + b_q
        r, z = self.gate_phi(a_r), self.gate_phi(a_z)
        a_n = x_n + r * q
        n = self.phi(a_n)
        return (z * h_prev + (1 - z) * n,), (h_prev, a_r, a_z, a_n, r, z, n, q)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a_r, a_z, a_n, r, z, n, q) = gradient, kept
        da_n = g * (1 - z) * self.phi.slope(a_n)
        da_r = da_n * q * self.gate_phi.slope(a_r)
        da_z = g * (h_prev - n) * self.gate_phi.slope(a_z)
        da_q = da_n * r
        d_product = torch.cat([da_r, da_z, da_q], dim=-1)
        grads["weight_hh"] += h_prev.mT @ d_product
        return torch.cat([da_n, d_product], dim=-1), (z * g + d_product @ w["weight_hh"].mT,)


class OriginalGruCell(Cell):
    """The gated recurrent unit as its authors wrote it, with the reset before the product.

        (r, z)[t] = s(x[t] W_ih + h[t-1] W_hh + b)           s the gates' activation (sigmoid)
        n[t] = phi(x[t] W_ih + (r[t] h[t-1]) W_hn + b)
        h[t] = z[t] h[t-1] + (1 - z[t]) n[t]                 Cho et al., EMNLP (2014), eq. 5 to 8

    and in reverse, with g[t] = dL/dh[t] and m[t] = da_n W_hn^T:

        da_n = g (1 - z) phi'      da_r = m h[t-1] s'      da_z = g (h[t-1] - n) s'
        g[t-1] = above[t-1] + z[t] g[t] + r[t] m[t] + (da_r, da_z) W_hh^T

    The blocks of the pre-activations are (n, r, z).
    """

    name = "original_gru"  # cell=gru cell.reset_after=false
    blocks = 3
    input_blocks = 3
    products = 3
    traces = 3 + 2

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        gates = ("candidate", "reset", "update")
        weights = [
            Weight("weight_ih", "input", input_size, hidden_size, gates),
            Weight("weight_hh", "recurrent", hidden_size, hidden_size, gates[1:], first=1),
            Weight("weight_hn", "recurrent", hidden_size, hidden_size, gates[:1]),
        ]
        return [*weights, Weight("bias", "bias", 1, hidden_size, gates)] if bias else weights

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        x_n, x_r, x_z = pre.chunk(3, dim=-1)
        h_r, h_z = (h_prev @ w["weight_hh"]).chunk(2, dim=-1)
        a_r, a_z = x_r + h_r, x_z + h_z
        r, z = self.gate_phi(a_r), self.gate_phi(a_z)
        a_n = x_n + (r * h_prev) @ w["weight_hn"]
        n = self.phi(a_n)
        return (z * h_prev + (1 - z) * n,), (h_prev, a_r, a_z, a_n, r, z, n)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a_r, a_z, a_n, r, z, n) = gradient, kept
        da_n = g * (1 - z) * self.phi.slope(a_n)
        m = da_n @ w["weight_hn"].mT
        da_r = m * h_prev * self.gate_phi.slope(a_r)
        da_z = g * (h_prev - n) * self.gate_phi.slope(a_z)
        da_rz = torch.cat([da_r, da_z], dim=-1)
        grads["weight_hh"] += h_prev.mT @ da_rz
        grads["weight_hn"] += (r * h_prev).mT @ da_n
        return torch.cat([da_n, da_rz], dim=-1), (z * g + r * m + da_rz @ w["weight_hh"].mT,)
