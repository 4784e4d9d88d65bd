"""The portable functions against Python's decimal numbers of 50 digits, and against exact fractions."""

import math
from decimal import Decimal, localcontext
from fractions import Fraction

import numpy as np
import pytest

from rnnlab import portable

GENERATOR = np.random.default_rng(0)
DIGITS = 50


def taylor_sine(x, shift):
    """sin (shift 0) or cos (shift 1) of a fraction, by their series, to 1e-40; x must be small, up to some 100."""
    term, total, n = (Fraction(1), Fraction(0), 0) if shift else (x, Fraction(0), 1)
    while abs(term) > Fraction(1, 10**40):
        total += term
        term = -term * x * x / ((n + 1) * (n + 2))
        term = Fraction(round(term * 10**60), 10**60)  # else numerators grow without end
        n += 2
    return total


def relative_errors(found, true):
    return [abs(float((Decimal(float(f)) - t) / t)) for f, t in zip(found, true, strict=True)]


def test_exp_and_log_are_right_to_1e_15():
    x = np.concatenate([GENERATOR.uniform(-700, 700, 500), GENERATOR.normal(size=500), GENERATOR.normal(size=99) / 1e6])
    positive = np.concatenate([np.exp(x), 1 + GENERATOR.normal(size=500) / 100, [5e-324, 1e-310, 1.7e308, math.e]])
    with localcontext() as context:
        context.prec = DIGITS
        assert max(relative_errors(portable.exp(x), [Decimal(v).exp() for v in x.tolist()])) < 1e-15
        assert max(relative_errors(portable.log(positive), [Decimal(v).ln() for v in positive.tolist()])) < 1e-15
        assert float(Decimal(2).ln()) == portable.LOG_2


@pytest.mark.parametrize(("function", "shift"), [(portable.sin, 0), (portable.cos, 1)])
def test_sin_and_cos_are_right_to_3e_16(function, shift):
    x = np.concatenate(
        [GENERATOR.uniform(-100, 100, 300), GENERATOR.uniform(-1, 1, 100), np.arange(-20, 21) * np.pi / 4]
    )
    errors = [
        Fraction(f) - taylor_sine(Fraction(v), shift) for f, v in zip(function(x).tolist(), x.tolist(), strict=True)
    ]
    assert max(map(abs, errors)) < 3e-16


def test_sin_and_cos_of_large_angles_are_near_the_c_library_s():
    x = GENERATOR.uniform(-1e6, 1e6, 1000)
    for function, name in ((portable.sin, "sin"), (portable.cos, "cos")):
        expected = [getattr(math, name)(v) for v in x.tolist()]
        np.testing.assert_allclose(function(x), expected, rtol=0, atol=5e-16)
        larger = [getattr(math, name)(v) for v in (1e3 * x).tolist()]
        np.testing.assert_allclose(function(1e3 * x), larger, rtol=0, atol=1e-7)
        assert np.abs(function(np.array([1e20, 1e300, -1e300]))).max() <= 1


def test_values_that_are_known():
    assert portable.exp(0.0) == portable.cos(0.0) == 1
    assert portable.sin(0.0) == portable.log(1.0) == 0
    assert portable.log(2.0) == portable.LOG_2
    assert portable.cos(math.pi) == -1
    assert portable.sin(math.pi / 2) == 1


def test_exp_of_too_much_is_infinite_of_too_little_zero_and_of_nan_nan():
    np.testing.assert_array_equal(
        portable.exp(np.array([math.inf, 710, -math.inf, -746, math.nan])), [math.inf] * 2 + [0, 0, math.nan]
    )
    assert portable.exp(-745.0) == 5e-324
    assert 1.79e308 < portable.exp(709.78) < math.inf


@pytest.mark.parametrize("function", [portable.exp, portable.log, portable.sin, portable.cos])
def test_a_number_gives_the_number_that_an_array_gives(function):
    x = GENERATOR.uniform(0.1, 50, 40)
    alone = [function(value) for value in x.tolist()]
    assert all(isinstance(value, float) for value in alone)
    np.testing.assert_array_equal(function(x), alone)
    np.testing.assert_array_equal(function(x[::3]), alone[::3])


@pytest.mark.parametrize("base", [0.9, 0.999, 0.1, 0.0, 1.0])
@pytest.mark.parametrize("n", [0, 1, 2, 3, 10, 255, 1000])
def test_a_power_is_right_to_n_roundings(base, n):
    assert portable.power(base, n) == pytest.approx(float(Fraction(base) ** n), rel=1.2e-16 * max(n, 1))


def test_a_product_is_summed_from_the_first_to_the_last():
    a, b = GENERATOR.normal(size=(4, 30)), GENERATOR.normal(size=(30, 5))
    expected = np.zeros((4, 5))
    for i, j in np.ndindex(4, 5):
        for k in range(30):
            expected[i, j] += a[i, k] * b[k, j]
    np.testing.assert_array_equal(portable.product(a, b), expected)
    np.testing.assert_allclose(portable.product(a, b), a @ b, rtol=0, atol=1e-13)
    with pytest.raises(ValueError, match=r"shorter|longer"):
        portable.product(a, b[:-1])
