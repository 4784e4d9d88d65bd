"""Losses, outputs and closed-loop forecasts against another computation, window by window."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends import LaneRecipe, Recipe, make
from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.tasks import Split
from rnnlab.training import evaluation
from rnnlab.training.batches import Pool
from rnnlab.training.evaluation import Evaluator

T, N = 5, 21
LANES = ("tanh", "sigmoid", "leaky_relu")
EVERY_CELL = [*CELLS.values(), OriginalGruCell]
HAVE_KERNELS = pytest.importorskip("rnnlab.nets.kernels.coverage").CELLS
FORECASTER = Architecture(RnnCell, 1, 6, 1, 1, True, True, seq_len=T, answers="last")
FLOAT32 = dict(rtol=1e-5, atol=1e-5)  # a few dozen roundings of 6e-8 on numbers near 1


@pytest.fixture(params=["compiled", "torch"])
def evaluator(request, reference, monkeypatch):
    """evaluator(architecture, loss="mse", readout="linear", chunk=256): of three lanes with random weights.

    chunk: the number of samples that are computed at once."""

    def evaluator(architecture, loss="mse", readout="linear", chunk=256, carries=False):
        if request.param == "compiled" and architecture.cell not in HAVE_KERNELS:
            pytest.skip("no kernel")
        monkeypatch.setattr(evaluation, "LEAST_CHUNK", chunk)
        recipe = Recipe(architecture, loss, readout, "sgd", n_steps=0, batch_size=chunk, chunk=chunk, carries=carries)
        lanes = [LaneRecipe(make_activation(name), OPTIMIZERS["sgd"].Options()) for name in LANES]
        backend = make(request.param, recipe, lanes, "cpu")
        backend.set_weights(reference.random_weights(architecture, len(LANES)).astype(np.float32))
        return Evaluator(backend)

    return evaluator


def inputs(architecture, seed=1):
    shape = (N, architecture.seq_len, architecture.input_size)
    return [np.random.default_rng(seed + lane).normal(size=shape).astype(np.float32) for lane in range(len(LANES))]


def answers_of(evaluator, lane, x, reference):
    """x (N, T, I), or tokens (N, T) -> the output of the linear readout, (N, O) or (N, T, O)."""
    a = evaluator.backend.recipe.architecture
    weights = reference.lane_weights(a, evaluator.backend.weights()[lane])
    x = torch.from_numpy(x).transpose(0, 1)
    x = x.double() if x.is_floating_point() else x
    z = reference.unroll(weights, x, LANES[lane], cell=a.cell, answers=a.answers).detach()
    return z if a.answers == "last" else z.transpose(0, 1)


CASES = [(cell, 1 + n % 2, answers) for n, cell in enumerate(EVERY_CELL) for answers in ("last", "every")]
CHUNKS = (256, 21, 8, 5)  # samples, of 21, that are computed at once: each with some kinds, and all with one kind
IN_CHUNKS = [(*case, CHUNKS[(n + n // 4) % 4]) for n, case in enumerate(CASES)]
IN_CHUNKS += [(LstmCell, 2, "every", chunk) for chunk in CHUNKS if (LstmCell, 2, "every", chunk) not in IN_CHUNKS]
every_kind_in_chunks = pytest.mark.parametrize(("cell", "num_layers", "answers", "chunk"), IN_CHUNKS)


def plain_loss(loss, z, target):
    z = z.flatten(0, -2)
    if loss == "mse":
        return torch.nn.functional.mse_loss(z, target.double().reshape(z.shape)).item()
    return torch.nn.functional.cross_entropy(z, target.flatten()).item()


@every_kind_in_chunks
@pytest.mark.parametrize("loss", LOSSES)
def test_the_mean_loss_is_that_over_all_samples(cell, num_layers, answers, loss, chunk, reference, evaluator):
    architecture = Architecture(cell, 2, 6, 3, num_layers, True, True, T, answers)
    made = evaluator(architecture, loss, chunk=chunk)
    generator = np.random.default_rng(7)
    shape = (N,) if answers == "last" else (N, T)
    x = inputs(architecture)
    targets = [generator.normal(size=(*shape, 3)).astype(np.float32) for _ in LANES]
    if loss == "cross_entropy":
        targets = [target.argmax(-1) for target in targets]
    splits = [Split(*pair) for pair in zip(x, targets, strict=True)]
    found, of_seven = made.mean_loss(splits), made.pool_loss(Pool(splits), 7)
    assert found.dtype == np.float64
    for lane in range(len(LANES)):
        z, target = answers_of(made, lane, x[lane], reference), torch.from_numpy(targets[lane])
        assert found[lane] == pytest.approx(plain_loss(loss, z, target), rel=1e-5)
        assert of_seven[lane] == pytest.approx(plain_loss(loss, z[:7], target[:7]), rel=1e-5)


@pytest.mark.parametrize("n_samples", [None, 13])
@pytest.mark.parametrize("embedding_size", [None, 5])
@pytest.mark.parametrize("cell", [RnnCell, LstmCell, GruCell], ids=attrgetter("name"))
def test_the_loss_over_streams_is_that_of_a_plain_loop(cell, embedding_size, n_samples, reference, evaluator):
    """21 windows, read as 8 streams of 3, of which the last is empty: each one long sequence."""
    architecture = Architecture(cell, 7, 6, 7, 2, True, True, T, "every", tokens=True, embedding_size=embedding_size)
    made = evaluator(architecture, "cross_entropy", chunk=8, carries=True)
    tokens = [np.random.default_rng(lane).integers(7, size=N * T + 1) for lane in range(len(LANES))]
    splits = [Split(stream[:-1].reshape(N, T), stream[1:].reshape(N, T)) for stream in tokens]
    pool = Pool(splits)
    found = made.pool_loss(pool, n_samples)
    n = n_samples or N
    W = -(-n // 8)
    for lane in range(len(LANES)):
        losses = []
        for start in range(0, n * T, W * T):
            stop = min(start + W * T, n * T)
            z = answers_of(made, lane, tokens[lane][None, start:stop], reference)[0]
            target = torch.from_numpy(tokens[lane][start + 1 : stop + 1])
            losses.append(torch.nn.functional.cross_entropy(z, target, reduction="none"))
        expected = torch.cat(losses).mean().item()
        assert found[lane] == pytest.approx(expected, rel=1e-5)
    assert made.pool_loss(pool, n_samples).tolist() == found.tolist(), "each time from a state of zero"
    apart = evaluator(architecture, "cross_entropy", chunk=8).pool_loss(pool, n_samples)
    assert (np.abs(apart / found - 1) > 1e-5).all(), "the state matters"


def test_outputs_of_a_stream_begin_with_a_state_of_zero(reference, evaluator):
    architecture = Architecture(LstmCell, 7, 6, 7, 1, True, True, T, "every", tokens=True)
    made = evaluator(architecture, "cross_entropy", chunk=8, carries=True)
    tokens = [np.random.default_rng(lane).integers(7, size=(N, T)) for lane in range(len(LANES))]
    made.mean_loss([Split(lane, lane) for lane in tokens])
    for lane, said in enumerate(made.outputs(tokens)):
        np.testing.assert_allclose(said, answers_of(made, lane, tokens[lane], reference).numpy(), **FLOAT32)


@every_kind_in_chunks
@pytest.mark.parametrize("readout", ["linear", "softmax", "tanh"])
def test_outputs_are_those_of_every_sample_in_order(cell, num_layers, answers, readout, chunk, reference, evaluator):
    architecture = Architecture(cell, 2, 6, 3, num_layers, True, True, T, answers)
    made, x = evaluator(architecture, readout=readout, chunk=chunk), inputs(architecture)
    found = made.outputs(x)
    function = {"linear": lambda z: z, "softmax": lambda z: z.softmax(-1), "tanh": torch.tanh}[readout]
    for lane in range(len(LANES)):
        expected = function(answers_of(made, lane, x[lane], reference)).numpy()
        np.testing.assert_allclose(found[lane], expected, **FLOAT32)


def forecast(made, lane, window, steps, reference, readout=lambda z: z):
    """Each answer is pushed into the window, the oldest value is dropped, the state starts from zero."""
    window, said = list(window.astype(float)), []
    for _ in range(steps):
        z = answers_of(made, lane, np.stack(window)[None], reference)[0]
        said.append(readout(z).numpy())
        window = [*window[1:], said[-1]]
    return np.stack(said)


@pytest.mark.parametrize("cell", EVERY_CELL, ids=attrgetter("name"))
@pytest.mark.parametrize(("num_layers", "seq_len"), [(1, 1), (2, 5), (1, 8), (0, 3)])
def test_a_closed_loop_equals_forecasting_window_by_window(cell, num_layers, seq_len, reference, evaluator):
    architecture = replace(FORECASTER, cell=cell, num_layers=num_layers, seq_len=seq_len)
    made, windows = evaluator(architecture), [x[0] for x in inputs(architecture)]
    found = made.closed_loop(windows, steps=3 * seq_len + 2)
    for lane, window in enumerate(windows):
        expected = forecast(made, lane, window, 3 * seq_len + 2, reference)
        np.testing.assert_allclose(found[lane], expected, **FLOAT32)


def test_a_closed_loop_of_several_values_goes_through_the_readouts_activation(reference, evaluator):
    architecture = replace(FORECASTER, input_size=3, output_size=3)
    made, windows = evaluator(architecture, readout="tanh"), [x[0] for x in inputs(architecture)]
    found = made.closed_loop(windows, steps=12)
    for lane, window in enumerate(windows):
        np.testing.assert_allclose(found[lane], forecast(made, lane, window, 12, reference, torch.tanh), **FLOAT32)


def test_the_first_answer_of_a_closed_loop_is_the_one_step_forecast(evaluator):
    architecture = replace(FORECASTER, num_layers=2)
    made, x = evaluator(architecture), inputs(architecture)
    found = made.closed_loop([lane[0] for lane in x], steps=1)
    np.testing.assert_allclose(found[:, 0], made.outputs(x)[:, 0], **FLOAT32)


def test_a_closed_loop_of_no_steps_is_empty(evaluator):
    windows = [x[0] for x in inputs(FORECASTER)]
    assert evaluator(FORECASTER).closed_loop(windows, steps=0).shape == (3, 0, 1)


def test_evaluating_changes_no_weights_and_can_be_repeated(evaluator):
    made, x = evaluator(FORECASTER), inputs(FORECASTER)
    before = made.backend.weights()
    first = [made.outputs(x), made.closed_loop([lane[0] for lane in x], 7)]
    second = [made.outputs(x), made.closed_loop([lane[0] for lane in x], 7)]
    assert made.backend.weights().tobytes() == before.tobytes()
    for one, other in zip(first, second, strict=True):
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize("change", [{"output_size": 2}, {"answers": "every"}], ids=str)
def test_a_closed_loop_is_refused_if_outputs_cannot_be_inputs(change, evaluator):
    with pytest.raises(ValueError, match="closed loop"):
        evaluator(replace(FORECASTER, **change)).closed_loop([np.zeros((T, 1), np.float32)] * 3, 4)
