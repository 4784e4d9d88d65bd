"""Activations in vector form.

`p` and `q` are the parameters of the activation, in the order of its fields; what has none ignores them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rnnlab.nets.kernels.functions import cos, erf, exp, expm1, log1p_exp, sigmoid, sin, tanh
from rnnlab.nets.kernels.vectors import Formula, Vector, absolute, at_least, at_most, fma, if_negative, if_positive
from rnnlab.registry import Registry


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


FORMS: Registry[VectorForm] = Registry("a vector form")


def vector_form(name: str, *, keeps_input: bool = False) -> Callable[[type[_Form]], type[_Form]]:
    """Register phi and slope, two functions in the body of a class, as the vector form of the activation `name`."""

    def enter(cls: type[_Form]) -> type[_Form]:
        FORMS.add(name, VectorForm(cls.phi, cls.slope, keeps_input))
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


NUMBERS = {name: n for n, name in enumerate(FORMS)}  # by which a kernel chooses a form
