"""What an activation is: phi, its slope phi', and facts about both, in plain torch.

These formulas are what is read, and what every faster way to compute an activation is held against.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from inspect import signature
from itertools import groupby
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from rnnlab.lazy import torch
from rnnlab.nets.activations.slope import check_slope, facts, slope_by_autograd
from rnnlab.options import number
from rnnlab.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

Described = TypeVar("Described", bound="type[Activation] | Callable[..., Tensor]")


class Activation:
    """phi with its slope.  The fields of a subclass are the activation's parameters.

    A subclass needs phi alone.  Its slope then comes from autograd, and its facts from values on a grid.  A fact may
    follow from the parameters; a fact that does not is a plain attribute of the class: `largest_slope = 1.0`."""

    name: ClassVar[str]
    source: ClassVar[str] = ""  # where it was proposed

    def __reduce__(self) -> tuple[Any, ...]:
        return _named, (self.name, vars(self))  # the class of a function cannot be found by its module

    @property
    def range(self) -> tuple[float, float]:
        """The least and the greatest value, which phi may only approach."""
        return facts(self).range

    @property
    def largest_slope(self) -> float:
        """max |phi'|"""
        return facts(self).largest_slope

    @property
    def slope_at_0(self) -> float:
        """phi'(0)"""
        return facts(self).slope_at_0

    def phi(self, a: Tensor) -> Tensor:
        """phi(a), entry by entry, as a new tensor of the same shape and dtype."""
        raise NotImplementedError

    def slope(self, a: Tensor) -> Tensor:
        """phi'(a), entry by entry, as a new tensor of the same shape and dtype.

        At a kink it is the derivative that torch takes there, so that gradients agree with autograd's."""
        return slope_by_autograd(self.phi, a)


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


ACTIVATIONS: Registry[type[Activation]] = Registry("an activation", "rnnlab.activation")
ACTIVATIONS.checks.append(lambda cls: check_slope(cls()))


def register(name: str) -> Callable[[Described], Described]:
    """Make a class reachable as cell.activation=<name>, and a frozen dataclass of it.

    It may stand above a function of torch, too: `def bump(a, width=1.0)`.  Its further arguments are the activation's
    parameters, and the function stays as it is.  Raises ValueError for a slope from outside of rnnlab that is
    not that of phi."""
    ACTIVATIONS.check_name(name)

    def enter(described: Described) -> Described:
        cls: type[Activation] = described if isinstance(described, type) else _of_function(described)
        cls.name = name
        dataclass(frozen=True)(cls)
        ACTIVATIONS.add(name, cls)
        return described

    return enter


def _of_function(function: Callable[..., Tensor]) -> type[Activation]:
    """The class of an activation whose phi is this function.  Raises TypeError for a parameter without a default."""
    _, *parameters = signature(function).parameters.values()
    for parameter in parameters:
        if type(parameter.default) not in (int, float):
            raise TypeError(
                f"{function.__name__}: {parameter.name} must have a number as its default, {parameter.name}=1.0"
            )
    names = [parameter.name for parameter in parameters]

    def phi(self: Activation, a: Tensor) -> Tensor:
        return function(a, **{name: getattr(self, name) for name in names})

    about = f"an argument of {function.__name__}(a, {', '.join(names)})"
    defaults = {p.name: number(float(p.default), about=about) for p in parameters}
    described = {"phi": phi, "__doc__": function.__doc__, "__module__": function.__module__}
    annotations = dict.fromkeys(names, float)
    return type(function.__name__, (Activation,), {**described, **defaults, "__annotations__": annotations})


def _named(name: str, parameters: Mapping[str, float]) -> Activation:
    return make_activation(name, **parameters)


def make_activation(name: str, **parameters: float) -> Activation:
    """The activation of that name, with these parameters."""
    return ACTIVATIONS[name](**parameters)
