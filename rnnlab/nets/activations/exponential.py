"""Linear above 0, an exponential below: ELU and its relatives."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rnnlab.lazy import torch
from rnnlab.nets.activations.base import Activation, register
from rnnlab.options import number

if TYPE_CHECKING:
    from torch import Tensor


class ExponentialUnit(Activation):
    """What ELU, SELU and CELU have in common.

    phi(a) = scale (max(a, 0) + alpha (exp(min(a, 0) / width) - 1))

    phi' = scale where a > 0, else scale alpha / width exp(a / width)
    """

    scale: float = 1.0
    alpha: float = 1.0

    @property
    def width(self) -> float:
        return 1.0

    @property
    def range(self) -> tuple[float, float]:
        return (-self.scale * self.alpha, math.inf)

    @property
    def slope_at_0(self) -> float:
        return self.scale * self.alpha / self.width

    @property
    def largest_slope(self) -> float:
        return max(self.scale, self.slope_at_0)

    def phi(self, a: Tensor) -> Tensor:
        below = torch.expm1(a.clamp(max=0) / self.width)
        return self.scale * (a.clamp(min=0) + self.alpha * below)

    def slope(self, a: Tensor) -> Tensor:
        below = self.slope_at_0 * torch.exp(a.clamp(max=0) / self.width)
        return torch.where(a > 0, self.scale, below)


@register("elu")
class ELU(ExponentialUnit):
    """phi(a) = a where a > 0, else alpha (exp(a) - 1)"""

    alpha: float = number(1.0, above=0, about="phi goes to -alpha as a goes to -infinity")
    source = "Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by ELUs, ICLR (2016), eq. 15"


@register("selu")
class SELU(ExponentialUnit):
    """phi(a) = scale a where a > 0, else scale alpha (exp(a) - 1)

    With the paper's two constants, mean 0 and variance 1 are a fixed point of a layer."""

    scale = 1.0507009873554804934193349852946
    alpha = 1.6732632423543772848170429916717
    source = "Klambauer, Unterthiner, Mayr, Hochreiter, Self-normalizing neural networks, NeurIPS (2017), eq. 2"


@register("celu")
class CELU(ExponentialUnit):
    """phi(a) = a where a > 0, else alpha (exp(a / alpha) - 1): ELU without its kink at 0"""

    alpha: float = number(1.0, above=0, about="phi goes to -alpha as a goes to -infinity")
    source = "Barron, Continuously differentiable exponential linear units, arXiv 1704.07483 (2017)"

    @property
    def width(self) -> float:
        return self.alpha
