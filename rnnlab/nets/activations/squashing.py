"""Activations with bounded values, beside tanh and sigmoid."""

from __future__ import annotations

import torch
from torch import Tensor

from rnnlab.nets.activations.base import Activation, register


@register("softsign")
class Softsign(Activation):
    """phi(a) = a / (1 + |a|);   phi' = (1 - |phi|)^2"""

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Glorot, Bengio, Understanding the difficulty of training deep feedforward networks, AISTATS (2010)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.div(a, torch.abs(a).add_(1), out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.abs(h, out=out)
        out.neg_().add_(1).square_().mul_(g)


class Clamp(Activation):
    """phi(a) = a kept between `range[0]` and `range[1]`;   phi' = 1 strictly inside, else 0"""

    largest_slope = 1.0

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp(a, *self.range, out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        low, high = self.range
        torch.sub(h, high, out=out)
        out.mul_(h - low)  # below 0 strictly inside; each factor is exact at its own end
        torch.lt(out, 0, out=out)
        out.mul_(g)


@register("hardtanh")
class Hardtanh(Clamp):
    """phi(a) = max(-1, min(a, 1))"""

    range = (-1.0, 1.0)
    slope_at_0 = 1.0
    source = "Collobert, Large scale machine learning, thesis, Universite de Paris VI (2004)"


@register("relu6")
class ReLU6(Clamp):
    """phi(a) = max(0, min(a, 6))"""

    range = (0.0, 6.0)
    slope_at_0 = 0.0
    source = "Krizhevsky, Convolutional deep belief networks on CIFAR-10 (2010)"


@register("sine")
class Sine(Activation):
    """phi(a) = sin(a);   phi' = cos(a)"""

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Sitzmann, Martel, Bergman, Lindell, Wetzstein, Implicit neural representations, NeurIPS (2020)"
    saves_input = True

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.sin(a, out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        assert a is not None
        torch.cos(a, out=out)
        out.mul_(g)
