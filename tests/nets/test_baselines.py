"""The cells of later papers, each against its formula in the words of its paper: a loop over time in double precision
for the forward pass, autograd for the gradients; and how their own weights begin."""

import math

import numpy as np
import pytest
import torch
from torch.nn.functional import layer_norm

from rnnlab.config.parse import idle_options
from rnnlab.nets.activations import PackActivation, make_activation
from rnnlab.nets.cells import CELLS, Cell
from rnnlab.nets.network import Architecture
from rnnlab.nets.reference import backward, forward
from rnnlab.testing.cells import normal, recurrent_weights
from rnnlab.training.construction import architecture, initial_weights

T, B, I, H, O = 6, 4, 3, 5, 2
CLOSE = dict(rtol=1e-11, atol=1e-11)
sigmoid = torch.sigmoid


def indrnn(x, h, w, phi):
    """Li et al. (2018)"""
    return phi(x @ w["weight_ih"] + w["weight_u"] * h + w["bias"])


def layer_norm_rnn(x, h, w, phi):
    """Ba et al. (2016), eq. 4, by torch's layer normalisation"""
    a = x @ w["weight_ih"] + h @ w["weight_hh"]
    return phi(layer_norm(a, (H,), w["gain"][0], w["bias"][0], eps=1e-5))


def mgu(x, h, w, phi):
    """Zhou et al. (2016), with h and x side by side as in the paper"""
    (in_n, in_f), (b_n, b_f) = w["weight_ih"].chunk(2, 1), w["bias"].chunk(2, 1)
    hx = torch.cat([h, x], 1)
    f = sigmoid(hx @ torch.cat([w["weight_hh"], in_f]) + b_f)
    n = phi(torch.cat([f * h, x], 1) @ torch.cat([w["weight_hn"], in_n]) + b_n)
    return (1 - f) * h + f * n


def simplified_mgu(gate):
    """Heck, Salem (2017): MGU1, MGU2 and MGU3"""

    def step(x, h, w, phi):
        if gate == "mgu3":
            f = sigmoid(w["bias"][:, H:])
        else:
            f = sigmoid(h @ w["weight_hh"] + (w["bias"][:, H:] if gate == "mgu1" else 0))
        n = phi(x @ w["weight_ih"] + (f * h) @ w["weight_hn"] + w["bias"][:, :H])
        return (1 - f) * h + f * n

    return step


def mingru(x, h, w, phi):
    """Feng et al. (2024), section 3.1"""
    (in_n, in_z), (b_n, b_z) = w["weight_ih"].chunk(2, 1), w["bias"].chunk(2, 1)
    z = sigmoid(x @ in_z + b_z)
    return (1 - z) * h + z * phi(x @ in_n + b_n)


STEPS = {
    "indrnn": ({}, indrnn),
    "layer_norm_rnn": ({}, layer_norm_rnn),
    "mingru": ({}, mingru),
    "mgu": ({}, mgu),
    **{gate: ({"gate": gate}, simplified_mgu(gate)) for gate in ("mgu1", "mgu2", "mgu3")},
}


def by_steps(step, xs, w, phi):
    h, hs = torch.zeros(B, H, dtype=torch.float64), []
    for x in xs:
        hs.append(h := step(x, h, w, phi))
    return hs


def lru(xs, w, phi):
    """Orvieto et al. (2023) with complex numbers, and without a recursion: s[t] = sum_k lambda^(t-k) gain B x[k]"""
    nu, theta, gamma = w["eigenvalues"][0].chunk(3)
    eigenvalue = torch.exp(torch.complex(-nu.exp(), theta.exp()))
    d, b_re, b_im = w["weight_ih"].chunk(3, 1)
    c = torch.complex(*w["weight_c"].chunk(2, 1))
    inputs = [gamma.exp() * (x.to(c.dtype) @ torch.complex(b_re, b_im)) for x in xs]
    hs = []
    for t, x in enumerate(xs):
        s = sum(eigenvalue ** (t - k) * inputs[k] for k in range(t + 1))
        hs.append(phi((s @ c).real + x @ d + w["bias"]))
    return hs


@pytest.mark.parametrize("activation", ["tanh", "silu"])
@pytest.mark.parametrize("name", [*STEPS, "lru"])
def test_two_layers_give_the_outputs_and_gradients_of_the_papers_formulas(name, activation, reference):
    options, step = STEPS.get(name, ({}, None))
    cell = CELLS[name if not options else "mgu"]
    cell = cell.variant(cell.Options(**options))
    a = Architecture(cell, I, H, O, 2, True, True, T, "every")
    (row,) = reference.random_weights(a, 1, seed=3)
    weights, phi = reference.lane_weights(a, row), reference.Written(activation)
    xs = list(torch.randn(T, B, I, dtype=torch.float64, generator=torch.Generator().manual_seed(4)))
    hs = xs
    for n in range(2):
        w = {key.partition(".")[2]: weight for key, weight in weights.items() if key.startswith(f"layer{n}.")}
        hs = lru(hs, w, phi) if step is None else by_steps(step, hs, w, phi)
    z = torch.stack([h @ weights["readout.weight"] + weights["readout.bias"] for h in hs])
    dz = torch.randn(T, B, O, dtype=torch.float64, generator=torch.Generator().manual_seed(5))
    expected = torch.autograd.grad((z * dz).sum(), list(weights.values()))

    ours = cell(PackActivation([make_activation(activation)]), PackActivation([make_activation("sigmoid")]))
    with torch.no_grad():  # as a pack of one lane
        plain, of_lane = {key: weight[None] for key, weight in weights.items()}, [x[None] for x in xs]
        passed = forward(ours, plain, of_lane, answers="every")
        grads, _ = backward(ours, plain, of_lane, passed, dz[:, None])
    torch.testing.assert_close(passed.z[:, 0], z.detach(), **CLOSE)
    assert grads.keys() == weights.keys()
    for key, gradient in zip(weights, expected, strict=True):
        torch.testing.assert_close(grads[key][0], gradient, **CLOSE, msg=lambda text, key=key: f"{key}: {text}")


def test_an_lru_gives_for_all_steps_at_once_what_it_gives_step_by_step():
    cell = CELLS["lru"](PackActivation([make_activation("tanh")] * 2), PackActivation([make_activation("sigmoid")] * 2))
    w = recurrent_weights(type(cell), 2)
    pre = [normal(10 + t, 2, B, 3 * H) for t in range(T)]
    state, above = tuple(normal(20 + n, 2, B, H) for n in range(3)), [normal(30 + t, 2, B, H) for t in range(T)]
    (states, trace), (states_by_steps, trace_by_steps) = cell.unroll(pre, state, w), Cell.unroll(cell, pre, state, w)
    torch.testing.assert_close([states, trace], [states_by_steps, trace_by_steps], **CLOSE)
    found, by_steps = cell.unroll_reverse(above, trace, w), Cell.unroll_reverse(cell, above, trace, w)
    torch.testing.assert_close(found[:2], by_steps[:2], **CLOSE)
    assert found[2].keys() == by_steps[2].keys()
    for name, gradient in by_steps[2].items():
        torch.testing.assert_close(found[2][name], gradient, **CLOSE)


def drawn(run):
    """The parameters before training by name."""
    row = initial_weights(run)
    places = architecture(run).places()
    return {
        name: row[start : start + rows * columns].reshape(rows, columns)
        for name, (start, (rows, columns)) in places.items()
    }


def test_the_recurrent_weights_of_indrnn_begin_within_their_limits_and_init_leaves_them_alone(run_config):
    options = {"cell__hidden_size": 400, "cell__u_low": 0.9, "cell__u_high": 1.1, "init__input_scale": 3.0}
    u = drawn(run_config(cell="indrnn", **options))["layer0.weight_u"]
    assert u.shape == (1, 400) and 0.9 <= u.min() < 0.91 and 1.09 < u.max() <= 1.1
    assert abs(u.mean() - 1) < 0.02  # 0.2 / sqrt(12) / sqrt(400) is .003
    run = run_config(cell="indrnn", init__recurrent="orthogonal")
    values = {"cell": {"name": "indrnn"}, "init": {"recurrent": "orthogonal"}}
    assert "recurrent" not in run.as_dict()["init"]
    assert idle_options(values, run) == {"init.recurrent": "cell=indrnn"}


def test_the_gain_of_layer_normalisation_begins_with_1(run_config):
    weights = drawn(run_config(cell="layer_norm_rnn"))
    assert (weights["layer0.gain"] == 1).all() and weights["layer0.weight_hh"].std() > 0


def test_the_eigenvalues_of_an_lru_begin_uniform_on_a_ring_and_its_states_have_the_variance_of_the_inputs(run_config):
    options = {"cell__hidden_size": 2000, "cell__r_min": 0.6, "cell__r_max": 0.9, "cell__max_phase": math.pi / 5}
    weights = drawn(run_config(cell="lru", task="sines", **options))
    nu, theta, gamma = weights["layer0.eigenvalues"].astype(np.float64).reshape(3, -1)
    radius, phase = np.exp(-np.exp(nu)), np.exp(theta)
    assert 0.6 <= radius.min() < 0.61 and 0.89 < radius.max() <= 0.9
    assert 0 < phase.min() < 0.01 and 0.62 < phase.max() <= math.pi / 5 + 1e-6
    # uniform in area: of the squares the quantiles are those of a uniform distribution
    quartiles = np.quantile(radius**2, [0.25, 0.5, 0.75])
    np.testing.assert_allclose(quartiles, 0.36 + 0.45 * np.array([0.25, 0.5, 0.75]), atol=0.02)
    # s = sum_k lambda^k gain u: the variance is gain^2 / (1 - |lambda|^2) times that of white u
    np.testing.assert_allclose(np.exp(2 * gamma) / (1 - radius**2), 1, rtol=1e-5)
    assert abs(weights["layer0.weight_c"].std() * math.sqrt(2000) - 1) < 0.01


def test_an_lru_whose_ring_is_empty_is_refused(run_config):
    with pytest.raises(ValueError, match=r"cell\.r_max: 0\.5; must be above cell\.r_min, which is 0\.5"):
        run_config(cell="lru", cell__r_min=0.5, cell__r_max=0.5)
