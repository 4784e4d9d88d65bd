"""Dropout and gradient noise: what is drawn for which lane, and how it is distributed."""

import numpy as np
import pytest
import torch

from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.training.construction import architecture, make_network
from rnnlab.training.draws import add_gradient_noise, dropout_factors, drops
from rnnlab.training.lane import Lane


def drawn(runs, lanes=None, batch_size=40):
    """The factors of dropout for new lanes."""
    lanes = lanes or [Lane.start(run) for run in runs]
    return dropout_factors(lanes, Workspace(make_network(runs, "cpu"), batch_size))


def test_states_are_dropped_at_the_given_rate_and_the_mean_stays_the_same(run_config):
    values = {"cell__num_layers": 3, "cell__hidden_size": 64, "task__window": 10}
    rates = [(0.5, 0.2), (0.1, 0.0)]
    runs = [run_config(cell__dropout=a, readout__dropout=b, seed=n, **values) for n, (a, b) in enumerate(rates)]
    factors = drawn(runs)
    assert [tuple(f.shape) for f in factors] == [(2, 400, 64), (2, 400, 64), (2, 40, 64)]  # answered at the last step
    for layer, of_layer in enumerate(factors):
        for lane, own in enumerate(of_layer):
            rate = rates[lane][layer == 2]
            kept = own != 0
            torch.testing.assert_close(own[kept], torch.full_like(own[kept], 1 / (1 - rate)))
            n = own.numel()
            assert abs((~kept).sum().item() - n * rate) <= 5 * (n * rate * (1 - rate)) ** 0.5
    assert not torch.equal(factors[0] != 0, factors[1] != 0), "layers are dropped apart"


def test_each_step_has_factors_of_its_own_if_every_step_is_answered(run_config):
    (factors,) = drawn([run_config("ship", readout__dropout=0.5, cell__hidden_size=64)] * 2)
    assert factors.shape == (2, 5 * 40, 64)
    steps = factors[0].unflatten(0, (5, 40))
    assert len({step.numpy().tobytes() for step in steps}) == 5


def test_each_batch_has_factors_of_its_own_and_the_same_lane_draws_the_same(run_config):
    run = run_config(readout__dropout=0.5)
    one, other = Lane.start(run), Lane.start(run)
    first, second = (drawn([run] * 2, [one, one])[0] for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(drawn([run] * 2, [other, other])[0], first)
    assert torch.equal(first[0], first[1]), "a pack of one, filled up with its double, draws once"
    neighbour = Lane.start(run_config(readout__dropout=0.5, seed=1))
    together = drawn([run] * 3, [neighbour, Lane.start(run), neighbour])[0]
    assert torch.equal(together[1], first[0])
    assert not torch.equal(together[0], together[1])


def test_inputs_are_dropped_if_there_is_no_layer(run_config):
    (factors,) = drawn([run_config("images", cell__num_layers=0, readout__dropout=0.5)] * 2)
    assert factors.shape == (2, 40, 64)


@pytest.mark.parametrize(
    ("values", "expected"),
    [({}, False), ({"cell__num_layers": 2, "cell__dropout": 0.1}, True), ({"readout__dropout": 0.1}, True)],
)
def test_a_run_without_dropout_draws_nothing(values, expected, run_config):
    assert drops(Lane.start(run_config(**values))) == expected


# Noise


def noise(runs, step=0, dtype=torch.float32):
    """The noise, as what is added to gradients of zero."""
    network = make_network(runs, "cpu")
    grads = torch.zeros_like(network.flat, dtype=dtype)
    add_gradient_noise(grads, [Lane.start(run) for run in runs], network, step)
    return network, grads


def test_noise_has_its_standard_deviation_and_falls_with_the_step(run_config):
    for step in (0, 9, 999):
        runs = [run_config(training__gradient_noise=0.2, cell__hidden_size=64, seed=seed) for seed in range(2)]
        network, grads = noise(runs, step)
        expected = 0.2 / (1 + step) ** 0.275  # the variance with the power of 0.55
        for lane in range(2):
            own = torch.cat([network.unpadded(n, m)[lane].flatten() for n, m in network.matrices(grads).items()])
            assert abs(own.mean().item()) < 5 * expected / len(own) ** 0.5
            assert own.std().item() == pytest.approx(expected, rel=5 / (2 * len(own)) ** 0.5)
        assert not torch.equal(grads[0], grads[1])


def test_every_parameter_gets_noise_and_no_padding_does(run_config):
    network, grads = noise([run_config("ship", "gru", training__gradient_noise=0.2, cell__embedding_size=3)] * 2)
    n_parameters = sum(w.fan_in * len(w.gates) * w.fan_out for w in network.specs.values())
    assert (grads != 0).sum(1).tolist() == [n_parameters] * 2
    for name, matrix in network.matrices(grads).items():
        assert network.unpadded(name, matrix).all(), name


def test_without_noise_gradients_stay_as_they_are_and_nothing_is_drawn(run_config):
    run = run_config()
    network, lane = make_network([run] * 2, "cpu"), Lane.start(run)
    before = lane.noise.bit_generator.state
    grads = torch.ones_like(network.flat)
    add_gradient_noise(grads, [lane, lane], network, 3)
    assert (grads == 1).all()
    assert lane.noise.bit_generator.state == before


def test_the_noise_of_a_lane_does_not_depend_on_the_pack(run_config):
    runs = [run_config(training__gradient_noise=0.2, seed=seed) for seed in range(3)]
    assert len({architecture(run) for run in runs}) == 1
    _, together = noise(runs)
    for n, run in enumerate(runs):
        lane = Lane.start(run)
        network = make_network([run] * 2, "cpu")
        alone = torch.zeros_like(network.flat)
        add_gradient_noise(alone, [lane, lane], network, 0)
        np.testing.assert_array_equal(alone[0].numpy(), together[n].numpy())
