"""The Elman cell, and the same without recurrence."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlab.nets.cells.base import Cell, Kept, State, Weight, Weights, elman_weights, register
from rnnlab.nets.cells.options import CellOptions

if TYPE_CHECKING:
    from torch import Tensor


@register("rnn")
class RnnCell(Cell):
    """The Elman cell.

        a[t] = x[t] W_ih + h[t-1] W_hh + b
        h[t] = phi(a[t])                                            Elman, Cognitive Science 14 (1990)

    and in reverse, with g[t] = dL/dh[t], the sum of what arrives from above and from the next step:

        da[t] = g[t] * phi'(a[t])        g[t] = above[t] + da[t+1] W_hh^T
        dW_hh = sum_t h[t-1]^T da[t]     dW_ih = sum_t x[t]^T da[t]     db = sum_t da[t]     dx[t] = da[t] W_ih^T

    |h| <= 1 for tanh.  For relu h is unbounded, and a spectral radius of W_hh above 1 can overflow within T steps.  The
    cell never clips; nets/divergence.py judges the run.
    """

    class Options(CellOptions):
        """Those of all cells."""

    blocks = 1
    input_blocks = 1
    products = 1
    traces = 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        return elman_weights(input_size, hidden_size, bias)

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        (h_prev,) = state
        a = pre + h_prev @ w["weight_hh"]
        return (self.phi(a),), (h_prev, a)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (h_prev, a) = gradient, kept
        da = g * self.phi.slope(a)
        grads["weight_hh"] += h_prev.mT @ da
        return da, (da @ w["weight_hh"].mT,)


@register("memoryless")
class MemorylessCell(Cell):
    """The Elman cell without recurrence: a step knows nothing of the steps before it.

        h[t] = phi(x[t] W_ih + b)

    On sequences of one step (task=images) it is a layer of a feed-forward network.
    """

    class Options(CellOptions):
        """Those of all cells."""

    blocks = 1
    input_blocks = 1
    recurrent = False
    products = 0
    traces = 3

    @classmethod
    def weights(cls, input_size: int, hidden_size: int, bias: bool) -> list[Weight]:
        return [weight for weight in elman_weights(input_size, hidden_size, bias) if weight.name != "weight_hh"]

    def step(self, pre: Tensor, state: State, w: Weights) -> tuple[State, Kept]:
        return (self.phi(pre),), (pre,)

    def reverse_step(self, gradient: State, kept: Kept, w: Weights, grads: dict[str, Tensor]) -> tuple[Tensor, State]:
        (g,), (a,) = gradient, kept
        return g * self.phi.slope(a), (0 * g,)
