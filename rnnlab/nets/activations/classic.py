"""The activations that every library has: tanh, sigmoid, ReLU, leaky ReLU, and none at all."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import Tensor

from rnnlab.nets.activations.base import Activation, register
from rnnlab.options import number

_MINUS_ONE = torch.tensor(-1.0)
_CPU_INFO = Path("/proc/cpuinfo")
_IS_INTELS = _CPU_INFO.is_file() and "GenuineIntel" in _CPU_INFO.read_text(encoding="utf-8", errors="replace")
TANH = "torch" if _IS_INTELS else "by sigmoid"  # how this machine computes tanh; provenance.json says it


@register("tanh")
class Tanh(Activation):
    """phi(a) = tanh(a);   phi' = 1 - phi^2

    torch.tanh is a routine of Intel's library.  On processors of other makers it takes up to nine times as long as a
    sigmoid, so tanh is computed there as 2 sigmoid(2a) - 1.  In float32 the two differ by less than 2e-7, and a below
    3e-8 gives 0 instead of a.  The slope at such an a is 1 either way, so gradients vanish no sooner.
    """

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Elman, Finding structure in time, Cognitive Science 14 (1990), with the symmetric squashing function"

    def forward(self, a: Tensor, out: Tensor) -> None:
        if TANH == "torch":
            torch.tanh(a, out=out)
        else:
            torch.sigmoid(a.mul_(2), out=a)
            torch.add(_MINUS_ONE, a, alpha=2, out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.mul(g, h, out=out)
        torch.addcmul(g, out, h, value=-1, out=out)


@register("sigmoid")
class Sigmoid(Activation):
    """phi(a) = 1 / (1 + exp(-a));   phi' = phi (1 - phi)"""

    range = (0.0, 1.0)
    largest_slope = 0.25
    slope_at_0 = 0.25
    source = "Rumelhart, Hinton, Williams, Learning representations by back-propagating errors, Nature 323 (1986)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.sigmoid(a, out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.mul(g, h, out=out)
        torch.addcmul(out, out, h, value=-1, out=out)


@register("relu")
class ReLU(Activation):
    """phi(a) = max(a, 0);   phi' = 1 where a > 0, else 0"""

    range = (0.0, math.inf)
    largest_slope = 1.0
    slope_at_0 = 0.0
    source = "Nair, Hinton, Rectified linear units improve restricted Boltzmann machines, ICML (2010)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp_min(a, 0, out=out)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.gt(h, 0, out=out)
        out.mul_(g)


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

    @property
    def saves_input(self) -> bool:
        return self.negative_slope < 0  # because then h > 0 on both sides of the kink

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp_min(a, 0, out=out)
        out.add_(a.clamp_max_(0), alpha=self.negative_slope)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        known = a if self.saves_input else h
        assert known is not None
        torch.gt(known, 0, out=out)
        out.mul_(1 - self.negative_slope).add_(self.negative_slope).mul_(g)


@register("identity")
class Identity(Activation):
    """phi(a) = a;   phi' = 1: the linear network, with which all others should be compared"""

    range = (-math.inf, math.inf)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR (2014)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        out.copy_(a)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        out.copy_(g)
