"""exp, log, tanh, erf and the like on vectors: polynomials of our own, with the same bits on every processor.

A mathematical library chooses its routine by the processor.  These do not; each states its largest error in float32,
which tests/nets/kernels/test_functions.py measures against double precision.  NaN stays NaN in all of them.
"""

from __future__ import annotations

from rnnlab.nets.kernels.vectors import (
    Vector,
    absolute,
    at_least,
    at_most,
    exponent_of,
    fma,
    if_negative,
    mantissa_of,
    nan_of,
    times_power_of_two,
)

ROUNDING = 12582912.0  # 1.5 * 2^23: added and taken away again, it rounds to a whole number


def exp(x: Vector) -> Vector:
    """e^x, relative error below 2e-7.  Below -87 it stays at 1.6e-38, above 88 at 1.7e38.

    e^x = 2^n e^r with |r| <= ln(2) / 2; the polynomial is that of Cephes (Moshier, 1989)."""
    c = at_least(at_most(x, 88.0), -87.0)
    shifted = fma(c, 1.44269504088896, ROUNDING)
    n = shifted - ROUNDING
    r = fma(n, -0.693359375, c)  # ln(2) in two parts
    r = fma(n, 2.12194440e-4, r)
    p = fma(r, 1.9875691500e-4, 1.3981999507e-3)
    p = fma(p, r, 8.3334519073e-3)
    p = fma(p, r, 4.1665795894e-2)
    p = fma(p, r, 1.6666665459e-1)
    p = fma(p, r, 5.0000001201e-1)
    p = fma(p, r * r, r) + 1.0
    return nan_of(x, times_power_of_two(p, shifted))


def log(x: Vector) -> Vector:
    """ln x of a normal x > 0, relative error below 2e-7; Cephes' polynomial.  log(0) is -87.3, log(inf) is inf."""
    m, n = mantissa_of(at_least(x, 1.17549435e-38)), exponent_of(at_least(x, 1.17549435e-38))
    upper = m - 1.41421356237
    r = if_negative(upper, m - 1, m * 0.5 - 1)
    n = if_negative(upper, n, n + 1)
    p = fma(r, 7.0376836292e-2, -1.1514610310e-1)
    p = fma(p, r, 1.1676998740e-1)
    p = fma(p, r, -1.2420140846e-1)
    p = fma(p, r, 1.4249322787e-1)
    p = fma(p, r, -1.6668057665e-1)
    p = fma(p, r, 2.0000714765e-1)
    p = fma(p, r, -2.4999993993e-1)
    p = fma(p, r, 3.3333331174e-1)
    square = r * r
    y = fma(n, -2.12194440e-4, p * r * square)
    y = fma(square, -0.5, y)
    y = fma(n, 0.693359375, r + y)
    return nan_of(x, if_negative(x * 0.5 - 3.4028235e38, y, x))


def tanh(x: Vector) -> Vector:
    """Absolute error below 3e-7, relative near 0.  A rational function (Eigen's generic_fast_tanh_float)."""
    c = at_least(at_most(x, 7.90531110763549805), -7.90531110763549805)
    s = c * c
    p = fma(s, -2.76076847742355e-16, 2.00018790482477e-13)
    p = fma(p, s, -8.60467152213735e-11)
    p = fma(p, s, 5.12229709037114e-08)
    p = fma(p, s, 1.48572235717979e-05)
    p = fma(p, s, 6.37261928875436e-04)
    p = fma(p, s, 4.89352455891786e-03)
    q = fma(s, 1.19825839466702e-06, 1.18534705686654e-04)
    q = fma(q, s, 2.26843463243900e-03)
    q = fma(q, s, 4.89352518554385e-03)
    return c * p / q


def sigmoid(x: Vector) -> Vector:
    """1 / (1 + e^-x), absolute error below 2e-7, relative error below 4e-7 from -87 up."""
    return 1 / (exp(-x) + 1)


def erf(x: Vector) -> Vector:
    """Absolute error below 4e-7.  A rational function (Eigen's generic_fast_erf_float)."""
    c = at_least(at_most(x, 4), -4)
    s = c * c
    p = fma(s, -2.72614225801306e-10, 2.77068142495902e-08)
    p = fma(p, s, -2.10102402082508e-06)
    p = fma(p, s, -5.69250639462346e-05)
    p = fma(p, s, -7.34990630326855e-04)
    p = fma(p, s, -2.95459980854025e-03)
    p = fma(p, s, -1.60960333262415e-02)
    q = fma(s, -1.45660718464996e-05, -2.13374055278905e-04)
    q = fma(q, s, -1.68282697438203e-03)
    q = fma(q, s, -7.37332916720468e-03)
    q = fma(q, s, -1.42647390514189e-02)
    return c * p / q


def expm1(x: Vector) -> Vector:
    """e^x - 1 for x <= 0, absolute error below 1e-7."""
    h = tanh(x * 0.5)  # (e^x - 1) / (e^x + 1), which is exact near 0
    return if_negative(x + 1, exp(x) - 1, 2 * h / (1 - h))


def log1p_exp(x: Vector) -> Vector:
    """ln(1 + e^x), absolute error below 3e-7 times the larger of 1 and x.

    max(x, 0) + ln(1 + z) with z = e^-|x|, and ln(1 + z) = 2 artanh(z / (2 + z)) as a series."""
    z = exp(-absolute(x))
    s = z / (z + 2)
    q = s * s
    p = fma(q, 2 / 15, 2 / 13)
    p = fma(p, q, 2 / 11)
    p = fma(p, q, 2 / 9)
    p = fma(p, q, 2 / 7)
    p = fma(p, q, 2 / 5)
    p = fma(p, q, 2 / 3)
    p = fma(p, q, 2)
    return fma(p, s, at_least(x, 0))


def _turns(x: Vector) -> Vector:
    """The whole number n nearest to x / pi."""
    return fma(x, 0.3183098861837907, ROUNDING) - ROUNDING


def _remainder(x: Vector, n: Vector) -> Vector:
    """x - n pi, which is from -pi / 2 to pi / 2; pi in three parts."""
    r = fma(n, -3.140625, x)
    r = fma(n, -9.67502593994140625e-4, r)
    r = fma(n, -1.509957990978376432e-7, r)
    return at_least(at_most(r, 1.5707964), -1.5707964)


def _sign(n: Vector) -> Vector:
    """(-1)^n"""
    half = n * 0.5
    odd = half - ((half + ROUNDING) - ROUNDING)  # 0, or 1/2 or -1/2 of an odd n
    return fma(odd * odd, -8, 1)


def _sin_of_reduced(r: Vector) -> Vector:
    q = r * r
    p = fma(q, 2.6083159809786593e-06, -1.981069071916863e-4)
    p = fma(p, q, 8.33307858556509e-3)
    p = fma(p, q, -1.6666659712791443e-1)
    return fma(r * q, p, r)


def sin(x: Vector) -> Vector:
    """Absolute error below 2e-7 up to |x| = 1e4; beyond, a number from -1 to 1."""
    n = _turns(x)
    return _sign(n) * _sin_of_reduced(_remainder(x, n))


def cos(x: Vector) -> Vector:
    """As sin; cos r = 1 - 2 sin^2(r / 2)."""
    n = _turns(x)
    s = _sin_of_reduced(_remainder(x, n) * 0.5)
    return _sign(n) * fma(s * s, -2, 1)
