"""Adagrad and its successors: each parameter has a step size that follows from its own past gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.nets.optimizers.base import RATE, Optimizer, OptimizerOptions, register
from rnnlab.options import number

if TYPE_CHECKING:
    from torch import Tensor


@register("adagrad")
class Adagrad(Optimizer):
    """Steps that shrink with the sum of all squared gradients.

    s <- s + g^2;   update = learning_rate g / (sqrt(s) + eps)             Duchi, Hazan, Singer, JMLR 12 (2011)
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        eps: float = number(1e-10, above=0, about="added to the root, so that nothing is divided by zero")

    slots = ("sum_of_squares",)

    def _build(self) -> None:
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        s = self.state["sum_of_squares"].add_(grads.square())
        return self._rate_column * grads / (s.sqrt() + self._eps)


@register("rmsprop")
class RMSprop(Optimizer):
    """Steps divided by a running average of the squared gradients.

    v <- decay v + (1 - decay) g^2;   update = learning_rate g / (sqrt(v) + eps)

    Tieleman, Hinton, Lecture 6.5, Coursera (2012).
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        learning_rate: float = number(0.001, above=0, about=RATE)
        decay: float = number(0.99, at_least=0, below=1, about="the share of the average of squares that is kept")
        eps: float = number(1e-8, above=0, about="added to the root, so that nothing is divided by zero")

    slots = ("square_average",)

    def _build(self) -> None:
        self._decay = self.column(self.per_lane("decay"))
        self._share = self.column(1 - decay for decay in self.per_lane("decay"))
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        v = self.state["square_average"].mul_(self._decay).add_(self._share * grads.square())
        return self._rate_column * grads / (v.sqrt() + self._eps)


@register("adadelta")
class Adadelta(Optimizer):
    """Steps in the size of the steps before, so that they have the unit of the weights.

    v <- rho v + (1 - rho) g^2;   d = g sqrt(u + eps) / sqrt(v + eps);   u <- rho u + (1 - rho) d^2

    update = learning_rate d                               Zeiler, arXiv 1212.5701 (2012), algorithm 1
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        learning_rate: float = number(1.0, above=0, about=RATE)
        rho: float = number(0.9, at_least=0, below=1, about="the share of both averages that is kept")
        eps: float = number(1e-6, above=0, about="added to the root, so that nothing is divided by zero")

    slots = ("square_average", "update_average")

    def _build(self) -> None:
        self._rho = self.column(self.per_lane("rho"))
        self._share = self.column(1 - rho for rho in self.per_lane("rho"))
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        v = self.state["square_average"].mul_(self._rho).add_(self._share * grads.square())
        u = self.state["update_average"]
        d = grads * (u + self._eps).sqrt() / (v + self._eps).sqrt()
        u.mul_(self._rho).add_(self._share * d.square())
        return self._rate_column * d
