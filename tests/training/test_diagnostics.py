"""The diagnostics beside the loss, against the same numbers computed unit by unit with autograd."""

from dataclasses import replace
from operator import attrgetter

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import BUFFERED
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.training import diagnostics
from rnnlab.training.construction import initialize, make_network
from rnnlab.training.loop import train

T, B, H, L = 4, 5, 6, 2
LANES = ("tanh", "relu", "sigmoid", "hardtanh", "softplus")
ARCHITECTURE = Architecture(RnnCell, 3, H, 2, L, True, True, T, answers="every")


def slopes(network, lane, x, reference, monkeypatch):
    """phi'(a) at every call of the activation, in the order of the calls: layer, then step."""
    seen = []
    phi = reference.phi

    def watched(name, a, **parameters):
        if name == "watched":
            name = network.activations[lane].name
            seen.append(a.detach().requires_grad_())
        return phi(name, a, **parameters)

    monkeypatch.setitem(reference.Written.__call__.__globals__, "phi", watched)
    weights = {name: w.detach() for name, w in reference.lane_weights(network, lane).items()}
    gate = network.gate_activations[lane].name
    cell = network.architecture.cell
    _, states = reference.passed_forward(weights, x, "watched", cell=cell, gate_activation=gate, answers="every")
    calls = seen[::2] if cell == LstmCell else seen  # the second call of a step is phi(c)
    name = network.activations[lane].name
    found = [torch.autograd.grad(phi(name, a).sum(), a)[0] for a in calls]
    return torch.stack(found).unflatten(0, (L, T)), torch.stack([torch.stack([s[0] for s in one]) for one in states])


@pytest.mark.parametrize("n_real", [B, 3])
@pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
def test_diagnostics_of_states_equal_a_count_unit_by_unit(cell, n_real, reference, monkeypatch):
    """n_real: the samples of a batch that are no padding, and alone count."""
    network = reference.random_network(replace(ARCHITECTURE, cell=cell), LANES)
    network.flat *= 4  # so that units saturate and relus die
    workspace = Workspace(network, B)
    x = 3 * torch.randn(len(LANES), T, B, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    workspace.forward(torch.nn.functional.pad(x, (0, 1)))
    found = diagnostics.of_states(workspace, n_real)
    for lane, name in enumerate(LANES):
        slope, h = slopes(network, lane, x[lane, :, :n_real], reference, monkeypatch)  # (L, T, B, H)
        small = slope.abs() < 0.1 * make_activation(name).largest_slope
        for n in range(L):
            assert found[f"saturated_frac_layer{n}"][lane].item() == pytest.approx(small[n].double().mean().item())
            dead = [bool((slope[n, :, :, unit] == 0).all()) for unit in range(H)]
            assert found[f"dead_frac_layer{n}"][lane].item() == pytest.approx(np.mean(dead))
            norms = [np.linalg.norm(h[n, t, b]) for t in range(T) for b in range(n_real)]
            assert found[f"hidden_norm_layer{n}"][lane].item() == pytest.approx(np.mean(norms), rel=1e-10)
    assert 0 < found["saturated_frac_layer0"][0] < 1
    assert set(found) == {
        f"{name}_layer{n}" for n in range(L) for name in ("hidden_norm", "saturated_frac", "dead_frac")
    }


def test_a_relu_with_a_bias_far_below_zero_is_dead_and_a_tanh_is_not(reference):
    network = reference.random_network(ARCHITECTURE, ["relu", "tanh"])
    for lane in range(2):
        bias = np.zeros((1, H))
        bias[0, :3] = -15.0  # three of six; the slope of tanh there is 1e-13
        network.set_weight(lane, "layer0.bias", bias)
    workspace = Workspace(network, B)
    workspace.forward(torch.zeros(2, T, B, 4, dtype=torch.float64))
    found = diagnostics.of_states(workspace, B)
    assert found["dead_frac_layer0"][0] >= 0.5
    assert found["dead_frac_layer0"][1] == 0
    assert found["saturated_frac_layer0"][1] >= 0.5


def test_measuring_states_changes_no_gradient(reference):
    for cell in BUFFERED:
        network = reference.random_network(replace(ARCHITECTURE, cell=cell), ["tanh", "gelu"], ["sigmoid", "mish"])
        workspace = Workspace(network, B)
        x, dz = torch.ones(2, T, B, 4, dtype=torch.float64), torch.ones(2, 2, T * B, dtype=torch.float64)
        found = []
        for measure in (False, True):
            workspace.forward(x)
            if measure:
                diagnostics.of_states(workspace, B)
            workspace.backward(dz)
            found.append(workspace.gather_grads().clone())
        assert torch.equal(*found)


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


def test_layers_norms_and_gradients_through_time_equal_autograds(run_config, reference):
    """At the first update, with the initial weights, before clipping."""
    run = run_config("ship", "lstm", cell__num_layers=2, cell__embedding_size=3, training__steps=1)
    run = replace(run, training=replace(run.training, eval_every=1, batch_size=None))
    run = replace(run, optimizer=replace(run.optimizer, clip_norm=1e-3))
    (result,) = train([run])
    network = make_network([run], "cpu")
    initialize(network, 0, run)
    weights = {name: network.get_weight(0, name).double().requires_grad_() for name in network.specs}
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
