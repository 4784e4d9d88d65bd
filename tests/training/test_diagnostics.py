"""The diagnostics in a record: its columns, and the same numbers by autograd."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.training.construction import architecture, initial_weights
from rnnlab.training.loop import train


def columns_of(run_config, *choice, **values):
    (result,) = train([run_config(*choice, **values)])
    return result


@pytest.mark.parametrize(
    ("choice", "values", "n_layers", "recurrent"),
    [
        (("ship", "gru"), {"cell__num_layers": 2, "cell__embedding_size": 3}, 2, True),
        (("sines", "memoryless"), {"cell__num_layers": 2}, 2, False),
        (("images", "rnn"), {"cell__num_layers": 1}, 1, False),
        (("images", "memoryless"), {"cell__num_layers": 0}, 0, False),
    ],
    ids=["gru", "memoryless", "one step", "no layers"],
)
def test_a_record_has_the_columns_of_its_layers_from_the_first_update_on(
    choice, values, n_layers, recurrent, run_config
):
    result = columns_of(run_config, *choice, **values)
    states = {f"{name}_layer{n}" for n in range(n_layers) for name in ("hidden_norm", "saturated_frac", "dead_frac")}
    norms = {f"grad_norm_layer{n}" for n in range(n_layers)} | {"grad_norm_readout"}
    norms |= {"grad_norm_embedding"} if "cell__embedding_size" in values else set()
    assert states | norms == {name for name in result.curves if "_layer" in name or name.startswith("grad_norm_")}
    assert result.curves["step"].tolist() == [0, 2, 4]
    for name in states | norms:
        assert np.isnan(result.curves[name]).tolist() == [True, False, False]
    squares = sum(result.curves[name] ** 2 for name in norms)
    np.testing.assert_allclose(squares[1:], result.curves["grad_norm"][1:] ** 2, rtol=1e-5)
    assert bool(result.gradients) == recurrent
    if recurrent:
        assert set(result.gradients["layer"]) == set(range(n_layers))
        assert sorted(set(result.gradients["step"])) == [2, 4]


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_layers_norms_and_gradients_through_time_equal_autograds(backend, run_config, reference):
    """At the first update, with the initial weights, before clipping."""
    run = run_config("ship", "lstm", cell__num_layers=2, cell__embedding_size=3, training__steps=1)
    run = replace(run, training=replace(run.training, eval_every=1, batch_size=None))
    run = replace(run, optimizer=replace(run.optimizer, clip_norm=1e-3))
    (result,) = train([run], backend=backend)
    weights = reference.lane_weights(architecture(run), initial_weights(run))
    split = run.task.data(0).train
    x, target = torch.tensor(split.inputs.T), torch.tensor(split.targets.T)
    z, states = reference.passed_forward(weights, x, "tanh", cell=LstmCell, answers="every")
    loss = torch.nn.functional.cross_entropy(z.flatten(0, 1), target.flatten())
    h = [state[0] for layer in states for state in layer]
    grads = torch.autograd.grad(loss, [*weights.values(), *h])
    through_time = [g.norm().item() for g in grads[len(weights) :]]
    np.testing.assert_allclose(result.gradients["grad_norm"], through_time, rtol=2e-5)
    for layer in ("embedding", "layer0", "layer1", "readout"):
        own = [g.flatten() for name, g in zip(weights, grads, strict=False) if name.startswith(layer)]
        assert result.curves[f"grad_norm_{layer}"][1] == pytest.approx(torch.cat(own).norm().item(), rel=1e-5)


@pytest.mark.parametrize("backend", ["compiled", "torch"])
def test_a_relu_with_a_bias_far_below_zero_is_dead_and_a_tanh_is_not(backend, run_config):
    """Biases of up to 6 in size: about half of the units of relu are off for every sample."""
    values = {"init__bias_scale": 15.0, "training__steps": 1, "training__eval_every": 1}
    values["divergence__loss_factor"] = None
    relu, tanh = train([run_config(cell__activation=name, **values) for name in ("relu", "tanh")], backend=backend)
    assert relu.curves["dead_frac_layer0"][1] >= 1 / 3
    assert tanh.curves["dead_frac_layer0"][1] == 0
    assert tanh.curves["saturated_frac_layer0"][1] >= 0.5
