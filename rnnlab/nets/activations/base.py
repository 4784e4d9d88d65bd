"""What an activation is: phi, its slope phi', and facts about both.

Each activation works on a whole buffer at once, and in place where it can: these few lines take the part of a training
step that is no matrix product.  Where phi' follows from the output h = phi(a), it is computed from h (`saves_input` is
False), and nobody has to keep a.  At a kink phi' is what torch takes there, so that gradients agree with autograd.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from rnnlab.registry import Registry


class Activation:
    """phi with its slope.  The fields of a subclass are the activation's parameters.

    Its facts may follow from them; a fact that does not is a plain attribute of the class: `largest_slope = 1.0`."""

    name: ClassVar[str]
    source: ClassVar[str]  # where it was proposed

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value, which phi may only approach."""
        raise NotImplementedError

    @property
    def largest_slope(self) -> float:
        """max |phi'|"""
        raise NotImplementedError

    @property
    def slope_at_0(self) -> float:
        """phi'(0)"""
        raise NotImplementedError

    @property
    def saves_input(self) -> bool:
        """Whether `backward` needs a."""
        return False

    def forward(self, a: Tensor, out: Tensor) -> None:
        """out = phi(a).  a is contiguous and may be overwritten; out has its shape and any strides."""
        raise NotImplementedError

    def backward(self, g: Tensor, a: Tensor | None, h: Tensor, out: Tensor) -> None:
        """out = g * phi'(a), with h = phi(a).  a is None unless `saves_input`.

        out shares no memory with the others; g, a and h are left as they are."""
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


ACTIVATIONS: Registry[type[Activation]] = Registry("an activation")


def register(name: str) -> Callable[[type[Activation]], type[Activation]]:
    """Make a class reachable as cell.activation=<name>, and a frozen dataclass of it."""

    def enter(cls: type[Activation]) -> type[Activation]:
        ACTIVATIONS.add(name, cls)
        cls.name = name
        return dataclass(frozen=True)(cls)

    return enter


def make_activation(name: str, **parameters: float) -> Activation:
    """The activation of that name, with these parameters."""
    return ACTIVATIONS[name](**parameters)
