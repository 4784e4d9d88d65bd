"""Spectral radius, singular value and Lyapunov exponents against known matrices and a slow computation.

The slow computation takes the Jacobians of the papers' formulas by automatic differentiation, whole matrices, and
numpy's QR: it shares nothing with the lab's reverse step and Gram-Schmidt.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture, Network
from rnnlab.tasks import Split
from rnnlab.training import dynamics
from rnnlab.training.batches import Pool
from rnnlab.training.loop import train

H, T, N = 5, 120, 4
PLAIN = Architecture(RnnCell, 2, H, 1, 1, True, True, seq_len=T, answers="last")
ROUNDING = 1e-9  # float64: a hundred steps of a few products each


def directions(n_lanes):
    return [np.random.default_rng(lane) for lane in range(n_lanes)]


def sequences(architecture, n=N, seed=1):
    shape = (n, architecture.seq_len, architecture.input_size)
    return np.random.default_rng(seed).normal(size=shape)


def exponents(network, inputs, layer=0):
    """The exponents (R, K), on the same sequences for every lane."""
    targets = np.zeros((len(inputs), 1))
    pool = Pool([Split(inputs, targets)] * network.width, network.flat)
    found = dynamics.lyapunov_exponents(network, pool, directions(network.width))
    K = min(3, network.architecture.hidden_size)
    return torch.stack([found[f"lyapunov_{k + 1}_layer{layer}"] for k in range(K)], dim=1).numpy()


def jacobians(network, lane, layer, inputs, reference, activation="tanh"):
    """ds[t]/ds[t-1] along every trajectory, (N, T, S, S), S all states of a unit side by side."""
    a = network.architecture
    weights = {name: w.detach() for name, w in reference.lane_weights(network, lane).items()}
    x = torch.from_numpy(inputs).transpose(0, 1)
    _, states = reference.passed_forward(weights, x, activation, cell=a.cell)
    cell = a.cell(reference.Written(activation), reference.Written("sigmoid"))
    read = torch.stack([state[0] for state in states[layer - 1]]) if layer else x
    own = {key[7:]: w for key, w in weights.items() if key.startswith(f"layer{layer}.")}
    before = [torch.cat(state, dim=-1) for state in states[layer]]
    before = torch.stack([torch.zeros_like(before[0]), *before[:-1]])

    def step(state, x_t):
        share = x_t @ own["weight_ih"]
        n_columns = own["bias"].shape[-1]
        pre = torch.nn.functional.pad(share, (0, n_columns - share.shape[-1])) + own["bias"][0]
        parts = state[None].split(a.hidden_size, dim=-1)
        return torch.cat(cell.step(pre[None], parts, own)[0], dim=-1)[0]

    found = torch.func.vmap(torch.func.jacrev(step))(before.flatten(0, 1), read.flatten(0, 1))
    return found.unflatten(0, (a.seq_len, len(inputs))).transpose(0, 1).numpy()


def slow_exponents(products, first):
    """Mean logarithms of R's diagonal as Q is carried through the products in their order, a quarter left out.

    products (T, S, S), each applied from the left; first (S, K).  What rounding leaves of a column is zero."""
    Q, logs = np.linalg.qr(first)[0], []
    for product in products:
        pushed = product @ Q
        Q, upper = np.linalg.qr(pushed)
        lengths = np.abs(np.diag(upper))
        with np.errstate(divide="ignore"):
            logs.append(np.log(np.where(lengths > 1e-13 * np.linalg.norm(pushed, axis=0), lengths, 0)))
    return np.mean(logs[math.ceil(len(products) / 4) :], axis=0)


def backward_exponents(network, lane, layer, inputs, reference, activation="tanh"):
    """The exponents in the order of dynamics.py, with the same initial directions."""
    J = jacobians(network, lane, layer, inputs, reference, activation)
    generator = directions(lane + 1)[lane]
    K = min(3, network.architecture.hidden_size)
    for _ in range(layer + 1):
        first = generator.normal(size=(len(J), K, J.shape[-1]))
    found = [slow_exponents(j[::-1].transpose(0, 2, 1), q.T) for j, q in zip(J, first, strict=True)]
    return np.mean(found, axis=0)


def linear_network(W, dtype=torch.float64):
    network = Network(replace(PLAIN, hidden_size=len(W)), [make_activation("identity")], dtype=dtype)
    network.set_weight(0, "layer0.weight_hh", W)
    return network


def rotation(scale, *angles):
    W = np.zeros((2 * len(angles),) * 2)
    for n, angle in enumerate(angles):
        block = [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]]
        W[2 * n : 2 * n + 2, 2 * n : 2 * n + 2] = scale * np.array(block)
    return W


TRIANGULAR = np.diag([0.3, -1.2, 0.8, 0.5, 0.1]) + np.triu(0.4 * np.ones((5, 5)), k=1)
LINEAR = {
    "diagonal": (np.diag([0.5, 1.2, 0.1, -0.8, 0.2]), (1.2, 0.8, 0.5)),
    "rotation": (rotation(0.9, 0.3, 1.1), (0.9, 0.9, 0.9)),
    "triangular": (TRIANGULAR, (1.2, 0.8, 0.5)),
}


@pytest.mark.parametrize("kind", LINEAR)
def test_exponents_of_a_linear_network_are_the_logarithms_of_its_eigenvalues(kind):
    W, largest = LINEAR[kind]
    found = exponents(linear_network(W), sequences(PLAIN))[0]
    # The directions come as near to the eigenvectors as (0.8 / 1.2)^30 in the 30 steps that do not count.
    np.testing.assert_allclose(found, np.log(largest), atol=1e-6)


@pytest.mark.parametrize(
    ("cell", "activation"),
    [(RnnCell, "tanh"), (RnnCell, "relu"), (LstmCell, "tanh"), (GruCell, "tanh"), (OriginalGruCell, "tanh")],
)
def test_exponents_are_those_of_the_jacobians_orthonormalised_by_numpy(cell, activation, reference):
    architecture = replace(PLAIN, cell=cell, seq_len=40)
    network = reference.random_network(architecture, ["tanh", activation])
    inputs = sequences(architecture)
    naive = backward_exponents(network, 1, 0, inputs, reference, activation)
    np.testing.assert_allclose(exponents(network, inputs)[1], naive, rtol=ROUNDING)


@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell])
def test_forward_in_time_the_exponents_are_nearly_the_same(cell, reference):
    architecture = replace(PLAIN, cell=cell, seq_len=200)
    network = reference.random_network(architecture, ["tanh", "tanh"])
    inputs = sequences(architecture)
    J = jacobians(network, 0, 0, inputs, reference)
    first = np.random.default_rng(9).normal(size=(J.shape[-1], 3))
    forward = np.mean([slow_exponents(j, first) for j in J], axis=0)
    # The quarter that does not count is at the other end: 150 terms, which scatter by some tenths.
    np.testing.assert_allclose(exponents(network, inputs)[0], forward, atol=0.05)


def test_only_the_last_200_steps_count(reference):
    architecture = replace(PLAIN, seq_len=230)
    network = reference.random_network(architecture, ["tanh", "tanh"])
    inputs = sequences(architecture)
    J = jacobians(network, 0, 0, inputs, reference)[:, -200:]
    first = directions(1)[0].normal(size=(N, 3, H))
    naive = [slow_exponents(j[::-1].transpose(0, 2, 1), q.T) for j, q in zip(J, first, strict=True)]
    np.testing.assert_allclose(exponents(network, inputs)[0], np.mean(naive, axis=0), rtol=ROUNDING)


def test_every_layer_has_the_exponents_of_its_own_recurrence(reference):
    architecture = replace(PLAIN, cell=LstmCell, num_layers=2, seq_len=40)
    network = reference.random_network(architecture, ["tanh", "tanh"])
    inputs = sequences(architecture)
    for layer in range(2):
        naive = backward_exponents(network, 0, layer, inputs, reference)
        np.testing.assert_allclose(exponents(network, inputs, layer)[0], naive, rtol=ROUNDING)


def test_a_narrow_layer_has_only_as_many_exponents_as_units():
    network = linear_network(np.diag([0.5, 0.25]))
    pool = Pool([Split(sequences(PLAIN), np.zeros((N, 1)))], network.flat)
    assert list(dynamics.lyapunov_exponents(network, pool, directions(1))) == [
        "lyapunov_1_layer0",
        "lyapunov_2_layer0",
    ]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_if_all_units_of_relu_are_off_every_change_dies_at_once(dtype):
    network = Network(PLAIN, [make_activation("relu")], dtype=dtype)
    network.set_weight(0, "layer0.weight_hh", np.eye(H))
    network.set_weight(0, "layer0.bias", np.full((1, H), -1.0))
    assert (exponents(network, sequences(PLAIN)) == -math.inf).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_direction_without_a_dimension_left_dies_and_the_others_live(dtype):
    """Two units of relu are on, with eigenvalues 0.5 and 0.9, and read 30 others that are off.  Rounding errors do not
    count as a third dimension."""
    n = 32
    network = Network(replace(PLAIN, hidden_size=n), [make_activation("relu")], dtype=dtype)
    W = np.zeros((n, n))
    W[:2, :2] = [[0.5, 0.4], [0.0, 0.9]]
    W[2:, :2] = np.random.default_rng(0).normal(size=(n - 2, 2))
    network.set_weight(0, "layer0.weight_hh", W)
    network.set_weight(0, "layer0.bias", np.where(np.arange(n) < 2, 1.0, -1.0)[None])
    found = exponents(network, np.zeros((N, T, 2)))[0]
    np.testing.assert_allclose(found[:2], np.log([0.9, 0.5]), atol=1e-5)
    assert found[2] == -math.inf


def test_a_lane_has_the_same_exponents_alone_and_in_any_pack():
    names = ["tanh", "relu", "silu", "tanh", "sigmoid"]
    for cell in (RnnCell, LstmCell, GruCell):
        architecture = replace(PLAIN, cell=cell, num_layers=2, seq_len=30)
        network = Network(architecture, [make_activation(name) for name in names])
        generator = np.random.default_rng(0)
        network.flat.copy_(torch.from_numpy(0.3 * generator.normal(size=network.flat.shape)))
        data = [
            Split(sequences(architecture, seed=lane).astype(np.float32), np.zeros((N, 1), np.float32))
            for lane in range(5)
        ]
        together = dynamics.lyapunov_exponents(network, Pool(data, network.flat), directions(5))
        for lane in range(5):
            alone = network.select([lane, lane])
            generators = [directions(5)[lane], directions(5)[lane]]
            found = dynamics.lyapunov_exponents(alone, Pool([data[lane]] * 2, alone.flat), generators)
            for name, values in found.items():
                assert values[0].item() == together[name][lane].item(), (cell, names[lane], name)


def candidate_weights(network, cell):
    """The block of W_hh of the candidate: the last one of LSTM (i, f, o, n) and GRU (r, z, n)."""
    if cell == OriginalGruCell:
        return network.get_weight(0, "layer0.weight_hn").numpy()
    return network.get_weight(0, "layer0.weight_hh").numpy()[:, -H:]


@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell, OriginalGruCell])
def test_spectral_radius_and_singular_value_are_the_candidate_block_s(cell, reference):
    network = reference.random_network(replace(PLAIN, cell=cell), ["tanh", "tanh"])
    W = candidate_weights(network, cell)
    found = dynamics.of_weights(network, 0)
    by_polynomial = np.abs(np.roots(np.poly(W))).max()
    by_symmetry = math.sqrt(np.linalg.eigvalsh(W.T @ W)[-1])
    assert found["spectral_radius_layer0"] == pytest.approx(by_polynomial, rel=1e-5)  # six digits are kept
    assert found["largest_singular_value_layer0"] == pytest.approx(by_symmetry, rel=1e-5)
    assert list(found) == ["spectral_radius_layer0", "largest_singular_value_layer0"]


def test_a_shear_stretches_further_than_its_eigenvalues_say():
    network = linear_network(np.array([[1.0, 3.0], [0.0, 1.0]]))
    found = dynamics.of_weights(network, 0)
    assert found["spectral_radius_layer0"] == pytest.approx(1)
    assert found["largest_singular_value_layer0"] == pytest.approx((3 + math.sqrt(13)) / 2, rel=1e-5)


def test_weights_that_are_not_finite_have_no_spectral_radius():
    network = linear_network(np.array([[math.inf, 0.0], [0.0, 1.0]]))
    assert all(math.isnan(value) for value in dynamics.of_weights(network, 0).values())


def test_a_cell_without_recurrence_has_none(reference):
    network = reference.random_network(replace(PLAIN, cell=MemorylessCell), ["tanh", "tanh"])
    assert dynamics.of_weights(network, 0) == {}


def test_a_record_has_the_dynamics_before_and_after_training(run_config):
    (result,) = train([run_config("adding", init__recurrent="identity", init__recurrent_scale=0.5)])
    assert result.metrics["initial_spectral_radius_layer0"] == 0.5
    assert result.metrics["initial_largest_singular_value_layer0"] == 0.5
    assert result.metrics["spectral_radius_layer0"] != 0.5
    assert all(result.metrics[f"lyapunov_{k}_layer0"] < 0 for k in (1, 2, 3))
