"""Losses, outputs and closed-loop forecasts against another computation, window by window."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets.buffered import BUFFERED
from rnnlab.nets.cells.gru import GruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.network import Architecture
from rnnlab.tasks import Split
from rnnlab.training.batches import Pool
from rnnlab.training.evaluation import Evaluator

T, N = 5, 21
LANES = ("tanh", "sigmoid", "leaky_relu")
FORECASTER = Architecture(RnnCell, 1, 6, 1, 1, True, True, seq_len=T, answers="last")
FLOAT32 = dict(rtol=1e-5, atol=1e-5)  # a few dozen roundings of 6e-8 on numbers near 1


@pytest.fixture
def make_network(reference):
    def make(architecture, dtype=torch.float32):
        return reference.random_network(architecture, LANES, dtype=dtype)

    return make


def inputs(architecture, seed=1):
    shape = (N, architecture.seq_len, architecture.input_size)
    return [np.random.default_rng(seed + lane).normal(size=shape).astype(np.float32) for lane in range(len(LANES))]


def answers_of(network, lane, x, reference):
    """x (N, T, I), or tokens (N, T) -> the output of the linear readout, (N, O) or (N, T, O)."""
    a = network.architecture
    weights = reference.lane_weights(network, lane)
    x = torch.from_numpy(x).transpose(0, 1)
    x = x.to(network.flat.dtype) if x.is_floating_point() else x
    z = reference.unroll(weights, x, LANES[lane], cell=a.cell, answers=a.answers).detach()
    return z if a.answers == "last" else z.transpose(0, 1)


CASES = [(cell, 1 + n % 2, answers) for n, cell in enumerate(BUFFERED) for answers in ("last", "every")]
every_kind = pytest.mark.parametrize(("cell", "num_layers", "answers"), CASES)


@pytest.fixture(params=[256, 21, 8, 5], ids="chunk{}".format)
def chunk(request):
    """The number of samples, of 21, that are computed at once."""
    return request.param


def plain_loss(loss, z, target):
    z = z.flatten(0, -2)
    if loss == "mse":
        return torch.nn.functional.mse_loss(z, target.reshape(z.shape)).item()
    return torch.nn.functional.cross_entropy(z, target.flatten()).item()


@every_kind
@pytest.mark.parametrize("loss", LOSSES)
def test_the_mean_loss_is_that_over_all_samples(cell, num_layers, answers, loss, chunk, reference, make_network):
    architecture = Architecture(cell, 2, 6, 3, num_layers, True, True, T, answers)
    network = make_network(architecture)
    generator = np.random.default_rng(7)
    shape = (N,) if answers == "last" else (N, T)
    x = inputs(architecture)
    targets = [generator.normal(size=(*shape, 3)).astype(np.float32) for _ in LANES]
    if loss == "cross_entropy":
        targets = [target.argmax(-1) for target in targets]
    splits = [Split(*pair) for pair in zip(x, targets, strict=True)]
    evaluator = Evaluator(network, LOSSES[loss]("linear"), chunk)
    found, of_seven = evaluator.mean_loss(splits), evaluator.pool_loss(Pool(splits, network.flat), 7)
    assert found.dtype == np.float64
    for lane in range(len(LANES)):
        z, target = answers_of(network, lane, x[lane], reference), torch.from_numpy(targets[lane])
        assert found[lane] == pytest.approx(plain_loss(loss, z, target), rel=1e-5)
        assert of_seven[lane] == pytest.approx(plain_loss(loss, z[:7], target[:7]), rel=1e-5)


@pytest.mark.parametrize("n_samples", [None, 13])
@pytest.mark.parametrize("embedding_size", [None, 5])
@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell], ids=attrgetter("name"))
def test_the_loss_over_streams_is_that_of_a_plain_loop(cell, embedding_size, n_samples, reference, make_network):
    """21 windows, read as 8 streams of 3, of which the last is empty: each one long sequence."""
    architecture = Architecture(cell, 7, 6, 7, 2, True, True, T, "every", tokens=True, embedding_size=embedding_size)
    network = make_network(architecture)
    tokens = [np.random.default_rng(lane).integers(7, size=N * T + 1) for lane in range(len(LANES))]
    splits = [Split(stream[:-1].reshape(N, T), stream[1:].reshape(N, T)) for stream in tokens]
    evaluator = Evaluator(network, LOSSES["cross_entropy"]("linear"), 8, carries_state=True)
    pool = Pool(splits, network.flat)
    found = evaluator.pool_loss(pool, n_samples)
    n = n_samples or N
    W = -(-n // 8)
    for lane in range(len(LANES)):
        losses = []
        for start in range(0, n * T, W * T):
            stop = min(start + W * T, n * T)
            z = answers_of(network, lane, tokens[lane][None, start:stop], reference)[0]
            target = torch.from_numpy(tokens[lane][start + 1 : stop + 1])
            losses.append(torch.nn.functional.cross_entropy(z, target, reduction="none"))
        expected = torch.cat(losses).mean().item()
        assert found[lane] == pytest.approx(expected, rel=1e-5)
    assert evaluator.pool_loss(pool, n_samples).tolist() == found.tolist(), "each time from a state of zero"
    apart = Evaluator(network, evaluator.loss, 8).pool_loss(pool, n_samples)
    assert (np.abs(apart / found - 1) > 1e-5).all(), "the state matters"


def test_outputs_of_a_stream_begin_with_a_state_of_zero(reference, make_network):
    network = make_network(Architecture(LstmCell, 7, 6, 7, 1, True, True, T, "every", tokens=True))
    tokens = [np.random.default_rng(lane).integers(7, size=(N, T)) for lane in range(len(LANES))]
    evaluator = Evaluator(network, LOSSES["cross_entropy"]("linear"), 8, carries_state=True)
    evaluator.mean_loss([Split(lane, lane) for lane in tokens])
    for lane, said in enumerate(evaluator.outputs(tokens)):
        np.testing.assert_allclose(said, answers_of(network, lane, tokens[lane], reference).numpy(), **FLOAT32)


@every_kind
@pytest.mark.parametrize("readout", ["linear", "softmax", "tanh"])
def test_outputs_are_those_of_every_sample_in_order(cell, num_layers, answers, readout, chunk, reference, make_network):
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


@pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
@pytest.mark.parametrize(("num_layers", "seq_len"), [(1, 1), (2, 5), (1, 8), (0, 3)])
def test_a_closed_loop_equals_forecasting_window_by_window(cell, num_layers, seq_len, reference, make_network):
    architecture = replace(FORECASTER, cell=cell, num_layers=num_layers, seq_len=seq_len)
    network = make_network(architecture, torch.float64)
    windows = [x[0] for x in inputs(architecture)]
    found = Evaluator(network, LOSSES["mse"]("linear")).closed_loop(windows, steps=3 * seq_len + 2)
    for lane, window in enumerate(windows):
        expected = forecast(network, lane, window, 3 * seq_len + 2, reference)
        # in double precision, since an unstable loop doubles every rounding at each step
        np.testing.assert_allclose(found[lane], expected, rtol=1e-9, atol=1e-9)


def test_a_closed_loop_of_several_values_goes_through_the_readouts_activation(reference, make_network):
    architecture = replace(FORECASTER, input_size=3, output_size=3)
    network = make_network(architecture, torch.float64)
    windows = [x[0] for x in inputs(architecture)]
    found = Evaluator(network, LOSSES["mse"]("tanh")).closed_loop(windows, steps=12)
    for lane, window in enumerate(windows):
        expected = forecast(network, lane, window, 12, reference, readout=torch.tanh)
        np.testing.assert_allclose(found[lane], expected, rtol=1e-9, atol=1e-9)


def test_the_first_answer_of_a_closed_loop_is_the_one_step_forecast(make_network):
    network = make_network(replace(FORECASTER, num_layers=2))
    x = inputs(network.architecture)
    evaluator = Evaluator(network, LOSSES["mse"]("linear"))
    found = evaluator.closed_loop([lane[0] for lane in x], steps=1)
    np.testing.assert_allclose(found[:, 0], evaluator.outputs(x)[:, 0], **FLOAT32)


def test_a_closed_loop_of_no_steps_is_empty(make_network):
    network = make_network(FORECASTER)
    windows = [x[0] for x in inputs(FORECASTER)]
    assert Evaluator(network, LOSSES["mse"]("linear")).closed_loop(windows, steps=0).shape == (3, 0, 1)


def test_evaluating_changes_no_weights_and_can_be_repeated(make_network):
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
def test_a_closed_loop_is_refused_if_outputs_cannot_be_inputs(change, make_network):
    network = make_network(replace(FORECASTER, **change))
    with pytest.raises(ValueError, match="closed loop"):
        Evaluator(network, LOSSES["mse"]("linear")).closed_loop([np.zeros((T, 1), np.float32)] * 3, 4)
