"""The activations that every library has: tanh, sigmoid, ReLU, leaky ReLU, and none at all."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.activations.base import Activation, register
from rnnlab.options import number

if TYPE_CHECKING:
    from torch import Tensor


@register("tanh")
class Tanh(Activation):
    """phi(a) = tanh(a);   phi' = 1 - phi^2"""

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Elman, Finding structure in time, Cognitive Science 14 (1990), with the symmetric squashing function"

    def phi(self, a: Tensor) -> Tensor:
        return torch.tanh(a)

    def slope(self, a: Tensor) -> Tensor:
        return 1 - torch.tanh(a).square()


@register("sigmoid")
class Sigmoid(Activation):
    """phi(a) = 1 / (1 + exp(-a));   phi' = phi (1 - phi)"""

    range = (0.0, 1.0)
    largest_slope = 0.25
    slope_at_0 = 0.25
    source = "Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, Nature 323 (1986)"

    def phi(self, a: Tensor) -> Tensor:
        return torch.sigmoid(a)

    def slope(self, a: Tensor) -> Tensor:
        phi = torch.sigmoid(a)
        return phi * (1 - phi)


@register("relu")
class ReLU(Activation):
    """phi(a) = max(a, 0);   phi' = 1 where a > 0, else 0"""

    range = (0.0, math.inf)
    largest_slope = 1.0
    slope_at_0 = 0.0
    source = "Nair, Hinton, Rectified linear units improve restricted Boltzmann machines, ICML (2010)"

    def phi(self, a: Tensor) -> Tensor:
        return torch.relu(a)

    def slope(self, a: Tensor) -> Tensor:
        return (a > 0).to(a.dtype)


@register("leaky_relu")
class LeakyReLU(Activation):
    """phi(a) = max(a, 0) + s min(a, 0);   phi' = 1 where a > 0, else s = negative_slope"""

    negative_slope: float = number(0.01, about="the slope where a < 0")
    source = "Maas, Hannun, Ng, Rectifier nonlinearities improve neural network acoustic models, ICML (2013)"

    @property
    def range(self) -> tuple[float, float]:
        return (-math.inf if self.negative_slope > 0 else 0.0, math.inf)

    @property
    def largest_slope(self) -> float:
        return max(1.0, abs(self.negative_slope))

    @property
    def slope_at_0(self) -> float:
        return self.negative_slope

    def phi(self, a: Tensor) -> Tensor:
        return torch.where(a > 0, a, self.negative_slope * a)

    def slope(self, a: Tensor) -> Tensor:
        return torch.where(a > 0, 1.0, torch.full_like(a, self.negative_slope))


@register("identity")
class Identity(Activation):
    """phi(a) = a;   phi' = 1: the linear network, with which all others should be compared"""

    range = (-math.inf, math.inf)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR (2014)"

    def phi(self, a: Tensor) -> Tensor:
        return a.clone()

    def slope(self, a: Tensor) -> Tensor:
        return torch.ones_like(a)
