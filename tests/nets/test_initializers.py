"""Each initializer against the property its formula states.  Statistical bounds are five standard deviations wide."""

import math

import numpy as np
import pytest
import torch

from rnnlab.nets import initializers
from rnnlab.nets.initializers import INITIALIZERS, Fan, initializers_of, register
from rnnlab.testing import check_initializer

WIDE = Fan(fan_in=200, fan_out=300, hidden_size=77, seq_len=20)  # 60,000 draws
SQUARE = Fan(fan_in=150, fan_out=150, hidden_size=150, seq_len=20)
SQUARE_ONLY = {"np_rnn", "sparse"}
PRECISION = 2**-24 + 1e-12  # of an eigenvalue that is rounded to float32 before a matrix is divided by it
LSTM = ("input", "forget", "candidate", "output")


def draw(name, fan=None, seed=0):
    fan = fan or (SQUARE if name in SQUARE_ONLY else WIDE)
    return INITIALIZERS[name](np.random.default_rng(seed), fan)


def spectral_radius(matrix):
    return np.abs(np.linalg.eigvals(matrix)).max()


def test_the_initializers_of_the_studies_are_there():
    assert set(INITIALIZERS) >= {
        *("uniform", "uniform_hidden", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal"),
        *("orthogonal", "identity", "np_rnn", "np_rnn_input", "sparse", "normal", "zeros", "chrono"),
    }


@pytest.mark.parametrize("name", INITIALIZERS)
def test_the_contract_of_initializers_holds(name):
    check_initializer(name)


@pytest.mark.parametrize("name", sorted(set(INITIALIZERS) - {"identity", "zeros", "sparse", "chrono"}))
def test_another_generator_state_gives_another_draw(name):
    assert (draw(name, seed=3) != draw(name, seed=4)).mean() > 0.5


def test_roles_are_offered_what_fits_them():
    anywhere = set(INITIALIZERS) - SQUARE_ONLY - {"chrono"}
    assert set(initializers_of("input")) == set(initializers_of("readout")) == anywhere
    assert set(initializers_of("embedding")) == anywhere
    assert set(initializers_of("recurrent")) == anywhere | SQUARE_ONLY
    assert set(initializers_of("bias")) == anywhere | {"chrono"}


def test_a_name_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="an initializer named 'zeros' is registered already"):

        @register("zeros")
        def another(generator, fan):
            return np.zeros(fan.shape)


# Gates


@pytest.mark.parametrize("name", INITIALIZERS)
def test_what_has_no_gates_is_drawn_as_by_the_initializer_alone(name):
    whole = initializers.draw(name, np.random.default_rng(5), SQUARE)
    np.testing.assert_array_equal(whole, draw(name, SQUARE, seed=5))


def test_chrono_biases_forget_after_1_to_t_minus_1_steps():
    fan = Fan(1, 4000, hidden_size=4000, gates=LSTM, seq_len=101)
    of_input, of_forget, candidate, of_output = initializers.draw("chrono", np.random.default_rng(0), fan).reshape(
        4, -1
    )
    np.testing.assert_array_equal(of_input, -of_forget)
    assert not candidate.any()
    assert not of_output.any()
    times = np.exp(of_forget)  # U(1, 100), of mean 50.5 and standard deviation 99 / sqrt(12)
    assert 1 <= times.min() < 1.2
    assert 99.8 < times.max() <= 100
    assert times.mean() == pytest.approx(50.5, abs=5 * 99 / math.sqrt(12 * 4000))


def test_chrono_keeps_a_gru_by_its_update_gate_and_leaves_what_has_no_gates_at_zero():
    fan = Fan(1, 50, hidden_size=50, gates=("reset", "update", "candidate"), seq_len=30)
    reset, update, candidate = initializers.draw("chrono", np.random.default_rng(0), fan).reshape(3, -1)
    assert not reset.any()
    assert not candidate.any()
    assert 0 <= update.min() < update.max() <= math.log(29)
    assert not draw("chrono").any()
    assert not initializers.draw("chrono", np.random.default_rng(0), Fan(1, 5, 5, LSTM, seq_len=1)).any()


def test_chrono_without_a_length_is_an_error():
    with pytest.raises(ValueError, match="seq_len"):
        draw("chrono", Fan(1, 5, 5, LSTM))


# The property each formula states


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        ("uniform", 1 / math.sqrt(200)),
        ("uniform_hidden", 1 / math.sqrt(77)),
        ("glorot_uniform", math.sqrt(6 / 500)),
        ("he_uniform", math.sqrt(6 / 200)),
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


@pytest.mark.parametrize(
    ("name", "variance"),
    [
        ("normal", 1),
        ("glorot_normal", 2 / 500),
        ("he_normal", 2 / 200),
        ("lecun_normal", 1 / 200),
        ("np_rnn_input", 2 * math.exp(2.4 / (77 - 2.4)) / 77),
    ],
)
def test_normal_draws_have_mean_0_and_the_stated_variance(name, variance):
    matrix = draw(name) / math.sqrt(variance)
    assert abs(matrix.mean()) < 5 / math.sqrt(matrix.size)
    assert matrix.var() == pytest.approx(1, rel=5 * math.sqrt(2 / matrix.size))
    assert (np.abs(matrix) < 1).mean() == pytest.approx(math.erf(math.sqrt(0.5)), abs=5 * 0.47 / math.sqrt(matrix.size))


@pytest.mark.parametrize("shape", [(40, 40), (60, 25), (25, 60), (1, 9), (9, 1)], ids=str)
def test_an_orthogonal_draw_has_orthonormal_rows_or_columns(shape):
    q = draw("orthogonal", Fan(*shape, hidden_size=shape[1]))
    gram = q.T @ q if shape[0] >= shape[1] else q @ q.T
    np.testing.assert_allclose(gram, np.eye(min(shape)), atol=1e-13)


def test_an_orthogonal_draw_is_q_of_a_qr_decomposition_whose_r_has_a_positive_diagonal():
    normal = np.random.default_rng(7).normal(size=(25, 60)).astype(np.float32).astype(np.float64)
    q, r = np.linalg.qr(normal.T)
    found = INITIALIZERS["orthogonal"](np.random.default_rng(7), Fan(60, 25, 25))
    np.testing.assert_allclose(found, q * np.sign(np.diag(r)), atol=1e-13)


def test_an_orthogonal_draw_from_a_nearly_singular_matrix_is_orthonormal_too():
    class Stuck:
        """A generator whose rows are nearly the same."""

        def normal(self, size):
            return 1 + 1e-5 * np.random.default_rng(0).normal(size=size)

    q = INITIALIZERS["orthogonal"](Stuck(), Fan(30, 30, 30))
    np.testing.assert_allclose(q @ q.T, np.eye(30), atol=1e-13)


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


def test_the_factor_of_np_rnn_input_stays_finite_for_a_few_units():
    few = draw("np_rnn_input", Fan(30000, 2, hidden_size=2))
    assert few.std() == pytest.approx(math.sqrt(2) * math.exp(1.2 / 3.6) / math.sqrt(2), rel=5 / math.sqrt(2 * 60000))


def test_np_rnn_is_symmetric_positive_definite_with_largest_eigenvalue_1():
    matrix = draw("np_rnn")
    np.testing.assert_array_equal(matrix, matrix.T)
    eigenvalues = np.linalg.eigvals(matrix)
    assert eigenvalues.min() > 0
    assert eigenvalues.max() == pytest.approx(1, abs=PRECISION)
    # A has the eigenvalues of a Wishart matrix, 0 to 4 (Marchenko, Pastur): the smallest of A + I is near 1, of 5
    assert eigenvalues.min() == pytest.approx(1 / 5, abs=0.02)


@pytest.mark.parametrize("n", [1, 5, 15, 16, 150])
def test_sparse_has_15_weights_into_every_unit_and_spectral_radius_1(n):
    matrix = draw("sparse", Fan(n, n, hidden_size=n))
    assert (np.count_nonzero(matrix, axis=0) == min(n, 15)).all()
    assert spectral_radius(matrix) == pytest.approx(1, abs=PRECISION)


def test_the_places_of_sparse_weights_are_even():
    counts = np.zeros(30)
    generator = np.random.default_rng(0)
    for _ in range(200):
        counts += np.count_nonzero(INITIALIZERS["sparse"](generator, Fan(30, 30, 30)), axis=1)
    # 6000 columns, each with a weight in a given row with probability 1/2
    np.testing.assert_allclose(counts, 3000, atol=5 * math.sqrt(6000) / 2)


def test_the_spectral_radius_of_a_gaussian_is_near_its_gain():
    """It goes to the gain as N grows; at N = 400 it is off by some 5 %."""
    matrix = 1.5 * draw("lecun_normal", Fan(400, 400, hidden_size=400))
    assert spectral_radius(matrix) == pytest.approx(1.5, rel=0.1)
