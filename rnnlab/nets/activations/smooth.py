"""Smooth relatives of ReLU.  Apart from softplus they are not monotonic: below 0 they dip."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.activations.base import Activation, register

if TYPE_CHECKING:
    from torch import Tensor


@register("gelu")
class GELU(Activation):
    """phi(a) = a Phi(a), Phi the normal distribution function;   phi' = Phi(a) + a exp(-a^2/2) / sqrt(2 pi)"""

    range = (-0.16997120747990369, math.inf)
    largest_slope = 1.1289041451885175  # at a = sqrt(2)
    slope_at_0 = 0.5
    source = "Hendrycks, Gimpel, Gaussian error linear units, arXiv 1606.08415 (2016), eq. 1"

    def phi(self, a: Tensor) -> Tensor:
        return a * _normal_distribution(a)

    def slope(self, a: Tensor) -> Tensor:
        density = torch.exp(-a.square() / 2) / math.sqrt(2 * math.pi)
        return _normal_distribution(a) + a * density


def _normal_distribution(a: Tensor) -> Tensor:
    """Phi(a)"""
    return 0.5 * (1 + torch.erf(a * math.sqrt(0.5)))


@register("silu")
class SiLU(Activation):
    """phi(a) = a sigmoid(a);   phi' = sigmoid(a) + a sigmoid(a) (1 - sigmoid(a))"""

    range = (-0.27846454276107379, math.inf)
    largest_slope = 1.0998393201288669  # at a = 2.3994
    slope_at_0 = 0.5
    source = "Elfwing, Uchibe, Doya, Sigmoid-weighted linear units, Neural Networks 107 (2018); also called swish"

    def phi(self, a: Tensor) -> Tensor:
        return a * torch.sigmoid(a)

    def slope(self, a: Tensor) -> Tensor:
        sigmoid = torch.sigmoid(a)
        return sigmoid + a * sigmoid * (1 - sigmoid)


@register("mish")
class Mish(Activation):
    """phi(a) = a tanh(log(1 + u)), u = exp(a);   tanh(log(1 + u)) = n / (n + 2) =: r with n = u (u + 2)

    phi' = r + a (1 - r^2) u / (1 + u).  For a > 20, r rounds to 1 in single and in double precision, so u is computed
    from min(a, 20).
    """

    range = (-0.30884341301725043, math.inf)
    largest_slope = 1.088498161251728  # at a = 1.4906
    slope_at_0 = 0.6
    source = "Misra, Mish: a self regularized non-monotonic activation function, BMVC (2020), eq. 1"

    def phi(self, a: Tensor) -> Tensor:
        u = torch.exp(a.clamp(max=20))
        n = u * (u + 2)
        return a * (n / (n + 2))

    def slope(self, a: Tensor) -> Tensor:
        u = torch.exp(a.clamp(max=20))
        n = u * (u + 2)
        r = n / (n + 2)
        return r + a * (1 - r.square()) * u / (1 + u)


@register("softplus")
class Softplus(Activation):
    """phi(a) = log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|));   phi' = sigmoid(a)"""

    range = (0.0, math.inf)
    largest_slope = 1.0
    slope_at_0 = 0.5
    source = "Dugas, Bengio, Belisle, Nadeau, Garcia, Incorporating second-order functional knowledge, NIPS (2000)"

    def phi(self, a: Tensor) -> Tensor:
        return a.clamp(min=0) + torch.log1p(torch.exp(-a.abs()))

    def slope(self, a: Tensor) -> Tensor:
        return torch.sigmoid(a)
