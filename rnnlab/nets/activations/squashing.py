"""Activations with bounded values, beside tanh and sigmoid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.activations.base import Activation, register

if TYPE_CHECKING:
    from torch import Tensor


@register("softsign")
class Softsign(Activation):
    """phi(a) = a / (1 + |a|);   phi' = 1 / (1 + |a|)^2"""

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Glorot, Bengio, Understanding the difficulty of training deep feedforward networks, AISTATS (2010)"

    def phi(self, a: Tensor) -> Tensor:
        return a / (1 + a.abs())

    def slope(self, a: Tensor) -> Tensor:
        return (1 + a.abs()).square().reciprocal()


class Clamp(Activation):
    """phi(a) = a kept between `range[0]` and `range[1]`;   phi' = 1 strictly inside, else 0"""

    largest_slope = 1.0

    def phi(self, a: Tensor) -> Tensor:
        return a.clamp(*self.range)

    def slope(self, a: Tensor) -> Tensor:
        low, high = self.range
        return ((a > low) & (a < high)).to(a.dtype)


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

    def phi(self, a: Tensor) -> Tensor:
        return torch.sin(a)

    def slope(self, a: Tensor) -> Tensor:
        return torch.cos(a)
