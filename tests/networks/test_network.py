"""The network of a run as a module: what is loaded, what is refused, and training that goes on."""

import json
import re
import shutil
from copy import deepcopy

import numpy as np
import pytest
import torch

import rnnlab
from rnnlab.nets import cells
from rnnlab.nets.cells import CELLS, CellOptions
from rnnlab.nets.cells.base import Cell, elman_weights
from rnnlab.networks.record import network_of
from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError
from rnnlab.records.run import RUN, read_record
from rnnlab.records.weights import WEIGHTS, read_weights

TRAINED = {"training__steps": 20, "optimizer__learning_rate": 0.02}


def test_the_parts_are_modules_with_the_recorded_weights(recorded):
    folder = recorded("ship", cell="lstm", cell__embedding_size=3, cell__num_layers=2, cell__activation="softsign")
    network, weights = network_of(folder), read_weights(folder / WEIGHTS).tensors
    assert isinstance(network.core, rnnlab.LSTM) and network.core.activation.name == "softsign"
    assert isinstance(network.embedding, torch.nn.Embedding) and isinstance(network.readout, torch.nn.Linear)
    found = {name.removeprefix("core."): tensor.numpy() for name, tensor in network.state_dict().items()}
    assert found.keys() == weights.keys()
    assert all(np.array_equal(found[name], weights[name]) for name in weights)
    assert (network.task.name, network.run_id) == ("ship", folder.name[-12:])
    recorded_config = json.loads((folder / RUN).read_text())["config"]
    assert {**network.config, "code": {"numerics": 1}} == recorded_config


def test_loading_draws_no_random_number(recorded):
    folder = recorded()
    torch.manual_seed(0)
    before = torch.get_rng_state()
    network_of(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_the_layers_of_an_lstm_go_into_torchs_own(recorded):
    network = network_of(recorded(cell="lstm", cell__num_layers=2, **TRAINED))
    twin = torch.nn.LSTM(1, 6, num_layers=2, batch_first=True)
    twin.load_state_dict(network.core.state_dict())
    x = torch.randn(3, 5, 1)
    torch.testing.assert_close(network.core(x)[0], twin(x)[0], rtol=1e-5, atol=1e-6)


def test_outputs_of_single_data_and_of_several_are_the_same(recorded):
    network = network_of(recorded("digits", **TRAINED))
    images = 16 * network.task.data(0).test.inputs
    assert network.outputs(images).shape == (300, 10)
    np.testing.assert_allclose(network.outputs(images[7]), network.outputs(images)[7], atol=1e-6)


def test_sequences_beyond_what_is_computed_at_once_are_answered_too(recorded):
    network = network_of(recorded(**TRAINED))
    windows = np.random.default_rng(0).normal(size=(600, 6))
    said = network.predict(windows)
    for n in (0, 255, 256, 599):
        assert said[n] == pytest.approx(network.predict(windows[n]), abs=1e-6)


def test_dropout_acts_in_training_and_never_in_predictions(recorded):
    network = network_of(recorded("digits", readout__dropout=0.5, **TRAINED))
    image = torch.from_numpy(network.task.data(0).test.inputs[:1])
    assert not network.training and torch.equal(network(image), network(image))
    network.train()
    assert not torch.equal(network(image), network(image))
    pixels = 16 * image.numpy()
    np.testing.assert_array_equal(network.outputs(pixels), network.outputs(pixels))
    assert network.training


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "memoryless"])
def test_training_goes_on_with_any_optimiser_of_torch(cell, recorded):
    network = network_of(recorded(cell=cell, **TRAINED)).train()
    train = network.task.data(0).train
    x, y = torch.from_numpy(train.inputs.copy()), torch.from_numpy(train.targets.copy())
    optimizer = torch.optim.Adam(network.parameters(), lr=0.01)
    before, losses = deepcopy(network.state_dict()), []
    for _ in range(40):
        optimizer.zero_grad()
        loss = torch.nn.functional.mse_loss(network(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]
    fixed = [name for name, tensor in network.state_dict().items() if torch.equal(tensor, before[name])]
    assert fixed == []


def test_a_network_in_double_precision_predicts_the_same(recorded):
    network = network_of(recorded(**TRAINED))
    windows = network.task.data(0).test.inputs
    single = network.predict(windows)
    np.testing.assert_allclose(network.double().predict(windows), single, atol=1e-6)


def test_a_cell_of_ones_own_is_computed_by_its_formula_and_trains_on(recorded):
    @cells.register("example")
    class Residual(Cell):
        """h[t] = h[t-1] + phi(x[t] W_ih + h[t-1] W_hh + b)"""

        class Options(CellOptions):
            """Those of all cells."""

        blocks = input_blocks = products = 1
        traces = 3

        @classmethod
        def weights(cls, input_size, hidden_size, bias):
            return elman_weights(input_size, hidden_size, bias)

        def step(self, pre, state, w):
            (h_prev,) = state
            a = pre + h_prev @ w["weight_hh"]
            return (h_prev + self.phi(a),), (h_prev, a)

        def reverse_step(self, gradient, kept, w, grads):
            (g,), (h_prev, a) = gradient, kept
            da = g * self.phi.slope(a)
            grads["weight_hh"] += h_prev.mT @ da
            return da, (g + da @ w["weight_hh"].mT,)

    try:
        folder = recorded(cell="example", cell__num_layers=2, **TRAINED)
        network = network_of(folder)
        assert "core.bias_l1" in network.state_dict()
        said = network.predict(network.task.data(0).test.inputs)
        np.testing.assert_allclose(said, read_record(folder).result.predictions["one_step"], rtol=1e-5, atol=1e-5)
        network.train()(torch.zeros(2, 6, 1)).sum().backward()
        assert all(tensor.grad is not None for tensor in network.parameters())
    finally:
        CELLS.remove("example")
    with pytest.raises(ConfigError, match="cell: unknown 'example'"):
        network_of(folder)


# What cannot be


def complaint(folder):
    with pytest.raises((RecordError, ConfigError)) as caught:
        network_of(folder)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_run_without_weights_says_why_there_may_be_none(recorded):
    folder = recorded(training__save_weights=False)
    assert not (folder / WEIGHTS).exists()
    assert complaint(folder) == (
        f"{folder / WEIGHTS}: no such file; the run was recorded with training.save_weights=false, or by an earlier "
        "version: hydra.launcher.redo=all computes it again"
    )


def test_damaged_weights_are_named(recorded):
    folder = recorded()
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[:-4])
    assert re.match(rf"{re.escape(str(folder / WEIGHTS))}: cannot be read \(", complaint(folder))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"cell__hidden_size": 7}, r"bias_hh_l0 is \(7,\), and must be \(6,\)"),
        ({"cell__num_layers": 2}, r"bias_hh_l1 is \(6,\), and must be not there"),
        ({"cell": "lstm"}, r"bias_hh_l0 is \(24,\), and must be \(6,\)"),
        ({"cell__bias": False}, r"bias_hh_l0 is not there, and must be \(6,\)"),
        ({"cell__num_layers": 0}, r"bias_hh_l0 is not there, and must be \(6,\)"),
    ],
    ids=str,
)
def test_weights_of_another_architecture_are_refused(options, said, recorded):
    folder, other = recorded(), recorded(**options)
    (other / WEIGHTS).replace(folder / WEIGHTS)
    assert re.search(f"not the weights of this run's architecture: {said}$", complaint(folder))


def test_a_run_that_failed_has_no_network_and_the_reason_is_said(recorded):
    folder = recorded()
    record = json.loads((folder / RUN).read_text())
    (folder / RUN).write_text(json.dumps(record | {"status": "failed", "error": "Traceback\n  there\nOSError: gone\n"}))
    assert complaint(folder) == f"{folder}: the run failed and has no network (OSError: gone)"


def test_the_weights_of_another_task_are_refused(recorded):
    folder, other = recorded("sines"), recorded("digits")
    shutil.copy(other / WEIGHTS, folder / WEIGHTS)
    assert complaint(folder).endswith(": not the weights of this run: its task is sines, and theirs is digits")


def test_a_file_of_weights_that_rnnlab_did_not_write_is_refused(recorded):
    from safetensors.numpy import save_file

    folder = recorded()
    save_file(dict(read_weights(folder / WEIGHTS).tensors), folder / WEIGHTS)
    assert complaint(folder) == f"{folder / WEIGHTS}: no preprocessing: {{}}"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (np.zeros((3, 5)), r"data: shape \(3, 5\); a sequence has \(6, 1\), or \(6,\), several one axis more"),
        (np.full(6, np.nan), "data: must be an array of finite numbers"),
        ("a text", "data: str; must be an array of numbers"),
        (3.0, "data: must be an array of finite numbers"),
    ],
    ids=str,
)
def test_data_that_the_network_cannot_read_are_named_in_one_line(data, said, recorded):
    with pytest.raises(ValueError, match=f"^{said}$"):
        network_of(recorded()).predict(data)
