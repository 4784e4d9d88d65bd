"""Activations: the function phi applied to every pre-activation a, its slope phi'(a), and what is known of it.

Each works on a whole buffer at once and in place where it can, because these few lines are where a training step
spends the time that matrix products leave over.  Where phi' can be had from the output h = phi(a), it is (`saves_input`
is False), and nobody has to keep a.  At a kink phi' takes torch's side, so that gradients agree with autograd.

To add one: subclass Activation, state its facts, write `forward` and `backward`, put it under `@register("name")`.
The contract tests then hold every stated fact, and gradcheck its slope.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType

import torch
from torch import Tensor

_MINUS_ONE = torch.tensor(-1.0)
_CPU_INFO = Path("/proc/cpuinfo")
_FAST_TANH = _CPU_INFO.is_file() and "GenuineIntel" in _CPU_INFO.read_text(encoding="utf-8", errors="replace")
_REGISTRY: dict[str, type[Activation]] = {}
ACTIVATIONS: Mapping[str, type[Activation]] = MappingProxyType(_REGISTRY)


def register(name: str) -> Callable[[type[Activation]], type[Activation]]:
    """Make the activation reachable as cell.activation=<name>."""

    def enter(cls: type[Activation]) -> type[Activation]:
        if name in _REGISTRY:
            raise ValueError(f"an activation named {name!r} is registered already")
        cls.name = name
        _REGISTRY[name] = dataclass(frozen=True)(cls)
        return cls

    return enter


def make_activation(name: str, **parameters: float) -> Activation:
    """The activation of that name, with those of the given parameters that it has."""
    cls = ACTIVATIONS[name]
    own = {f.name for f in fields(cls)}
    return cls(**{key: value for key, value in parameters.items() if key in own})


class Activation:
    """phi with its slope.  Facts: `range` (least and greatest value, open or closed), `largest_slope` = max |phi'|,
    `slope_at_0` = phi'(0), `source`."""

    name: str
    range: tuple[float, float]
    largest_slope: float
    slope_at_0: float
    source: str
    saves_input: bool = False

    def forward(self, a: Tensor, out: Tensor) -> None:
        """out = phi(a).  a, contiguous, may be overwritten; out has its shape and any strides."""
        raise NotImplementedError

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        """out = g * phi'(a), from h = phi(a).  a is None unless `saves_input`.  out is none of the others; g, a and h
        are left as they are."""
        raise NotImplementedError

    def phi(self, a: Tensor) -> Tensor:
        """phi(a) as a new tensor."""
        out = torch.empty_like(a)
        self.forward(a.clone(), out)
        return out

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a) as a new tensor."""
        out = torch.empty_like(a)
        self.backward(torch.ones_like(a), a, self.phi(a), out)
        return out


@register("tanh")
class Tanh(Activation):
    """phi(a) = tanh(a);   phi' = 1 - phi^2

    torch.tanh is a routine of Intel's library, which on processors of other makers takes up to nine times as long as a
    sigmoid: there it is 2 sigmoid(2a) - 1.  The difference is below 2e-7, absolute, in float32: a pre-activation below
    3e-8 gives 0.  The slope, and so what vanishes, is not touched by that.
    """

    range = (-1.0, 1.0)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Elman, Finding structure in time, Cognitive Science 14 (1990), with the symmetric squashing function"

    def forward(self, a: Tensor, out: Tensor) -> None:
        if _FAST_TANH:
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

    negative_slope: float = 0.01
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
        return self.negative_slope < 0  # then h > 0 on both sides of the kink

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp_min(a, 0, out=out)
        out.add_(a.clamp_max_(0), alpha=self.negative_slope)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.gt(a if self.saves_input else h, 0, out=out)
        out.mul_(1 - self.negative_slope).add_(self.negative_slope).mul_(g)


@register("identity")
class Identity(Activation):
    """phi(a) = a;   phi' = 1: the linear network, against which all others are to be judged"""

    range = (-math.inf, math.inf)
    largest_slope = 1.0
    slope_at_0 = 1.0
    source = "Saxe, McClelland, Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR (2014)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        out.copy_(a)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        out.copy_(g)


class ExponentialUnit(Activation):
    """phi(a) = scale (max(a, 0) + alpha (exp(min(a, 0) / width) - 1))

    phi' = scale where a > 0, else scale alpha / width exp(a / width) = (phi(a) + scale alpha) / width
    """

    scale: float = 1.0
    alpha: float = 1.0
    width: float = 1.0

    @property
    def range(self) -> tuple[float, float]:
        return (-self.scale * self.alpha, math.inf)

    @property
    def slope_at_0(self) -> float:
        return self.scale * self.alpha / self.width

    @property
    def largest_slope(self) -> float:
        return max(self.scale, self.slope_at_0)

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp_min(a, 0, out=out)
        a.clamp_max_(0).mul_(1 / self.width)
        torch.expm1(a, out=a)
        out.add_(a, alpha=self.alpha)
        if self.scale != 1:
            out.mul_(self.scale)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.clamp_max(h, 0, out=out)
        out.add_(self.scale * self.alpha).mul_(1 / self.width)
        if self.slope_at_0 != self.scale:  # the kink: above 0 the line before gave slope_at_0
            out.add_((h > 0).to(h.dtype), alpha=self.scale - self.slope_at_0)
        out.mul_(g)


@register("elu")
class ELU(ExponentialUnit):
    """phi(a) = a where a > 0, else alpha (exp(a) - 1)"""

    alpha: float = 1.0
    source = "Clevert, Unterthiner, Hochreiter, Fast and accurate deep network learning by ELUs, ICLR (2016), eq. 15"


@register("selu")
class SELU(ExponentialUnit):
    """phi(a) = scale a where a > 0, else scale alpha (exp(a) - 1), both constants fixed by the paper's fixed point"""

    scale = 1.0507009873554804934193349852946
    alpha = 1.6732632423543772848170429916717
    source = "Klambauer, Unterthiner, Mayr, Hochreiter, Self-normalizing neural networks, NeurIPS (2017), eq. 2"


@register("celu")
class CELU(ExponentialUnit):
    """phi(a) = a where a > 0, else alpha (exp(a / alpha) - 1): ELU without its kink at 0"""

    alpha: float = 1.0
    source = "Barron, Continuously differentiable exponential linear units, arXiv 1704.07483 (2017)"

    @property
    def width(self) -> float:
        return self.alpha


@register("gelu")
class GELU(Activation):
    """phi(a) = a Phi(a), Phi the normal distribution function;   phi' = Phi(a) + a exp(-a^2/2) / sqrt(2 pi)"""

    range = (-0.16997120747990369, math.inf)
    largest_slope = 1.1289041451885175  # at a = sqrt(2)
    slope_at_0 = 0.5
    source = "Hendrycks, Gimpel, Gaussian error linear units, arXiv 1606.08415 (2016), eq. 1"
    saves_input = True

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.mul(a, math.sqrt(0.5), out=out)
        torch.erf(out, out=out)
        out.add_(1).mul_(a).mul_(0.5)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        density = torch.exp(torch.mul(a, a).mul_(-0.5)).mul_(a).mul_(1 / math.sqrt(2 * math.pi))
        torch.mul(a, math.sqrt(0.5), out=out)
        torch.erf(out, out=out)
        out.add_(1).mul_(0.5).add_(density).mul_(g)


@register("silu")
class SiLU(Activation):
    """phi(a) = a sigmoid(a);   phi' = sigmoid(a) + phi(a) (1 - sigmoid(a))"""

    range = (-0.27846454276107379, math.inf)
    largest_slope = 1.0998393201288669  # at a = 2.3994
    slope_at_0 = 0.5
    source = "Elfwing, Uchibe, Doya, Sigmoid-weighted linear units, Neural Networks 107 (2018); also called swish"
    saves_input = True

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.sigmoid(a, out=out)
        out.mul_(a)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        sigmoid = torch.sigmoid(a)
        torch.addcmul(h, h, sigmoid, value=-1, out=out)
        out.add_(sigmoid).mul_(g)


@register("mish")
class Mish(Activation):
    """phi(a) = a tanh(log(1 + u)), u = exp(a);   tanh(log(1 + u)) = n / (n + 2) =: r with n = u (u + 2)

    phi' = r + a (1 - r^2) u / (1 + u).  Above a = 20 r rounds to 1 in either precision, so u is taken at min(a, 20).
    """

    range = (-0.30884341301725043, math.inf)
    largest_slope = 1.088498161251728  # at a = 1.4906
    slope_at_0 = 0.6
    source = "Misra, Mish: a self regularized non-monotonic activation function, BMVC (2020), eq. 1"
    saves_input = True

    def forward(self, a: Tensor, out: Tensor) -> None:
        u = torch.exp(torch.clamp_max(a, 20, out=out), out=out)
        n = torch.addcmul(u, u, u, value=0.5)  # n / 2
        torch.add(n, 1, out=out)
        torch.div(n, out, out=out)
        out.mul_(a)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        u = torch.exp(torch.clamp_max(a, 20, out=out))
        n = torch.addcmul(u, u, u, value=0.5)
        r = n.div_(n + 1)
        torch.mul(r, r, out=out)
        out.neg_().add_(1).mul_(a).mul_(u).div_(u.add_(1))
        out.add_(r).mul_(g)


@register("softplus")
class Softplus(Activation):
    """phi(a) = log(1 + exp(a)) = max(a, 0) + log(1 + exp(-|a|));   phi' = sigmoid(a) = 1 - exp(-phi)"""

    range = (0.0, math.inf)
    largest_slope = 1.0
    slope_at_0 = 0.5
    source = "Dugas, Bengio, Belisle, Nadeau, Garcia, Incorporating second-order functional knowledge, NIPS (2000)"

    def forward(self, a: Tensor, out: Tensor) -> None:
        torch.clamp_min(a, 0, out=out)
        torch.exp(a.abs_().neg_(), out=a)
        out.add_(torch.log1p(a, out=a))

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        torch.neg(h, out=out)
        torch.expm1(out, out=out)
        out.neg_().mul_(g)


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
        torch.cos(a, out=out)
        out.mul_(g)
