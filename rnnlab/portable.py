"""Functions whose results have the same bits on every x86-64 processor.

The functions of numpy, of the C library and of BLAS choose their code by the processor, and their last bits differ.
The functions here use only what IEEE 754 defines to the last bit: +, -, *, /, whole-number powers of two and rounding
to a whole number, in a fixed order.  Elementary functions take floats or float64 arrays.

The method is Cody, Waite, Software manual for the elementary functions (1980): the argument is reduced to a short
interval, where the function is a polynomial.
"""

from __future__ import annotations

import math
from typing import TypeVar

import numpy as np

Number = TypeVar("Number", float, np.ndarray)

LOG_2 = 0.6931471805599453  # the double next to log 2

# Constants in parts with the last bits zero, so that a whole number of up to 20 bits times a part is exact.
_LOG_2_PARTS = (float.fromhex("0x1.62e42fee00000p-1"), float.fromhex("0x1.a39ef35793c76p-33"))
_HALF_PI_PARTS = (
    float.fromhex("0x1.921fb54400000p+0"),
    float.fromhex("0x1.0b4611a600000p-34"),
    float.fromhex("0x1.3198a2e037073p-69"),
)

# Coefficients of the Taylor series, the highest power first; the next term is below 1e-17 of the sum.
_EXP = [1 / math.factorial(n) for n in range(14, -1, -1)]
_SIN = [(-1) ** n / math.factorial(2 * n + 1) for n in range(8, -1, -1)]  # of sin(r) / r, in r^2
_COS = [(-1) ** n / math.factorial(2 * n) for n in range(8, -1, -1)]  # of cos(r), in r^2
_LOG = [1 / (2 * n + 1) for n in range(11, 0, -1)]  # of (artanh(s) / s - 1) / s^2, in s^2

_LARGE = 1e6  # angles up to here are reduced to full precision
_GREATEST_EXPONENT = 800.0  # exp of more is inf, of less than its negative 0


def exp(x: Number) -> Number:
    """e^x to a relative error of 1e-15; inf where it is too large for a double, NaN for NaN."""
    bounded = np.clip(x, -_GREATEST_EXPONENT, _GREATEST_EXPONENT)
    k = np.rint(bounded / LOG_2)
    r = (bounded - k * _LOG_2_PARTS[0]) - k * _LOG_2_PARTS[1]
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(_polynomial(_EXP, r), np.nan_to_num(k).astype(np.int32))


def log(x: Number) -> Number:
    """The natural logarithm of finite numbers above 0, to a relative error of 1e-15."""
    fraction, exponent = np.frexp(x)  # x = fraction * 2^exponent, with a fraction in [1/2, 1)
    is_small = fraction < math.sqrt(0.5)
    mantissa, exponent = np.where(is_small, 2 * fraction, fraction), exponent - is_small
    s = (mantissa - 1) / (mantissa + 1)  # log m = 2 artanh s
    square = s * s
    tail = 2 * s * square * _polynomial(_LOG, square)
    return exponent * _LOG_2_PARTS[0] + (2 * s + (tail + exponent * _LOG_2_PARTS[1]))


def sin(x: Number) -> Number:
    """The sine of finite numbers, to an absolute error of 3e-16 for |x| up to a million.

    Of a larger x the multiple of the double next to 2 pi is taken away first, and the error is near 4e-17 |x|."""
    return _sine_of_quarter_turns(x, 0)


def cos(x: Number) -> Number:
    """The cosine, with the errors of `sin`."""
    return _sine_of_quarter_turns(x, 1)


def _sine_of_quarter_turns(x: Number, ahead: int) -> Number:
    """sin(x + ahead * pi / 2)"""
    angle = np.where(np.abs(x) > _LARGE, np.fmod(x, 2 * math.pi), x)  # fmod is exact
    k = np.rint(angle / (math.pi / 2))
    r = ((angle - k * _HALF_PI_PARTS[0]) - k * _HALF_PI_PARTS[1]) - k * _HALF_PI_PARTS[2]
    square = r * r
    quarter = (k.astype(np.int64) + ahead) % 4
    is_odd = quarter % 2
    value = (1 - is_odd) * r * _polynomial(_SIN, square) + is_odd * _polynomial(_COS, square)
    return (1 - quarter // 2 * 2) * value


def power(base: float, n: int) -> float:
    """base^n for a whole number n >= 0, by squaring, to a relative error near n * 1e-16."""
    result = 1.0
    while n:
        if n % 2:
            result *= base
        base, n = base * base, n // 2
    return result


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """The matrix product (M, K), (K, N) -> (M, N), summed over K from the first to the last."""
    result = np.zeros((a.shape[0], b.shape[1]))
    for column, row in zip(a.T, b, strict=True):
        result += column[:, None] * row
    return result


def _polynomial(coefficients: list[float], x: Number) -> Number:
    """Horner's scheme.  coefficients: the highest power first."""
    value = coefficients[0] * x + coefficients[1]
    for coefficient in coefficients[2:]:
        value = value * x + coefficient
    return value
