"""Activations in vector form.

`p` and `q` are the parameters of the activation, in the order of its fields; what has none ignores them.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.kernels.agreement import check_form
from rnnlab.nets.kernels.functions import cos, erf, exp, expm1, log1p_exp, sigmoid, sin, tanh
from rnnlab.nets.kernels.vectors import Formula, Vector, absolute, at_least, at_most, fma, if_negative, if_positive
from rnnlab.plugins import Plugin, plugin_of
from rnnlab.registry import Registry, registrant


@dataclass(frozen=True)
class VectorForm:
    """phi(x, p, q) and slope(a, h, p, q) = phi'(a) with h = phi(a), on vectors.

    keeps_input: whether the slope looks at a; if not, nobody has to keep it."""

    phi: Formula
    slope: Formula
    keeps_input: bool = False


class _Form:
    """phi and slope as they are written below."""

    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        raise NotImplementedError

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        raise NotImplementedError


AnyForm = TypeVar("AnyForm", bound=type)
LOADED = "rnnlab.nets.kernels.activations"  # the module that builds the kernels' loops of all forms
_LATE: set[str] = set()  # registered when the kernels of this process had been compiled without them
FORMS: Registry[VectorForm] = Registry("a vector form", "rnnlab.vector_form")


def missing(name: str) -> str | None:
    """Why the kernels of this process cannot compute the activation of that name, in a few words; None if they can."""
    if name not in FORMS:
        return f"the activation {name} has no vector form"
    return f"the vector form of {name} came after the kernels were loaded" if name in _LATE else None


def of_plugins() -> list[Plugin]:
    """The plugins that have vector forms here, in the order of these.  Raises ConfigError for a form in the script."""
    return list(dict.fromkeys(plugin for name in FORMS if (plugin := plugin_of(FORMS.module_of(name)))))


def vector_form(name: str, *, keeps_input: bool = False) -> Callable[[AnyForm], AnyForm]:
    """Register phi and slope, two functions in the body of a class, as the vector form of the activation `name`.

    A plugin registers the activation first, with its formulas in torch.  Raises ValueError where the two differ."""
    FORMS.check_name(name)

    def enter(cls: AnyForm) -> AnyForm:
        if LOADED in sys.modules:
            _LATE.add(name)
        if registrant():
            if name not in ACTIVATIONS:
                raise ValueError(f"the activation {name!r} must be registered before its vector form")
            check_form(make_activation(name), cls.phi, cls.slope, keeps_input)  # type: ignore[attr-defined]
        FORMS.add(name, VectorForm(cls.phi, cls.slope, keeps_input))  # type: ignore[attr-defined]  # a body of two functions
        return cls

    return enter


@vector_form("tanh")
class _Tanh(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return tanh(x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return fma(-h, h, 1.0)


@vector_form("sigmoid")
class _Sigmoid(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return sigmoid(x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return h * (1.0 - h)


@vector_form("relu")
class _ReLU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return at_least(x, 0)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(h, 1.0, 0)


@vector_form("leaky_relu", keeps_input=True)
class _LeakyReLU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return if_negative(x, x * p, x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(a, 1.0, p)


@vector_form("identity")
class _Identity(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return x

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return h.like(h.of(1.0))  # not a * 0 + 1: nobody keeps a, and what lies in its place may be NaN


@vector_form("elu")
class _ELU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return if_negative(x, expm1(at_most(x, 0)) * p, x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(h, 1.0, h + p)


SELU_SCALE, SELU_ALPHA = 1.0507009873554805, 1.6732632423543772


@vector_form("selu")
class _SELU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return if_negative(x, expm1(at_most(x, 0)) * SELU_ALPHA, x) * SELU_SCALE

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(h, SELU_SCALE, h + SELU_SCALE * SELU_ALPHA)


@vector_form("celu")
class _CELU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return if_negative(x, expm1(at_most(x, 0) / p) * p, x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(h, 1.0, h / p + 1.0)


@vector_form("gelu", keeps_input=True)
class _GELU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return x * 0.5 * (erf(x * 0.7071067811865476) + 1.0)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        density = exp(a * a * -0.5) * 0.3989422804014327
        return fma(a, density, (erf(a * 0.7071067811865476) + 1.0) * 0.5)


@vector_form("silu", keeps_input=True)
class _SiLU(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return x * sigmoid(x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        s = sigmoid(a)
        return fma(h, 1.0 - s, s)


@vector_form("mish", keeps_input=True)
class _Mish(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        u = exp(at_most(x, 20))
        n = u * (u + 2)
        return x * (n / (n + 2))

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        u = exp(at_most(a, 20))
        n = u * (u + 2)
        r = n / (n + 2)
        return fma(a * (u / (u + 1.0)), 1.0 - r * r, r)


@vector_form("softplus")
class _Softplus(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return log1p_exp(x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return -expm1(-h)


@vector_form("softsign")
class _Softsign(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return x / (absolute(x) + 1.0)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        s = 1.0 - absolute(h)
        return s * s


@vector_form("hardtanh", keeps_input=True)
class _Hardtanh(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return at_most(at_least(x, -1), 1.0)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_negative(absolute(a) - 1.0, 1.0, 0)


@vector_form("relu6", keeps_input=True)
class _ReLU6(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return at_most(at_least(x, 0), 6)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return if_positive(a, if_negative(a - 6, 1.0, 0), 0)


@vector_form("sine", keeps_input=True)
class _Sine(_Form):
    @staticmethod
    def phi(x: Vector, p: Vector, q: Vector) -> Vector:
        return sin(x)

    @staticmethod
    def slope(a: Vector, h: Vector, p: Vector, q: Vector) -> Vector:
        return cos(a)
