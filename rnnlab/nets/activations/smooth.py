"""Smooth relatives of ReLU.  Apart from softplus they are not monotonic: below 0 they dip."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnlab.nets.activations.base import Activation, register


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
        assert a is not None
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
        assert a is not None
        sigmoid = torch.sigmoid(a)
        torch.addcmul(h, h, sigmoid, value=-1, out=out)
        out.add_(sigmoid).mul_(g)


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
    saves_input = True

    def forward(self, a: Tensor, out: Tensor) -> None:
        u = torch.exp(torch.clamp_max(a, 20, out=out), out=out)
        n = torch.addcmul(u, u, u, value=0.5)  # n / 2
        torch.add(n, 1, out=out)
        torch.div(n, out, out=out)
        out.mul_(a)

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        assert a is not None
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
