"""What an activation is: phi, its slope phi', and facts about both, in plain torch.

These formulas are what is read, and what every faster way to compute an activation is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, ClassVar

from rnnlab.lazy import torch
from rnnlab.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor


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

    def phi(self, a: Tensor) -> Tensor:
        """phi(a), entry by entry, as a new tensor of the same shape and dtype."""
        raise NotImplementedError

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a), entry by entry, as a new tensor of the same shape and dtype.

        At a kink it is the derivative that torch takes there, so that gradients agree with autograd's."""
        raise NotImplementedError


class PackActivation:
    """The activations of a pack's lanes as a cell's phi.  Neighbouring lanes with one activation share a call."""

    def __init__(self, activations: Sequence[Activation]):
        """activations: one per lane."""
        groups = [(activation, len(list(lanes))) for activation, lanes in groupby(activations)]
        self._activations = [activation for activation, _ in groups]
        self._widths = [width for _, width in groups]

    def __call__(self, a: Tensor) -> Tensor:
        """phi(a) as a new tensor, (R, ...) -> (R, ...)"""
        return torch.cat([activation.phi(part) for activation, part in self._parts(a)])

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a) as a new tensor, (R, ...) -> (R, ...)"""
        return torch.cat([activation.slope(part) for activation, part in self._parts(a)])

    def _parts(self, a: Tensor) -> Iterator[tuple[Activation, Tensor]]:
        return zip(self._activations, a.split(self._widths), strict=True)


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
