"""Losses, outputs and closed-loop forecasts against a window-by-window computation written another way."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.activations import make_activation
from rnnlab.batches import Pool
from rnnlab.evaluation import Evaluator
from rnnlab.losses import LOSSES
from rnnlab.network import Architecture, Network
from rnnlab.tasks import Split

T, N = 5, 21
LANES = ("tanh", "sigmoid", "leaky_relu")
FORECASTER = Architecture("rnn", 1, 6, 1, 1, True, True, seq_len=T, answers="last")
FLOAT32 = dict(rtol=1e-5, atol=1e-5)  # a few dozen roundings of 6e-8 on numbers near 1


def make_network(architecture, dtype=torch.float32):
    network = Network(architecture, [make_activation(name) for name in LANES], dtype=dtype)
    generator = np.random.default_rng(0)
    for lane in range(len(LANES)):
        for name, w in network.specs.items():
            network.set_weight(lane, name, generator.normal(size=(w.fan_in, w.fan_out)) / w.fan_in**0.5)
    return network


def inputs(architecture, seed=1):
    shape = (N, architecture.seq_len, architecture.input_size)
    return [np.random.default_rng(seed + lane).normal(size=shape).astype(np.float32) for lane in range(len(LANES))]


def answers_of(network, lane, x, reference):
    """x (N, T, I) -> what the linear readout says, (N, O) or (N, T, O)."""
    a = network.architecture
    weights = reference.lane_weights(network, lane)
    x = torch.from_numpy(x).to(network.flat.dtype).transpose(0, 1)
    z = reference.unroll(weights, x, LANES[lane], memoryless=a.cell == "memoryless", answers=a.answers).detach()
    return z if a.answers == "last" else z.transpose(0, 1)


CASES = [
    (cell, num_layers, answers)
    for cell in ("rnn", "memoryless")
    for num_layers in (1, 2)
    for answers in ("last", "every")
]
every_kind = pytest.mark.parametrize(("cell", "num_layers", "answers"), CASES)


@pytest.fixture(params=[256, 21, 8, 5], ids="chunk{}".format)
def chunk(request):
    """How many of the 21 samples are computed at once."""
    return request.param


@every_kind
@pytest.mark.parametrize("loss", LOSSES)
def test_the_mean_loss_is_that_over_all_samples(cell, num_layers, answers, loss, chunk, reference):
    architecture = Architecture(cell, 2, 6, 3, num_layers, True, True, T, answers)
    network = make_network(architecture)
    generator = np.random.default_rng(7)
    shape = (N,) if answers == "last" else (N, T)
    x = inputs(architecture)
    targets = [generator.normal(size=(*shape, 3)).astype(np.float32) for _ in LANES]
    if loss == "cross_entropy":
        targets = [target.argmax(-1) for target in targets]
    splits = [Split(*pair) for pair in zip(x, targets, strict=True)]
    found = Evaluator(network, LOSSES[loss]("linear"), chunk).mean_loss(Pool(splits, network.flat))
    for lane in range(len(LANES)):
        z = answers_of(network, lane, x[lane], reference).reshape(-1, 3)
        target = torch.from_numpy(targets[lane])
        if loss == "mse":
            expected = torch.nn.functional.mse_loss(z, target.reshape(-1, 3))
        else:
            expected = torch.nn.functional.cross_entropy(z, target.flatten())
        assert found[lane] == pytest.approx(expected.item(), rel=1e-5)


@every_kind
@pytest.mark.parametrize("readout", ["linear", "softmax", "tanh"])
def test_outputs_are_those_of_every_sample_in_order(cell, num_layers, answers, readout, chunk, reference):
    architecture = Architecture(cell, 2, 6, 3, num_layers, True, True, T, answers)
    network = make_network(architecture)
    x = inputs(architecture)
    found = Evaluator(network, LOSSES["mse"](readout), chunk).outputs(x)
    function = {"linear": lambda z: z, "softmax": lambda z: z.softmax(-1), "tanh": torch.tanh}[readout]
    for lane in range(len(LANES)):
        expected = function(answers_of(network, lane, x[lane], reference)).numpy()
        np.testing.assert_allclose(found[lane], expected, **FLOAT32)


def forecast(network, lane, window, steps, reference, readout=lambda z: z):
    """Each answer is pushed into the window, the oldest value is dropped, the state starts from zero."""
    window, said = list(window), []
    for _ in range(steps):
        z = answers_of(network, lane, np.stack(window)[None], reference)[0]
        said.append(readout(z).numpy())
        window = [*window[1:], said[-1]]
    return np.stack(said)


@pytest.mark.parametrize("cell", ["rnn", "memoryless"])
@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("seq_len", [1, 5, 8])
def test_a_closed_loop_equals_forecasting_window_by_window(cell, num_layers, seq_len, reference):
    architecture = replace(FORECASTER, cell=cell, num_layers=num_layers, seq_len=seq_len)
    network = make_network(architecture, torch.float64)
    windows = [x[0] for x in inputs(architecture)]
    found = Evaluator(network, LOSSES["mse"]("linear")).closed_loop(windows, steps=3 * seq_len + 2)
    for lane, window in enumerate(windows):
        expected = forecast(network, lane, window, 3 * seq_len + 2, reference)
        # in double precision, since an unstable loop doubles every rounding at each step
        np.testing.assert_allclose(found[lane], expected, rtol=1e-9, atol=1e-9)


def test_a_closed_loop_of_several_values_goes_through_the_readouts_activation(reference):
    architecture = replace(FORECASTER, input_size=3, output_size=3)
    network = make_network(architecture, torch.float64)
    windows = [x[0] for x in inputs(architecture)]
    found = Evaluator(network, LOSSES["mse"]("tanh")).closed_loop(windows, steps=12)
    for lane, window in enumerate(windows):
        expected = forecast(network, lane, window, 12, reference, readout=torch.tanh)
        np.testing.assert_allclose(found[lane], expected, rtol=1e-9, atol=1e-9)


def test_the_first_answer_of_a_closed_loop_is_the_one_step_forecast():
    network = make_network(replace(FORECASTER, num_layers=2))
    x = inputs(network.architecture)
    evaluator = Evaluator(network, LOSSES["mse"]("linear"))
    found = evaluator.closed_loop([lane[0] for lane in x], steps=1)
    np.testing.assert_allclose(found[:, 0], evaluator.outputs(x)[:, 0], **FLOAT32)


def test_a_closed_loop_of_no_steps_is_empty():
    network = make_network(FORECASTER)
    windows = [x[0] for x in inputs(FORECASTER)]
    assert Evaluator(network, LOSSES["mse"]("linear")).closed_loop(windows, steps=0).shape == (3, 0, 1)


def test_evaluating_changes_no_weights_and_can_be_repeated():
    network = make_network(FORECASTER)
    before = network.flat.clone()
    evaluator = Evaluator(network, LOSSES["mse"]("linear"))
    x = inputs(FORECASTER)
    first = [evaluator.outputs(x), evaluator.closed_loop([lane[0] for lane in x], 7)]
    second = [evaluator.outputs(x), evaluator.closed_loop([lane[0] for lane in x], 7)]
    assert torch.equal(network.flat, before)
    for one, other in zip(first, second, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("change", [{"output_size": 2}, {"answers": "every"}], ids=str)
def test_a_closed_loop_is_refused_where_answers_cannot_be_inputs(change):
    network = make_network(replace(FORECASTER, **change))
    with pytest.raises(ValueError, match="closed loop"):
        Evaluator(network, LOSSES["mse"]("linear")).closed_loop([np.zeros((T, 1), np.float32)] * 3, 4)
