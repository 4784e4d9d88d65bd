"""Adam and AdamW."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rnnlab.nets.optimizers.base import RATE, Optimizer, OptimizerOptions, register
from rnnlab.options import number
from rnnlab.portable import power

if TYPE_CHECKING:
    from torch import Tensor


@register("adam")
class Adam(Optimizer):
    """A running mean of the gradients, divided by the root of a running average of their squares.

    m <- beta1 m + (1 - beta1) g;   v <- beta2 v + (1 - beta2) g^2

    update = learning_rate m' / (sqrt(v') + eps), with m' = m / (1 - beta1^t), v' = v / (1 - beta2^t)

    Kingma, Ba, Adam: a method for stochastic optimization, ICLR (2015), algorithm 1.
    """

    @dataclass(frozen=True)
    class Options(OptimizerOptions):
        learning_rate: float = number(0.001, above=0, about=RATE)
        beta1: float = number(0.9, at_least=0, below=1, about="the share of the mean gradient that is kept")
        beta2: float = number(0.999, at_least=0, below=1, about="the share of the average of squares that is kept")
        eps: float = number(1e-8, above=0, about="added to the root, so that nothing is divided by zero")

    slots = ("mean", "square_average")

    def _build(self) -> None:
        self._beta1s, self._beta2s = map(self.per_lane, ("beta1", "beta2"))
        self._beta1, self._beta2 = self.column(self._beta1s), self.column(self._beta2s)
        self._share1 = self.column(1 - beta for beta in self._beta1s)
        self._share2 = self.column(1 - beta for beta in self._beta2s)
        self._eps = self.column(self.per_lane("eps"))

    def _step(self, grads: Tensor) -> Tensor:
        t = self.steps
        rate = self.column(rate / (1 - power(beta, t)) for rate, beta in zip(self.rates(), self._beta1s, strict=True))
        correction = self.column(1 / math.sqrt(1 - power(beta, t)) for beta in self._beta2s)
        m = self.state["mean"].mul_(self._beta1).add_(self._share1 * grads)
        v = self.state["square_average"].mul_(self._beta2).add_(self._share2 * grads.square())
        return rate * m / (correction * v.sqrt() + self._eps)


@register("adamw")
class AdamW(Adam):
    """Adam that takes the weight decay from the weights, not into the gradient.

    Loshchilov, Hutter, Decoupled weight decay regularization, ICLR (2019), algorithm 2, in torch's form."""

    @dataclass(frozen=True)
    class Options(Adam.Options):
        weight_decay: float = number(
            0.01, at_least=0, about="this times the learning rate times the weights is taken from them"
        )

    decoupled = True
