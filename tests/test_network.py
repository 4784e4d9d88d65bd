"""Forward and backward through time against torch.nn, against autograd of a plain loop, and by gradcheck."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.activations import ACTIVATIONS, make_activation
from rnnlab.network import Architecture, Network
from rnnlab.optimizers import OPTIMIZERS
from rnnlab.workspace import Workspace

SMALL = Architecture("rnn", 3, 6, 2, 1, True, True, seq_len=5, answers="every")
DOUBLE = dict(rtol=0, atol=1e-10)
SINGLE = dict(rtol=1e-5, atol=1e-5)  # sums of up to 50 products of numbers near 1, each off by 6e-8
MIXED = [("leaky_relu", {"negative_slope": -0.3}), ("elu", {"alpha": 2.0}), ("celu", {"alpha": 0.5})]
MIXED += [(name, {}) for name in ACTIVATIONS]


def make_network(architecture, activations, dtype=torch.float64, seed=0):
    """Random weights that keep states of order 1."""
    network = Network(architecture, activations, dtype=dtype)
    generator = np.random.default_rng(seed)
    for lane in range(network.width):
        for name, w in network.specs.items():
            network.set_weight(lane, name, generator.normal(size=(w.fan_in, w.fan_out)) / w.fan_in**0.5)
    return network


def normal(seed, *sizes, dtype=torch.float64):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def with_padding(x):
    return torch.nn.functional.pad(x, (0, -x.shape[-1] % 4))


def passes(network, batch_size, dtype=torch.float64):
    """A forward and a backward pass -> x (R, T, B, I), dz and z (R, O, N), gradients by name (R, fan_in, fan_out)."""
    a = network.architecture
    workspace = Workspace(network, batch_size)
    x = normal(1, network.width, a.seq_len, batch_size, a.input_size, dtype=dtype)
    dz = normal(2, network.width, a.output_size, workspace.n_answers, dtype=dtype) / workspace.n_answers
    z = workspace.forward(with_padding(x)).clone()
    workspace.backward(dz)
    return x, dz, z, {name: network.unpadded(name, grad).flatten(2) for name, grad in workspace.grads.items()}


def assert_equals_reference(network, lane, found, reference, memoryless=False, **parameters):
    """z and every gradient of a lane against autograd of the plain loop."""
    a = network.architecture
    x, dz, z, grads = found
    weights = reference.lane_weights(network, lane)
    y = reference.unroll(
        weights, x[lane], network.activations[lane].name, memoryless=memoryless, answers=a.answers, **parameters
    )
    y = y.reshape(-1, a.output_size)
    torch.testing.assert_close(z[lane].T, y.detach(), **DOUBLE)
    loss = (y * dz[lane].T).sum()
    expected = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
    for name, gradient in zip(weights, expected, strict=True):
        torch.testing.assert_close(grads[name][lane], gradient, **DOUBLE, msg=lambda text, name=name: f"{name}: {text}")


def torch_twin(network, lane):
    """torch.nn.RNN and torch.nn.Linear with a lane's weights, and their parameters under our names."""
    a = network.architecture
    dtype = network.flat.dtype
    rnn = torch.nn.RNN(
        a.input_size,
        a.hidden_size,
        a.num_layers,
        nonlinearity=network.activations[lane].name,
        bias=a.bias,
        dtype=dtype,
    )
    linear = torch.nn.Linear(a.hidden_size, a.output_size, bias=a.readout_bias, dtype=dtype)
    ours = {"readout.weight": linear.weight}
    if a.readout_bias:
        ours["readout.bias"] = linear.bias
    for n in range(a.num_layers):
        ours |= {f"layer{n}.{name}": getattr(rnn, f"{name}_l{n}") for name in ("weight_ih", "weight_hh")}
        if a.bias:
            ours[f"layer{n}.bias"] = getattr(rnn, f"bias_ih_l{n}")  # torch has two biases, of which one is enough
            torch.nn.init.zeros_(getattr(rnn, f"bias_hh_l{n}"))
    with torch.no_grad():
        for name, parameter in ours.items():
            parameter.copy_(network.get_weight(lane, name).T.reshape(parameter.shape))
    return rnn, linear, ours


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, DOUBLE), (torch.float32, SINGLE)], ids=["f64", "f32"])
@pytest.mark.parametrize(("hidden_size", "batch_size"), [(5, 1), (10, 7), (33, 7)], ids=["H5-B1", "H10-B7", "H33-B7"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no_bias"])
@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_outputs_and_gradients_equal_torch_rnn(num_layers, answers, bias, hidden_size, batch_size, dtype, tolerance):
    architecture = Architecture("rnn", 3, hidden_size, 2, num_layers, bias, bias, seq_len=6, answers=answers)
    network = make_network(architecture, [make_activation("tanh"), make_activation("relu")], dtype)
    x, dz, z, grads = passes(network, batch_size, dtype)
    for lane in range(network.width):
        rnn, linear, parameters = torch_twin(network, lane)
        states, last = rnn(x[lane])
        y = linear(states if answers == "every" else last[-1]).reshape(-1, 2)
        (y * dz[lane].T).sum().backward()
        torch.testing.assert_close(z[lane].T, y.detach(), **tolerance)
        for name, parameter in parameters.items():
            torch.testing.assert_close(grads[name][lane].T.reshape(parameter.shape), parameter.grad, **tolerance)


@pytest.mark.parametrize("answers", ["last", "every"])
def test_every_lane_of_a_pack_of_all_activations_equals_the_reference(answers, reference):
    architecture = replace(SMALL, num_layers=2, answers=answers)
    network = make_network(architecture, [make_activation(name, **parameters) for name, parameters in MIXED])
    found = passes(network, batch_size=3)
    for lane, (_, parameters) in enumerate(MIXED):
        assert_equals_reference(network, lane, found, reference, **parameters)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pack_of_one_activation_equals_the_reference(name, reference):
    network = make_network(SMALL, [make_activation(name)] * 2)
    found = passes(network, batch_size=3)
    for lane in range(2):
        assert_equals_reference(network, lane, found, reference)


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 50, 1, 7), (8, 8, 10, 2), (4, 16, 4, 8)], ids=str)
def test_sizes_with_and_without_padding_equal_the_reference(sizes, bias, answers, reference):
    input_size, hidden_size, output_size, batch_size = sizes
    architecture = Architecture("rnn", input_size, hidden_size, output_size, 2, bias, bias, 4, answers)
    network = make_network(architecture, [make_activation("sigmoid"), make_activation("gelu")])
    found = passes(network, batch_size)
    for lane in range(2):
        assert_equals_reference(network, lane, found, reference)


@pytest.mark.parametrize("cell", ["rnn", "memoryless"])
def test_a_sequence_of_one_step_equals_the_reference(cell, reference):
    network = make_network(replace(SMALL, cell=cell, seq_len=1, num_layers=2), [make_activation("tanh")] * 2)
    found = passes(network, batch_size=3)
    assert_equals_reference(network, 1, found, reference, memoryless=cell == "memoryless")


@pytest.mark.parametrize("num_layers", [1, 2])
@pytest.mark.parametrize("answers", ["last", "every"])
def test_a_memoryless_cell_equals_linear_layers_at_each_step(answers, num_layers, reference):
    network = make_network(
        replace(SMALL, cell="memoryless", answers=answers, num_layers=num_layers), [make_activation("tanh")] * 2
    )
    x, dz, z, grads = passes(network, batch_size=3)
    assert not any(name.endswith("weight_hh") for name in network.specs)
    layers = [*[torch.nn.Linear(3, 6), torch.nn.Linear(6, 6)][:num_layers], torch.nn.Linear(6, 2)]
    names = [f"layer{n}" for n in range(num_layers)] + ["readout"]
    for lane in range(2):
        weights = reference.lane_weights(network, lane)
        steps = x[lane] if answers == "every" else x[lane, -1:]
        for layer, name in zip(layers, names, strict=True):
            layer.weight = torch.nn.Parameter(weights[f"{name}.weight" if name == "readout" else f"{name}.weight_ih"].T)
            layer.bias = torch.nn.Parameter(weights[f"{name}.bias"][0])
            steps = layer(steps)
            steps = steps if name == "readout" else torch.tanh(steps)
        (steps.reshape(-1, 2) * dz[lane].T).sum().backward()
        torch.testing.assert_close(z[lane].T, steps.detach().reshape(-1, 2), **DOUBLE)
        for layer, name in zip(layers, names, strict=True):
            weight = f"{name}.weight" if name == "readout" else f"{name}.weight_ih"
            torch.testing.assert_close(grads[weight][lane].T, layer.weight.grad, **DOUBLE)
            torch.testing.assert_close(grads[f"{name}.bias"][lane, 0], layer.bias.grad, **DOUBLE)
            layer.zero_grad()


class Unrolled(torch.autograd.Function):
    """A workspace's passes as autograd sees them: all parameters of all lanes -> what the readout says."""

    @staticmethod
    def forward(ctx, flat, workspace, x):
        ctx.save_for_backward(flat.clone())
        ctx.workspace, ctx.x = workspace, x
        workspace.network.flat.copy_(flat)
        return workspace.forward(x).clone()

    @staticmethod
    def backward(ctx, dz):
        ctx.workspace.network.flat.copy_(ctx.saved_tensors[0])
        ctx.workspace.forward(ctx.x)
        ctx.workspace.backward(dz)
        return ctx.workspace.gather_grads().clone(), None, None


@pytest.mark.parametrize("answers", ["last", "every"])
@pytest.mark.parametrize("cell", ["rnn", "memoryless"])
def test_passes_through_time_pass_gradcheck(cell, answers):
    architecture = Architecture(cell, 4, 8, 4, 2, True, True, seq_len=3, answers=answers)  # sizes that need no padding
    network = make_network(architecture, [make_activation("tanh"), make_activation("mish")])
    x = normal(3, 2, 3, 2, 4)
    flat = network.flat.clone().requires_grad_()
    assert torch.autograd.gradcheck(Unrolled.apply, (flat, Workspace(network, 2), x))


def test_accumulated_gradients_are_the_sum_over_backward_passes():
    network = make_network(replace(SMALL, num_layers=2), [make_activation("tanh"), make_activation("gelu")])
    workspace = Workspace(network, 3)
    pieces = [
        (with_padding(normal(seed, 2, 5, 3, 3)), normal(seed + 10, 2, 2, workspace.n_answers)) for seed in range(3)
    ]
    alone = []
    for x, dz in pieces:
        workspace.forward(x)
        workspace.backward(dz)
        alone.append(workspace.gather_grads().clone())
    for n, (x, dz) in enumerate(pieces):
        workspace.forward(x)
        workspace.backward(dz, accumulate=n > 0)
    torch.testing.assert_close(workspace.gather_grads(), sum(alone), rtol=0, atol=1e-12)


def test_a_workspace_used_again_gives_the_same_bits():
    network = make_network(SMALL, [make_activation("tanh"), make_activation("silu")], torch.float32)
    workspace = Workspace(network, 3)
    x, dz = with_padding(normal(1, 2, 5, 3, 3)).float(), normal(2, 2, 2, 15).float()

    def once():
        z = workspace.forward(x).clone()
        workspace.backward(dz)
        return torch.cat([z.flatten(), workspace.gather_grads().flatten()])

    first = once()
    workspace.forward(10 * x)
    workspace.backward(-dz)
    assert torch.equal(once(), first)


def padding_of(network):
    """True where `flat` holds no parameter."""
    mask = torch.ones_like(network.flat, dtype=torch.bool)
    for name, matrix in network.matrices(mask).items():
        network.unpadded(name, matrix).fill_(False)
    return mask


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
@pytest.mark.parametrize("answers", ["last", "every"])
def test_padding_stays_zero_while_the_weights_are_trained(optimizer, answers):
    """sigmoid and softplus make 0.5 and 0.69 of a padded unit's zero input: states that must stay without effect."""
    lanes = [make_activation(name) for name in ("sigmoid", "softplus", "tanh")]
    network = make_network(replace(SMALL, num_layers=2, answers=answers), lanes, torch.float32)
    numbers = dict(learning_rate=0.05, momentum=0.9, decay=0.9, beta1=0.9, beta2=0.999, eps=1e-8)
    update = OPTIMIZERS[optimizer]([numbers] * 3, network.flat).update
    padding, workspace = padding_of(network), Workspace(network, 3)
    before = network.flat.clone()
    for step in range(30):
        z = workspace.forward(with_padding(normal(step, 3, 5, 3, 3)).float())
        workspace.backward(z - 1)
        network.flat.sub_(update(workspace.gather_grads()))
    assert padding.sum() > 100
    assert (network.flat[padding] == 0).all()
    assert (network.flat[~padding] != before[~padding]).all()


def test_gathered_gradients_lie_where_their_weights_lie():
    network = make_network(replace(SMALL, num_layers=2), [make_activation("tanh")] * 2)
    workspace = Workspace(network, 3)
    workspace.forward(with_padding(normal(1, 2, 5, 3, 3)))
    workspace.backward(normal(2, 2, 2, 15))
    flat = workspace.gather_grads()
    assert (flat[padding_of(network)] == 0).all()
    for name, matrix in network.matrices(flat).items():
        gradient = network.unpadded(name, workspace.grads[name])
        assert torch.equal(network.unpadded(name, matrix), gradient)
        assert gradient.abs().sum() > 0


def test_weights_set_are_weights_read_and_touch_no_other():
    network = Network(replace(SMALL, num_layers=2), [make_activation("tanh")] * 3, dtype=torch.float64)
    for name, w in network.specs.items():
        before = network.flat.clone()
        matrix = np.random.default_rng(0).normal(size=(w.fan_out, w.fan_in)).T  # not contiguous
        network.set_weight(1, name, matrix)
        np.testing.assert_array_equal(network.get_weight(1, name).numpy(), matrix)
        changed = network.flat != before
        assert changed.sum() == w.fan_in * w.fan_out
        assert not changed[[0, 2]].any()


def test_selected_lanes_are_copies_in_the_order_asked_for():
    lanes = [make_activation(name) for name in ("tanh", "relu", "gelu")]
    network = make_network(SMALL, lanes)
    before = network.flat.clone()
    chosen = network.select([2, 0])
    assert chosen.activations == [lanes[2], lanes[0]]
    assert torch.equal(chosen.flat, before[[2, 0]])
    assert chosen.flat.dtype == network.flat.dtype
    chosen.flat.zero_()
    assert torch.equal(network.flat, before)
    assert (chosen.weights["readout.weight"] == 0).all()


def test_the_parameters_of_a_network_are_named_in_order_of_depth():
    two = replace(SMALL, num_layers=2, readout_bias=False)
    assert list(two.weights()) == [
        "layer0.weight_ih",
        "layer0.weight_hh",
        "layer0.bias",
        "layer1.weight_ih",
        "layer1.weight_hh",
        "layer1.bias",
        "readout.weight",
    ]
    assert (two.weights()["layer1.weight_ih"].fan_in, two.weights()["layer0.weight_ih"].fan_in) == (6, 3)
    assert "layer0.bias" not in replace(SMALL, bias=False).weights()
    assert "readout.bias" in replace(SMALL, bias=False).weights()


def test_answers_at_every_step_come_in_the_order_time_then_batch():
    network = make_network(SMALL, [make_activation("tanh")] * 2)
    x = with_padding(normal(1, 2, 5, 3, 3))
    every = Workspace(network, 3).forward(x).unflatten(2, (5, 3))
    last = make_network(replace(SMALL, answers="last"), [make_activation("tanh")] * 2).workspace(3).forward(x)
    torch.testing.assert_close(every[:, :, -1], last, **DOUBLE)
