"""The slope of an activation that states none, by autograd; measured facts; and whether a stated slope is right."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Protocol

from rnnlab.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

UNBOUNDED = 1e5  # a value beyond it, at |a| up to 10^8, counts as infinite
STEP = 1e-6  # of a difference quotient in double precision: its error is some 1e-10 of the value, away from kinks
TOLERANCE = 1e-4


class HasSlope(Protocol):
    @property
    def name(self) -> str: ...

    def phi(self, a: Tensor) -> Tensor: ...

    def slope(self, a: Tensor) -> Tensor: ...


@dataclass(frozen=True)
class Facts:
    """range: the least and the greatest value; infinite where values grow without end."""

    range: tuple[float, float]
    largest_slope: float
    slope_at_0: float


def slope_by_autograd(phi: Callable[[Tensor], Tensor], a: Tensor) -> Tensor:
    """phi'(a), entry by entry, as a new tensor of the same shape and dtype."""
    with torch.inference_mode(False), torch.enable_grad():
        leaf = a.clone().detach().requires_grad_()
        (slope,) = torch.autograd.grad(phi(leaf).sum(), leaf, allow_unused=True, materialize_grads=True)
    return slope


@lru_cache(maxsize=256)
def facts(activation: HasSlope) -> Facts:
    """What is measured on a grid: 60001 values from -30 to 30, and some up to +-10^8."""
    far = torch.logspace(1.5, 8, 100, dtype=torch.float64)
    a = torch.cat([torch.linspace(-30, 30, 60_001, dtype=torch.float64), far, -far])
    h = activation.phi(a)
    low, high = h.min().item(), h.max().item()
    return Facts(
        range=(low if low > -UNBOUNDED else -math.inf, high if high < UNBOUNDED else math.inf),
        largest_slope=activation.slope(a).abs().max().item(),
        slope_at_0=activation.slope(torch.zeros(1, dtype=torch.float64)).item(),
    )


def check_slope(activation: HasSlope) -> None:
    """Raise ValueError unless phi is a function of single entries and `slope` is its slope.

    Compares with difference quotients at 64 places between -4 and 4, and leaves out those next to a kink."""
    a = torch.linspace(-4.01, 3.97, 64, dtype=torch.float64)
    h, slope = activation.phi(a), activation.slope(a)
    for what, found in (("phi", h), ("slope", slope)):
        if not isinstance(found, torch.Tensor) or found.shape != a.shape or found.dtype != a.dtype:
            raise ValueError(f"activation {activation.name!r}: {what} must give a tensor of the shape and dtype of a")
    right, left = (activation.phi(a + STEP) - h) / STEP, (h - activation.phi(a - STEP)) / STEP
    quotient = (right + left) / 2
    scale = TOLERANCE * (1 + quotient.abs())
    smooth = ((right - left).abs() < scale) & quotient.isfinite()
    wrong = smooth & ~((slope - quotient).abs() < scale)
    if wrong.any():
        n = int(wrong.nonzero()[0])
        raise ValueError(
            f"activation {activation.name!r}: its slope at a={a[n]:.4g} is {slope[n]:.4g}, "
            f"but phi rises there by {quotient[n]:.4g}"
        )


class Elementwise(Protocol):
    """An elementwise function with its slope."""

    def __call__(self, a: Tensor) -> Tensor: ...

    def slope(self, a: Tensor) -> Tensor: ...


class Differentiable:
    """An elementwise function as autograd sees it, with the slope that it states."""

    def __init__(self, phi: Elementwise) -> None:
        self._phi = phi

    def __call__(self, a: Tensor) -> Tensor:
        return _applied()(a, self._phi)

    def slope(self, a: Tensor) -> Tensor:
        return self._phi.slope(a)


@cache
def _applied() -> Callable[[Tensor, Elementwise], Tensor]:
    """Made by a function, because torch is imported when it is first used."""

    class Applied(torch.autograd.Function):
        @staticmethod
        def forward(ctx: Any, a: Tensor, phi: Elementwise) -> Tensor:
            ctx.save_for_backward(a)
            ctx.phi = phi
            return phi(a)

        @staticmethod
        def backward(ctx: Any, g: Tensor) -> tuple[Tensor, None]:
            (a,) = ctx.saved_tensors
            return g * ctx.phi.slope(a), None

    return Applied.apply
