"""Spectral radius, singular value and Lyapunov exponents of the lanes of a pack, against known matrices."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends import LaneRecipe, Recipe, make
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.tasks import Split
from rnnlab.training import dynamics
from rnnlab.training.batches import Pool
from rnnlab.training.loop import train

H, T, N = 5, 120, 4
PLAIN = Architecture(RnnCell, 2, H, 1, 1, True, True, seq_len=T, answers="last")
every_backend = pytest.mark.parametrize("backend", ["compiled", "torch"])


def backend_with(architecture, activations, weights, name="compiled"):
    recipe = Recipe(architecture, "mse", "linear", "sgd", n_steps=0, batch_size=N, chunk=N)
    lanes = [LaneRecipe(make_activation(a), OPTIMIZERS["sgd"].Options()) for a in activations]
    made = make(name, recipe, lanes, "cpu")
    made.set_weights(weights.astype(np.float32))
    return made


def linear(W, name="compiled"):
    """A linear network with these recurrent weights, and zero else."""
    a = replace(PLAIN, hidden_size=len(W))
    row = np.zeros((1, a.n_parameters), np.float32)
    start, (rows, columns) = a.places()["layer0.weight_hh"]
    row[0, start : start + rows * columns] = W.ravel()
    return backend_with(a, ["identity"], row, name)


def pool(architecture, seeds):
    """Each lane has its own sequences."""
    shape = (N, architecture.seq_len, architecture.input_size)
    drawn = [np.random.default_rng(seed).normal(size=shape).astype(np.float32) for seed in seeds]
    return Pool([Split(inputs, np.zeros((N, 1), np.float32)) for inputs in drawn])


def directions(n_lanes):
    return [np.random.default_rng(lane) for lane in range(n_lanes)]


@every_backend
def test_exponents_are_named_by_number_and_layer_and_are_those_of_known_eigenvalues(backend):
    network = linear(np.diag([0.5, 1.2, 0.1, -0.8, 0.2]), backend)
    (found,) = dynamics.lyapunov_exponents(network, pool(PLAIN, [1]), directions(1))
    assert list(found) == ["lyapunov_1_layer0", "lyapunov_2_layer0", "lyapunov_3_layer0"]
    # The directions come as near to the eigenvectors as (0.8 / 1.2)^30 in the 30 steps that do not count.
    np.testing.assert_allclose(list(found.values()), np.log([1.2, 0.8, 0.5]), atol=1e-5)


@every_backend
def test_a_narrow_layer_has_only_as_many_exponents_as_units(backend):
    network = linear(np.diag([0.5, 0.25]), backend)
    (found,) = dynamics.lyapunov_exponents(network, pool(PLAIN, [1]), directions(1))
    assert list(found) == ["lyapunov_1_layer0", "lyapunov_2_layer0"]


@every_backend
def test_if_all_units_of_relu_are_off_every_change_dies_at_once(backend):
    row = np.zeros((1, PLAIN.n_parameters))
    places = PLAIN.places()
    row[0, places["layer0.weight_hh"][0] :][: H * H] = np.eye(H).ravel()
    row[0, places["layer0.bias"][0] :][:H] = -1
    network = backend_with(PLAIN, ["relu"], row, backend)
    (found,) = dynamics.lyapunov_exponents(network, Pool([Split(*_zeros(PLAIN))]), directions(1))
    assert set(found.values()) == {-math.inf}


@every_backend
def test_a_direction_without_a_dimension_left_dies_and_the_others_live(backend):
    """Two units of relu are on, with eigenvalues 0.5 and 0.9, and read 30 others that are off.  Rounding errors do not
    count as a third dimension."""
    n = 32
    a, W = replace(PLAIN, hidden_size=n), np.zeros((n, n))
    W[:2, :2] = [[0.5, 0.4], [0.0, 0.9]]
    W[2:, :2] = np.random.default_rng(0).normal(size=(n - 2, 2))
    row = np.zeros((1, a.n_parameters))
    row[0, a.places()["layer0.weight_hh"][0] :][: n * n] = W.ravel()
    row[0, a.places()["layer0.bias"][0] :][:n] = np.where(np.arange(n) < 2, 1.0, -1.0)
    network = backend_with(a, ["relu"], row, backend)
    (found,) = dynamics.lyapunov_exponents(network, Pool([Split(*_zeros(a))]), directions(1))
    first, second, third = found.values()
    np.testing.assert_allclose([first, second], np.log([0.9, 0.5]), atol=1e-5)
    assert third == -math.inf


def _zeros(architecture):
    """Sequences of zeros, and what should be answered."""
    return np.zeros((N, architecture.seq_len, architecture.input_size), np.float32), np.zeros((N, 1), np.float32)


@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell, OriginalGruCell], ids=lambda cell: cell.name)
def test_a_lane_has_the_same_exponents_alone_and_in_any_pack(cell, reference):
    names = ["tanh", "relu", "silu", "tanh", "sigmoid"]
    a = replace(PLAIN, cell=cell, num_layers=2, seq_len=30)
    network = backend_with(a, names, reference.random_weights(a, 5))
    together = dynamics.lyapunov_exponents(network, pool(a, range(5)), directions(5))
    for lane in range(5):
        alone = network.select([lane])
        found = dynamics.lyapunov_exponents(alone, pool(a, [lane]), [directions(5)[lane]])
        assert repr(found) == repr([together[lane]]), names[lane]


def candidate_weights(network, cell):
    """The block of W_hh of the candidate: the last one of LSTM (i, f, o, n) and GRU (r, z, n)."""
    name = "layer0.weight_hn" if cell is OriginalGruCell else "layer0.weight_hh"
    start, (rows, columns) = network.recipe.architecture.places()[name]
    return network.weights()[0, start : start + rows * columns].reshape(rows, columns)[:, -H:]


@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell, OriginalGruCell], ids=lambda cell: cell.name)
def test_spectral_radius_and_singular_value_are_the_candidate_block_s(cell, reference):
    a = replace(PLAIN, cell=cell)
    network = backend_with(a, ["tanh", "tanh"], reference.random_weights(a, 2))
    W = candidate_weights(network, cell)
    found, _ = dynamics.of_weights(network)
    by_polynomial = np.abs(np.roots(np.poly(W))).max()
    by_decomposition = np.linalg.svd(W, compute_uv=False)[0]
    assert found["spectral_radius_layer0"] == pytest.approx(by_polynomial, rel=1e-5)  # six digits are kept
    assert found["largest_singular_value_layer0"] == pytest.approx(by_decomposition, rel=1e-5)
    assert list(found) == ["spectral_radius_layer0", "largest_singular_value_layer0"]


def test_a_shear_stretches_further_than_its_eigenvalues_say():
    (found,) = dynamics.of_weights(linear(np.array([[1.0, 3.0], [0.0, 1.0]])))
    assert found["spectral_radius_layer0"] == pytest.approx(1)
    assert found["largest_singular_value_layer0"] == pytest.approx((3 + math.sqrt(13)) / 2, rel=1e-5)


def test_weights_that_are_not_finite_have_no_spectral_radius():
    (found,) = dynamics.of_weights(linear(np.array([[math.inf, 0.0], [0.0, 1.0]])))
    assert all(math.isnan(value) for value in found.values())


@pytest.mark.parametrize(
    ("matrix", "radius", "singular_value"),
    [
        (np.zeros((3, 3)), 0, 0),
        (np.array([[0.0, 2.0], [-2.0, 0.0]]), 2, 2),
        (np.array([[0.0, 7.0], [0.0, 0.0]]), 0, 7),
        (np.array([[1e20, 0.0], [0.0, 1.0]]), 1e20, 1e20),
        (np.array([[math.nan, 0.0], [0.0, 1.0]]), math.nan, math.nan),
        (np.array([[-math.inf]]), math.nan, math.nan),
    ],
    ids=["zeros", "rotation", "nilpotent", "large", "nan", "inf"],
)
def test_what_a_known_matrix_does_to_a_vector(matrix, radius, singular_value):
    found = dynamics.stretches(matrix.astype(np.float32))
    assert found == pytest.approx((radius, singular_value), rel=1e-6, abs=1e-12, nan_ok=True)


def test_a_cell_without_recurrence_has_none(reference):
    a = replace(PLAIN, cell=MemorylessCell)
    assert dynamics.of_weights(backend_with(a, ["tanh", "tanh"], reference.random_weights(a, 2))) == [{}, {}]


def test_a_record_has_the_dynamics_before_and_after_training(run_config):
    (result,) = train([run_config("adding", init__recurrent="identity", init__recurrent_scale=0.5)])
    assert result.metrics["initial_spectral_radius_layer0"] == 0.5
    assert result.metrics["initial_largest_singular_value_layer0"] == 0.5
    assert result.metrics["spectral_radius_layer0"] != 0.5
    assert all(result.metrics[f"lyapunov_{k}_layer0"] < 0 for k in (1, 2, 3))
