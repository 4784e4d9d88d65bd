"""task.longer: what a trained network does on sequences that are longer than those it was trained on."""

import math

import numpy as np
import pytest
import torch

from rnnlab.options import ConfigError
from rnnlab.records.metrics import metric_of, title_of
from rnnlab.sweep.memory import check_memory, run_bytes
from rnnlab.tasks import TASKS
from rnnlab.training.loop import train

ADDING = {"task__length": 8, "task__n_test": 40, "task__n_train": 100, "training__steps": 60, "cell__hidden_size": 6}
GENERATED = [name for name, task in TASKS.items() if task.generates]


def torch_answers(weights, inputs, hidden_size):
    """What torch's own RNN and a Linear say at every step, (N, T, O)."""
    rnn = torch.nn.RNN(inputs.shape[2], hidden_size, batch_first=True)
    readout = torch.nn.Linear(hidden_size, len(weights["readout.weight"]))
    rnn.load_state_dict({k: torch.tensor(v) for k, v in weights.items() if k.endswith("_l0")})
    readout.load_state_dict({k: torch.tensor(weights[f"readout.{k}"]) for k in ("weight", "bias")})
    with torch.no_grad():
        return readout(rnn(torch.tensor(inputs))[0]).numpy()


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_the_loss_on_longer_sequences_is_that_of_torch_on_sequences_so_many_times_as_long(backend, run_config):
    run = run_config("adding", seed=3, task__longer=4, **ADDING)
    (result,) = train([run], backend=backend)
    data = run_config("adding", seed=3, **ADDING | {"task__length": 32}).task.data(3).test
    assert data.inputs.shape == (40, 32, 2)
    said = torch_answers(result.weights.tensors, data.inputs, 6)[:, -1, 0]
    errors = said - (data.inputs[:, :, 0] * data.inputs[:, :, 1]).sum(axis=1)
    mse = np.square(errors).mean()
    assert result.metrics["longer_test_loss"] == pytest.approx(mse, rel=1e-4)
    assert result.metrics["longer_mse"] == pytest.approx(mse, rel=1e-4)
    assert result.metrics["longer_success_rate"] == np.mean(np.abs(errors) < 0.04)
    assert result.metrics["longer_naive_test_loss"] == 1 / 6
    assert result.metrics["longer_score"] == pytest.approx(max(1 - 6 * mse, 0), abs=1e-4)
    assert abs(result.metrics["test_loss"] - mse) > 1e-4, "the two tests must differ"


def test_everything_else_in_a_record_is_as_without_the_longer_test(run_config, text):
    plain, longer = (run_config("adding", **ADDING, **more) for more in ({}, {"task__longer": 2}))
    assert plain.run_id != longer.run_id
    (of_plain,), (of_longer,) = train([plain]), train([longer])
    for name in [name for name in of_longer.metrics if name.startswith("longer_")]:
        del of_longer.metrics[name]
    assert text(of_longer) == text(of_plain)


def test_lanes_of_one_pack_have_the_numbers_that_they_have_alone(run_config, texts):
    runs = [run_config("adding", seed=seed, task__longer=3, **ADDING) for seed in range(3)]
    assert texts(runs) == [text for run in runs for text in texts([run])]


def test_a_run_that_diverged_has_a_score_of_zero_on_longer_sequences(run_config):
    broken = {"cell__activation": "relu", "optimizer__learning_rate": 1e6, "divergence__loss_factor": 10.0}
    (result,) = train([run_config("adding", task__longer=2, **ADDING, **broken)])
    assert result.diverged
    assert result.metrics["longer_score"] == 0


@pytest.mark.parametrize("name", GENERATED)
def test_every_task_of_generated_sequences_can_be_tested_on_longer_ones(name, run_config):
    run = run_config(name, task__length=10, task__longer=2, task__n_test=30, training__steps=2, cell__hidden_size=4)
    (result,) = train([run])
    measured = [key for key in result.metrics if key.startswith("longer_")]
    assert {"longer_score", "longer_test_loss", f"longer_{run.task.score}"} <= set(measured)
    assert not any("eval" in key for key in measured), "there is one set of longer sequences, the test set"
    for key in measured:
        assert metric_of(key) is not None and title_of(key).endswith("on longer sequences")
        assert math.isfinite(result.metrics[key])


def test_only_where_there_is_a_length_to_multiply(run_config):
    with pytest.raises(ConfigError, match=r"^task.longer"):
        run_config("sines", task__longer=2)
    with pytest.raises(ConfigError, match=r"^task.longer: 1; must be a finite number at least 2$"):
        run_config("adding", task__longer=1)


def test_without_it_a_run_keeps_its_identity(run_config):
    assert run_config("adding", task__longer=None).run_id == run_config("adding").run_id
    assert "longer" not in run_config("adding").as_dict()["task"]


def test_longer_sequences_count_in_the_memory_of_a_run(run_config):
    sizes = {"task__length": 50, "task__n_test": 1000}
    plain, longer = run_config("adding", **sizes), run_config("adding", **sizes, task__longer=10**6)
    assert run_bytes(longer) - run_bytes(plain) == 4 * 1000 * 50 * 10**6 * 2
    with pytest.raises(ConfigError, match=r"task.longer: 50000000 steps in the test; a run would take about 400 GB"):
        check_memory([longer], "cpu", 100)
