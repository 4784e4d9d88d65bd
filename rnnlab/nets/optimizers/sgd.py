"""Gradient descent, with and without momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.nets.optimizers.base import Optimizer, OptimizerOptions, register
from rnnlab.options import number

if TYPE_CHECKING:
    from torch import Tensor


@register("sgd")
class SGD(Optimizer):
    """Gradient descent, with momentum if it is above 0.

    b <- momentum b + g;   update = learning_rate b
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        momentum: float = number(0.0, at_least=0, below=1, about="the share of the last step that is kept")

    slots = ("momentum_buffer",)

    def _build(self) -> None:
        self._momentum = self.column(self.per_lane("momentum"))

    def _step(self, grads: Tensor) -> Tensor:
        buffer = self.state["momentum_buffer"].mul_(self._momentum).add_(grads)
        return self._rate_column * buffer


@register("nesterov")
class Nesterov(SGD):
    """Gradient descent with Nesterov's momentum.

    b <- momentum b + g;   update = learning_rate (g + momentum b)

    Sutskever, Martens, Dahl, Hinton, ICML (2013), in torch's form.
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        momentum: float = number(0.9, above=0, below=1, about="the share of the last step that is kept")

    def _step(self, grads: Tensor) -> Tensor:
        buffer = self.state["momentum_buffer"].mul_(self._momentum).add_(grads)
        return self._rate_column * (grads + self._momentum * buffer)
