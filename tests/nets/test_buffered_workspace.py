"""The passes forward and backward through time, against torch.nn, against autograd of a plain loop, by gradcheck."""

from dataclasses import replace
from operator import attrgetter

import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.buffered import BUFFERED
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS

SMALL = Architecture(RnnCell, 3, 6, 2, 1, True, True, seq_len=5, answers="every")
TOKENS = replace(SMALL, input_size=7, num_layers=2, tokens=True)
DOUBLE = dict(rtol=1e-10, atol=1e-10)
SINGLE = dict(rtol=1e-5, atol=1e-5)  # sums of up to 50 products of numbers near 1, each off by 6e-8
GATED = (LstmCell, GruCell, OriginalGruCell)
# Every activation, and those with parameters a second time.
CANDIDATES = [("leaky_relu", {"negative_slope": -0.3}), ("elu", {"alpha": 2.0}), ("celu", {"alpha": 0.5})]
CANDIDATES += [(name, {}) for name in ACTIVATIONS]
every_cell = pytest.mark.parametrize("cell", BUFFERED, ids=attrgetter("name"))
both_answers = pytest.mark.parametrize("answers", ["last", "every"])


def normal(seed, *sizes, dtype=torch.float64):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


def inputs(network, batch_size, seed=1):
    """x (R, T, B, I), or tokens (R, T, B)."""
    a = network.architecture
    shape = (network.width, a.seq_len, batch_size)
    if a.tokens:
        return torch.randint(a.input_size, shape, generator=torch.Generator().manual_seed(seed))
    return normal(seed, *shape, a.input_size, dtype=network.flat.dtype)


def with_padding(x):
    return torch.nn.functional.pad(x, (0, -x.shape[-1] % 4)) if x.is_floating_point() else x


def gradients(workspace):
    """The gradients by name, (R, fan_in, gates * fan_out)."""
    return {name: workspace.network.unpadded(name, grad).flatten(2) for name, grad in workspace.grads.items()}


def passes(network, batch_size, states=None, keep=None):
    """A forward and a backward pass -> x, dz and z (R, O, N), gradients by name."""
    workspace = Workspace(network, batch_size)
    x = inputs(network, batch_size)
    dz = normal(2, network.width, network.architecture.output_size, workspace.n_answers, dtype=network.flat.dtype)
    dz /= workspace.n_answers
    if states is not None:
        workspace.start_from(states)
    z = workspace.forward(with_padding(x), keep).clone()
    workspace.backward(dz)
    return x, dz, z, gradients(workspace)


def options_of(network, lane):
    """The options of the reference for a lane."""
    return {
        "activation": network.activations[lane].name,
        "gate_activation": network.gate_activations[lane].name,
        "cell": network.architecture.cell,
        "answers": network.architecture.answers,
    }


def assert_equals_reference(network, lane, passed, reference, **options):
    """z and every gradient of a lane against autograd of the plain loop."""
    x, dz, z, grads = passed
    weights = reference.lane_weights(network, lane)
    y = reference.unroll(weights, x[lane], **options_of(network, lane) | options)
    y = y.reshape(-1, network.architecture.output_size)
    torch.testing.assert_close(z[lane].T, y.detach(), **DOUBLE)
    loss = (y * dz[lane].T).sum()
    expected = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
    for name, gradient in zip(weights, expected, strict=True):
        torch.testing.assert_close(grads[name][lane], gradient, **DOUBLE, msg=lambda text, name=name: f"{name}: {text}")


# Against torch.nn

# torch's gates are i f n o and r z n; ours i f o n and n r z, in W_hh r z q, in the bias n r z q.
TORCH_CELLS = {
    RnnCell: (torch.nn.RNN, {}),
    LstmCell: (torch.nn.LSTM, dict.fromkeys(("weight_ih", "weight_hh", "bias"), (0, 1, 3, 2))),
    GruCell: (torch.nn.GRU, {"weight_ih": (1, 2, 0), "weight_hh": (0, 1, 2), "bias": (1, 2, 0)}),
}


def as_torch(name, matrix, order, hidden_size):
    """(fan_in, gates * fan_out) -> torch's (gates * fan_out, fan_in), its gates in torch's order."""
    blocks = matrix.split(hidden_size, dim=1)
    rows = torch.cat([blocks[n].T for n in order or range(len(blocks))])
    return rows.flatten() if name == "bias" else rows


class TorchTwin:
    """torch.nn's layers and a torch.nn.Linear with a lane's weights."""

    def __init__(self, network, lane):
        a = self.architecture = network.architecture
        cls, self.orders = TORCH_CELLS[a.cell]
        nonlinearity = {"nonlinearity": network.activations[lane].name} if a.cell == RnnCell else {}
        sizes = (a.input_size, a.hidden_size, a.num_layers)
        self.layers = cls(*sizes, bias=a.bias, dtype=network.flat.dtype, **nonlinearity)
        self.linear = torch.nn.Linear(a.hidden_size, a.output_size, bias=a.readout_bias, dtype=network.flat.dtype)
        with torch.no_grad():
            for name, parameter, ours in self.pairs({name: network.get_weight(lane, name) for name in network.specs}):
                parameter.copy_(ours.reshape(parameter.shape), non_blocking=bool(name))

    def pairs(self, ours):
        """(name, torch's parameter, ours in its layout); torch's second bias is the GRU's q, and zero elsewhere."""
        H = self.architecture.hidden_size
        yield "readout.weight", self.linear.weight, ours["readout.weight"].T
        if "readout.bias" in ours:
            yield "readout.bias", self.linear.bias, ours["readout.bias"]
        for n in range(self.architecture.num_layers):
            for name in ("weight_ih", "weight_hh"):
                parameter = getattr(self.layers, f"{name}_l{n}")
                yield name, parameter, as_torch(name, ours[f"layer{n}.{name}"], self.orders.get(name), H)
            if self.architecture.bias:
                bias = ours[f"layer{n}.bias"]
                first = as_torch("bias", bias, self.orders.get("bias"), H)
                second = torch.zeros_like(first)
                if self.architecture.cell == GruCell:
                    second[2 * H :] = bias[0, 3 * H :]
                yield "bias_ih", getattr(self.layers, f"bias_ih_l{n}"), first
                yield "bias_hh", getattr(self.layers, f"bias_hh_l{n}"), second

    def __call__(self, x):
        states, _ = self.layers(x)
        return self.linear(states if self.architecture.answers == "every" else states[-1])


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, DOUBLE), (torch.float32, SINGLE)], ids=["f64", "f32"])
@pytest.mark.parametrize(("hidden_size", "batch_size"), [(5, 1), (10, 7), (33, 7)], ids=["H5-B1", "H10-B7", "H33-B7"])
@pytest.mark.parametrize("num_layers", [1, 2, 3])
@pytest.mark.parametrize("cell", TORCH_CELLS, ids=attrgetter("name"))
@pytest.mark.filterwarnings("ignore:TF32")  # torch warns of it when oneDNN is off
def test_outputs_and_gradients_equal_torch(cell, num_layers, hidden_size, batch_size, dtype, tolerance, reference):
    for answers, bias in (("last", True), ("every", False), ("every", True))[hidden_size == 33 :]:
        architecture = Architecture(cell, 3, hidden_size, 2, num_layers, bias, bias, seq_len=6, answers=answers)
        lanes = ["tanh", "relu" if cell == RnnCell else "tanh"]
        network = reference.random_network(architecture, lanes, dtype=dtype)
        x, dz, z, grads = passes(network, batch_size)
        for lane in range(network.width):
            twin = TorchTwin(network, lane)
            with torch.backends.mkldnn.flags(enabled=False):  # oneDNN prepares each shape for seconds
                y = twin(x[lane]).reshape(-1, 2)
            (y * dz[lane].T).sum().backward()
            torch.testing.assert_close(z[lane].T, y.detach(), **tolerance)
            for name, parameter, ours in twin.pairs({name: grad[lane] for name, grad in grads.items()}):
                if name == "bias_hh" and cell != GruCell:
                    continue  # the same as that of bias_ih
                theirs = parameter.grad.clone()
                if name == "bias_hh":
                    theirs[: 2 * hidden_size] = 0
                torch.testing.assert_close(ours.reshape(theirs.shape), theirs, **tolerance)


# Against autograd of a plain loop


@both_answers
@every_cell
def test_every_lane_of_a_pack_of_all_activations_equals_the_reference(cell, answers, reference):
    """Each activation is phi of a lane and, in cells with gates, the gates' activation of another lane."""
    lanes = [(make_activation(name, **own), make_activation("sigmoid"), own) for name, own in CANDIDATES]
    if cell in GATED:
        lanes += [(make_activation("tanh"), make_activation(name, **own), own) for name, own in CANDIDATES]
    architecture = replace(SMALL, cell=cell, num_layers=2, answers=answers)
    network = reference.random_network(architecture, *zip(*[lane[:2] for lane in lanes], strict=True))
    passed = passes(network, batch_size=3)
    for lane, (_, _, parameters) in enumerate(lanes):
        assert_equals_reference(network, lane, passed, reference, **parameters)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_a_pack_of_one_activation_equals_the_reference(name, reference):
    for cell in (RnnCell, *GATED):
        network = reference.random_network(replace(SMALL, cell=cell), [name] * 2, [name] * 2)
        passed = passes(network, batch_size=3)
        for lane in range(2):
            assert_equals_reference(network, lane, passed, reference)


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 50, 1, 7), (8, 8, 10, 2), (4, 16, 4, 8)], ids=str)
@every_cell
def test_sizes_with_and_without_padding_equal_the_reference(cell, sizes, reference):
    input_size, hidden_size, output_size, batch_size = sizes
    for answers, bias in (("last", True), ("every", False)):
        architecture = Architecture(cell, input_size, hidden_size, output_size, 2, bias, bias, 4, answers)
        network = reference.random_network(architecture, ["sigmoid", "gelu"], ["hardtanh", "mish"])
        passed = passes(network, batch_size)
        for lane in range(2):
            assert_equals_reference(network, lane, passed, reference)


@both_answers
@every_cell
def test_a_sequence_of_one_step_equals_the_reference(cell, answers, reference):
    network = reference.random_network(
        replace(SMALL, cell=cell, seq_len=1, num_layers=2, answers=answers), ["tanh"] * 2
    )
    assert_equals_reference(network, 1, passes(network, batch_size=3), reference)


@both_answers
def test_a_network_without_layers_reads_out_its_inputs(answers, reference):
    network = reference.random_network(replace(SMALL, num_layers=0, answers=answers), ["tanh"] * 2)
    assert list(network.specs) == ["readout.weight", "readout.bias"]
    keep = [normal(3, 2, 15 if answers == "every" else 3, 4)]
    for factors in (None, keep):
        x, dz, z, grads = passes(network, 3, keep=factors)
        read = x.flatten(1, 2) if answers == "every" else x[:, -1]
        if factors is not None:
            read = read * factors[0][..., :3]
        for lane in range(2):
            weights = reference.lane_weights(network, lane)
            expected = read[lane] @ weights["readout.weight"] + weights["readout.bias"]
            torch.testing.assert_close(z[lane].T, expected.detach(), **DOUBLE)
            (expected * dz[lane].T).sum().backward()
            for name, weight in weights.items():
                torch.testing.assert_close(grads[name][lane], weight.grad, **DOUBLE)


@both_answers
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_memoryless_cell_equals_linear_layers_at_each_step(answers, num_layers, reference):
    architecture = replace(SMALL, cell=MemorylessCell, answers=answers, num_layers=num_layers)
    network = reference.random_network(architecture, ["tanh"] * 2)
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


# By gradcheck


class Unrolled(torch.autograd.Function):
    """The passes of a workspace as a function for autograd: all parameters of all lanes -> outputs of the readout."""

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


UNPADDED = Architecture(RnnCell, 4, 8, 4, 2, True, True, seq_len=3, answers="every")  # sizes that need no padding


def gradcheck(network, *, fast_mode):
    x = inputs(network, 2)
    flat = network.flat.clone().requires_grad_()
    return torch.autograd.gradcheck(Unrolled.apply, (flat, Workspace(network, 2), x), fast_mode=fast_mode)


@every_cell
def test_passes_through_time_pass_gradcheck(cell, reference):
    lanes = (["tanh", "mish"], ["softsign", "sigmoid"])
    for answers in ("last", "every"):
        network = reference.random_network(replace(UNPADDED, cell=cell, answers=answers), *lanes)
        assert gradcheck(network, fast_mode=True)
    assert gradcheck(
        reference.random_network(replace(UNPADDED, cell=cell, num_layers=1), *lanes), fast_mode=cell in GATED
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_in_either_place_of_a_gated_cell_passes_gradcheck(name, reference):
    for cell in GATED:
        network = reference.random_network(replace(UNPADDED, cell=cell), [name, "tanh"], ["sigmoid", name])
        assert gradcheck(network, fast_mode=True)


# Tokens


def one_hot_twin(network, reference):
    """A network with the same weights that reads numbers."""
    a = replace(network.architecture, tokens=False, embedding_size=None)
    twin = reference.random_network(a, network.activations, network.gate_activations)
    for lane in range(network.width):
        for name in twin.specs:
            weight = network.get_weight(lane, name)
            if name == "layer0.weight_ih" and network.architecture.embedding_size:
                weight = network.get_weight(lane, "embedding.weight") @ weight
            twin.set_weight(lane, name, weight.numpy())
    return twin


@pytest.mark.parametrize("embedding_size", [None, 5])
@every_cell
def test_tokens_are_read_as_their_one_hot_codes(cell, embedding_size, reference):
    for bias, num_layers in ((True, 2), (False, 1)):
        architecture = replace(TOKENS, cell=cell, embedding_size=embedding_size, bias=bias, num_layers=num_layers)
        network = reference.random_network(architecture, ["tanh", "gelu"])
        passed = passes(network, batch_size=3)
        for lane in range(2):
            assert_equals_reference(network, lane, passed, reference)
        codes = torch.nn.functional.one_hot(passed[0], 8).double()  # seven tokens, padded to eight
        twin = Workspace(one_hot_twin(network, reference), 3)
        torch.testing.assert_close(twin.forward(codes), passed[2], **DOUBLE)
        twin.backward(passed[1])
        for name, gradient in gradients(twin).items():
            if name == "layer0.weight_ih" and embedding_size:
                continue
            torch.testing.assert_close(passed[3][name], gradient, **DOUBLE)


def test_a_token_that_does_not_occur_has_no_gradient(reference):
    for embedding_size in (None, 5):
        network = reference.random_network(replace(TOKENS, embedding_size=embedding_size), ["tanh"] * 2)
        workspace = Workspace(network, 3)
        tokens = torch.full((2, 5, 3), 4)
        workspace.forward(tokens)
        workspace.backward(normal(2, 2, 2, 15))
        rows = gradients(workspace)["embedding.weight" if embedding_size else "layer0.weight_ih"]
        occurs = (rows != 0).any(dim=2)
        assert occurs.tolist() == [[n == 4 for n in range(7)]] * 2


# Carried state


@every_cell
def test_two_windows_in_a_row_equal_one_of_double_length(cell, reference):
    lanes = (["tanh", "gelu"], ["sigmoid", "softplus"])
    double = reference.random_network(replace(SMALL, cell=cell, seq_len=10, num_layers=2), *lanes)
    single = reference.random_network(replace(SMALL, cell=cell, num_layers=2), *lanes)
    assert torch.equal(double.flat, single.flat)
    x = inputs(double, 3)
    whole = Workspace(double, 3).forward(with_padding(x)).unflatten(2, (10, 3))
    workspace = Workspace(single, 3)
    for start in (0, 5):
        z = workspace.forward(with_padding(x[:, start : start + 5])).unflatten(2, (5, 3))
        torch.testing.assert_close(z, whole[:, :, start : start + 5], **DOUBLE)
        workspace.start_from(workspace.last_states())
    workspace.start_from_zero()
    again = workspace.forward(with_padding(x[:, :5])).unflatten(2, (5, 3))
    torch.testing.assert_close(again, whole[:, :, :5], **DOUBLE)


@pytest.mark.parametrize("seq_len", [5, 1])
@every_cell
def test_the_gradient_of_a_carried_state_ends_at_the_border(cell, seq_len, reference):
    """The reference begins with the same state, which is a constant for autograd."""
    architecture = replace(SMALL, cell=cell, num_layers=2, seq_len=seq_len)
    network = reference.random_network(architecture, ["tanh", "silu"], ["sigmoid", "softsign"])
    n_states = cell.n_states
    states = [torch.zeros(2, 3, 8, dtype=torch.float64) for _ in range(2 * n_states)]
    for n, state in enumerate(states):
        state[..., :6] = normal(30 + n, 2, 3, 6)
    passed = passes(network, 3, states=states)
    for lane in range(2):
        own = [state[lane, :, :6] for state in states]
        initial = [own[n : n + n_states] for n in range(0, len(own), n_states)]
        assert_equals_reference(network, lane, passed, reference, initial=initial)


@every_cell
def test_gradients_of_a_pass_from_zero_do_not_depend_on_the_pass_before(cell, reference):
    """One step from a state of zero has no recurrent product."""
    for seq_len in (1, 5):
        network = reference.random_network(replace(SMALL, cell=cell, seq_len=seq_len), ["tanh", "silu"])
        workspace = Workspace(network, 3)
        x, dz = with_padding(inputs(network, 3)), normal(2, 2, 2, workspace.n_answers)
        workspace.forward(x)
        workspace.backward(dz)
        expected = workspace.gather_grads().clone()
        workspace.start_from(workspace.last_states())
        workspace.forward(x)
        workspace.backward(dz)
        workspace.start_from_zero()
        workspace.forward(x)
        workspace.backward(dz)
        assert torch.equal(workspace.gather_grads(), expected)


# Dropout


@both_answers
@every_cell
def test_dropped_states_equal_the_reference(cell, answers, reference):
    """A factor acts on a state as the next layer reads it, never from step to step."""
    architecture = replace(SMALL, cell=cell, num_layers=3, answers=answers)
    network = reference.random_network(architecture, ["tanh", "relu"])
    T, B = 5, 3
    keep = [normal(40 + n, 2, B if n == 2 and answers == "last" else T * B, 8) for n in range(3)]
    passed = passes(network, B, keep=keep)
    for lane in range(2):
        own = [factors[lane, :, :6].unflatten(0, (-1, B)) for factors in keep]
        own[2] = own[2] if answers == "every" else own[2][0]
        assert_equals_reference(network, lane, passed, reference, keep=own)
    assert not torch.allclose(passed[2], passes(network, B)[2]), "without factors nothing is dropped"


# Gradients through time


@both_answers
@every_cell
def test_norms_of_gradients_through_time_equal_autograds(cell, answers, reference):
    architecture = replace(SMALL, cell=cell, num_layers=3, answers=answers)
    network = reference.random_network(architecture, ["tanh", "silu"], ["sigmoid", "mish"])
    workspace = Workspace(network, 3)
    x, dz = inputs(network, 3), normal(2, 2, 2, workspace.n_answers)
    workspace.forward(with_padding(x))
    squares = torch.full((2, 3, 5), 1.0, dtype=torch.float64)
    workspace.backward(dz, through_time=squares)
    for lane in range(2):
        z, states = reference.passed_forward(
            reference.lane_weights(network, lane), x[lane], **options_of(network, lane)
        )
        h = [state[0] for layer in states for state in layer]
        expected = torch.autograd.grad((z.reshape(-1, 2) * dz[lane].T).sum(), h, materialize_grads=True)
        norms = torch.stack([g.square().sum() for g in expected]).reshape(3, 5)
        torch.testing.assert_close(squares[lane] - 1, norms, rtol=1e-10, atol=1e-12)  # the norms were added to ones


# Buffers and padding


@every_cell
def test_accumulated_gradients_are_the_sum_over_backward_passes(cell, reference):
    for architecture in (replace(SMALL, num_layers=2), replace(TOKENS, embedding_size=3), replace(SMALL, seq_len=1)):
        network = reference.random_network(replace(architecture, cell=cell), ["tanh", "gelu"])
        workspace = Workspace(network, 3)
        pieces = [
            (with_padding(inputs(network, 3, seed)), normal(seed + 10, 2, 2, workspace.n_answers)) for seed in range(3)
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


@every_cell
def test_a_workspace_used_again_gives_the_same_bits(cell, reference):
    lanes = (["tanh", "silu"], ["sigmoid", "mish"])
    network = reference.random_network(replace(SMALL, cell=cell, num_layers=2), *lanes, dtype=torch.float32)
    workspace = Workspace(network, 3)
    x, dz = with_padding(inputs(network, 3)), normal(2, 2, 2, 15).float()

    def once():
        z = workspace.forward(x).clone()
        workspace.backward(dz)
        return torch.cat([z.flatten(), workspace.gather_grads().flatten()])

    first = once()
    workspace.start_from(workspace.last_states())
    workspace.forward(10 * x)
    workspace.backward(-dz)
    workspace.start_from_zero()
    assert torch.equal(once(), first)


def padding_of(network):
    """True where `flat` holds no parameter."""
    mask = torch.ones_like(network.flat, dtype=torch.bool)
    for name, matrix in network.matrices(mask).items():
        network.unpadded(name, matrix).fill_(False)
    return mask


@every_cell
def test_padding_stays_zero_while_the_weights_are_trained(cell, reference):
    """A padded unit of sigmoid has the state 0.5, one of softplus 0.69.  These states must have no effect."""
    lanes = (["sigmoid", "softplus", "tanh"], ["sigmoid", "softplus", "hardtanh"])
    for n, optimizer in enumerate(OPTIMIZERS.values()):
        architecture = replace((SMALL, TOKENS)[n % 2], cell=cell, num_layers=2, embedding_size=(None, 3)[n % 2])
        network = reference.random_network(architecture, *lanes, dtype=torch.float32)
        options = optimizer.Options(learning_rate=0.01, weight_decay=0.01)
        update = optimizer([options] * 3, network.flat).update
        padding, workspace = padding_of(network), Workspace(network, 3)
        before = network.flat.clone()
        for step in range(8):
            z = workspace.forward(with_padding(inputs(network, 3, step)))
            workspace.backward((z - 1) / 15)
            network.flat.sub_(update(workspace.gather_grads(), network.flat))
            workspace.start_from(workspace.last_states())
        assert padding.sum() > 100
        assert (network.flat[padding] == 0).all()
        assert (network.flat[~padding] != before[~padding]).float().mean() > 0.95


def test_gathered_gradients_lie_where_their_weights_lie(reference):
    for cell in BUFFERED:
        network = reference.random_network(replace(SMALL, cell=cell, num_layers=2), ["tanh"] * 2)
        workspace = Workspace(network, 3)
        workspace.forward(with_padding(inputs(network, 3)))
        workspace.backward(normal(2, 2, 2, 15))
        flat = workspace.gather_grads()
        assert (flat[padding_of(network)] == 0).all()
        for name, matrix in network.matrices(flat).items():
            gradient = network.unpadded(name, workspace.grads[name])
            assert torch.equal(network.unpadded(name, matrix), gradient)
            assert gradient.abs().sum() > 0


def test_answers_at_every_step_come_in_the_order_time_then_batch(reference):
    network = reference.random_network(SMALL, ["tanh"] * 2)
    x = with_padding(inputs(network, 3))
    every = Workspace(network, 3).forward(x).unflatten(2, (5, 3))
    last = Workspace(reference.random_network(replace(SMALL, answers="last"), ["tanh"] * 2), 3).forward(x)
    torch.testing.assert_close(every[:, :, -1], last, **DOUBLE)
