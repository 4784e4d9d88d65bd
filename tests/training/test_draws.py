"""Dropout and gradient noise: what is drawn for which lane, and how it is distributed."""

import numpy as np
import pytest

from rnnlab.training.construction import architecture, recipe
from rnnlab.training.draws import dropout_factors, gradient_noise
from rnnlab.training.lane import Lane

B = 40


def drawn(runs, lanes=None, n=1):
    """The factors of dropout for n updates."""
    lanes = lanes or [Lane.start(run) for run in runs]
    return dropout_factors(lanes, recipe(runs[0]), n)


@pytest.fixture
def config(run_config):
    """run_config for batches of B samples."""

    def config(task="adding", *choice, **values):
        size = {"task__n_train": B} if task in ("adding", "copy") else {}
        return run_config(task, *choice, training__batch_size=B, **size | values)

    return config


def test_states_are_dropped_at_the_given_rate_and_the_mean_stays_the_same(config):
    values = {"cell__num_layers": 3, "cell__hidden_size": 64, "task__length": 10}
    rates = [(0.5, 0.2), (0.1, 0.0)]
    runs = [config(cell__dropout=a, readout__dropout=b, seed=n, **values) for n, (a, b) in enumerate(rates)]
    factors = drawn(runs, n=2)
    # answered at the last step
    assert [f.shape for f in factors] == [(2, 2, 10, B, 64), (2, 2, 10, B, 64), (2, 2, 1, B, 64)]
    for layer, of_layer in enumerate(factors):
        assert of_layer.dtype == np.float32
        for lane, own in enumerate(of_layer):
            rate = rates[lane][layer == 2]
            kept = own != 0
            np.testing.assert_allclose(own[kept], 1 / (1 - rate), rtol=1e-6)
            assert abs((~kept).sum() - own.size * rate) <= 5 * (own.size * rate * (1 - rate)) ** 0.5
    assert not np.array_equal(factors[0], factors[1]), "layers are dropped apart"


def test_each_step_and_each_update_has_factors_of_its_own_if_every_step_is_answered(config):
    (factors,) = drawn([config("ship", readout__dropout=0.5, cell__hidden_size=64)], n=3)
    assert factors.shape == (1, 3, 5, B, 64)
    assert len({step.tobytes() for update in factors[0] for step in update}) == 15


def test_a_lane_draws_the_same_one_by_one_at_once_and_in_any_pack(config):
    run = config(readout__dropout=0.5, cell__num_layers=2, cell__dropout=0.3)
    one, other = Lane.start(run), Lane.start(run)
    first, second = (drawn([run], [one]) for _ in range(2))
    together = drawn([run], [other], n=2)
    for a, b, both in zip(first, second, together, strict=True):
        assert not np.array_equal(a, b)
        np.testing.assert_array_equal(np.concatenate([a, b], axis=1), both)
    neighbour = config(readout__dropout=0.1, cell__num_layers=2, cell__dropout=0.2, seed=1)
    packed = drawn([neighbour, run, neighbour])
    for own, alone in zip(packed, first, strict=True):
        np.testing.assert_array_equal(own[1], alone[0])
        assert not np.array_equal(own[0], own[1])


def test_inputs_are_dropped_if_there_is_no_layer(config):
    (factors,) = drawn([config("images", cell__num_layers=0, readout__dropout=0.5)])
    assert factors.shape == (1, 1, 1, B, 64)


def test_a_run_without_dropout_draws_nothing(config):
    run = config()
    lane = Lane.start(run)
    before = lane.dropout.bit_generator.state
    assert drawn([run], [lane]) is None
    assert lane.dropout.bit_generator.state == before


# Noise


def noise(runs, step=0, n=1, lanes=None):
    return gradient_noise(lanes or [Lane.start(run) for run in runs], architecture(runs[0]), step, n)


def test_noise_has_its_standard_deviation_and_falls_with_the_step(run_config):
    runs = [run_config(training__gradient_noise=0.2, cell__hidden_size=64, seed=seed) for seed in range(2)]
    for step in (0, 9, 999):
        drawn = noise(runs, step, n=2)
        assert drawn.shape == (2, 2, architecture(runs[0]).n_parameters)
        assert drawn.dtype == np.float32
        for lane in drawn:
            for k, own in enumerate(lane):
                expected = 0.2 / (1 + step + k) ** 0.275  # the variance with the power of 0.55
                assert abs(own.mean()) < 5 * expected / len(own) ** 0.5
                assert own.std() == pytest.approx(expected, rel=5 / (2 * len(own)) ** 0.5)
        assert not np.array_equal(drawn[0], drawn[1])


def test_every_parameter_gets_noise(run_config):
    run = run_config("ship", "gru", training__gradient_noise=0.2, cell__embedding_size=3)
    assert (noise([run]) != 0).all()


def test_without_noise_nothing_is_drawn(run_config):
    run = run_config()
    lane = Lane.start(run)
    before = lane.noise.bit_generator.state
    assert noise([run], step=3, lanes=[lane]) is None
    assert lane.noise.bit_generator.state == before


def test_the_noise_of_a_lane_does_not_depend_on_the_pack_or_on_how_many_updates_are_drawn_at_once(run_config):
    runs = [run_config(training__gradient_noise=0.2, seed=seed) for seed in range(3)]
    together = noise(runs, n=2)
    for run, own in zip(runs, together, strict=True):
        lane = Lane.start(run)
        alone = [noise([run], step, lanes=[lane])[0, 0] for step in range(2)]
        np.testing.assert_array_equal(own, alone)
