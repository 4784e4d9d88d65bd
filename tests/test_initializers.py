"""Each initializer against the property its formula states.  Statistical bounds are five standard deviations wide."""

import math

import numpy as np
import pytest
import torch

from rnnlab.initializers import INITIALIZERS, Fan

WIDE = Fan(fan_in=200, fan_out=300, hidden_size=77)  # 60,000 draws


def draw(name, fan=WIDE, seed=0):
    return INITIALIZERS[name](np.random.default_rng(seed), fan)


def test_the_initializers_are_those_of_the_study():
    assert list(INITIALIZERS) == [
        "uniform",
        "uniform_hidden",
        "glorot_uniform",
        "orthogonal",
        "identity",
        "normal",
        "zeros",
    ]


@pytest.mark.parametrize("name", INITIALIZERS)
@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (5, 9)], ids=str)
def test_a_draw_is_a_finite_matrix_of_fan_in_by_fan_out(name, shape):
    matrix = draw(name, Fan(*shape, hidden_size=7))
    assert matrix.shape == shape
    assert matrix.dtype == np.float64
    assert np.isfinite(matrix).all()


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_same_generator_state_gives_the_same_draw(name):
    np.testing.assert_array_equal(draw(name, seed=3), draw(name, seed=3))


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"identity", "zeros"}))
def test_another_generator_state_gives_another_draw(name):
    assert (draw(name, seed=3) != draw(name, seed=4)).all()


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("uniform", 1 / math.sqrt(200)),
        ("uniform_hidden", 1 / math.sqrt(77)),
        ("glorot_uniform", math.sqrt(6 / 500)),
    ],
)
def test_uniform_draws_fill_their_interval_evenly(name, bound):
    matrix = draw(name)
    assert 0.999 * bound < matrix.max() <= bound
    assert -bound <= matrix.min() < -0.999 * bound
    assert abs(matrix.mean()) < 5 * bound / math.sqrt(3 * matrix.size)
    # the sample variance of n uniform numbers is off by sqrt(0.8 / n) of itself: 0.0037
    assert matrix.var() == pytest.approx(bound**2 / 3, rel=0.02)
    quarters, _ = np.histogram(matrix, bins=4, range=(-bound, bound))
    np.testing.assert_allclose(quarters, matrix.size / 4, atol=5 * math.sqrt(matrix.size * 3 / 16))


def test_uniform_and_uniform_hidden_have_the_bounds_of_torch():
    linear, rnn = torch.nn.Linear(200, 300), torch.nn.RNN(200, 77)
    assert linear.weight.abs().max().item() == pytest.approx(np.abs(draw("uniform")).max(), rel=2e-3)
    assert rnn.weight_ih_l0.abs().max().item() == pytest.approx(np.abs(draw("uniform_hidden")).max(), rel=2e-3)


def test_normal_draws_have_mean_0_and_variance_1():
    matrix = draw("normal")
    assert abs(matrix.mean()) < 5 / math.sqrt(matrix.size)
    assert matrix.var() == pytest.approx(1, rel=5 * math.sqrt(2 / matrix.size))
    assert (np.abs(matrix) < 1).mean() == pytest.approx(math.erf(math.sqrt(0.5)), abs=5 * 0.47 / math.sqrt(matrix.size))


@pytest.mark.parametrize("shape", [(40, 40), (60, 25), (25, 60), (1, 9), (9, 1)], ids=str)
def test_an_orthogonal_draw_has_orthonormal_rows_or_columns(shape):
    q = draw("orthogonal", Fan(*shape, hidden_size=shape[1]))
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-13)


def test_orthogonal_draws_are_uniform_over_the_group():
    """Under the uniform measure the trace has mean 0 and variance 1, and half of all determinants are -1.  Without the
    signs moved into Q both are off."""
    generator = np.random.default_rng(0)
    draws = [INITIALIZERS["orthogonal"](generator, Fan(4, 4, 4)) for _ in range(1000)]
    traces = np.array([np.trace(q) for q in draws])
    assert abs(traces.mean()) < 5 / math.sqrt(1000)
    assert traces.var() == pytest.approx(1, abs=0.25)  # the trace's fourth moment is 3: sd of the variance 0.045
    assert (np.linalg.det(draws) < 0).mean() == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(1000))


@pytest.mark.parametrize("shape", [(4, 4), (3, 5), (5, 3)], ids=str)
def test_identity_passes_its_input_on(shape):
    x = np.arange(1.0, shape[0] + 1)
    expected = np.zeros(shape[1])
    expected[: min(shape)] = x[: min(shape)]
    np.testing.assert_array_equal(x @ draw("identity", Fan(*shape, hidden_size=shape[1])), expected)


def test_zeros_are_zeros():
    assert not draw("zeros").any()
