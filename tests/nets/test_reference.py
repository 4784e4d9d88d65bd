"""The reference network, forward and backward: against torch.nn, against autograd, and by gradcheck."""

from dataclasses import replace
from operator import attrgetter

import pytest
import torch

from rnnlab.nets.activations import ACTIVATIONS, PackActivation, make_activation
from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.network import Architecture
from rnnlab.nets.reference import backward, forward

T, B, I, H, O = 5, 3, 3, 6, 2
SMALL = Architecture(RnnCell, I, H, O, 1, True, True, T, answers="every")
TOKENS = replace(SMALL, input_size=7, num_layers=2, tokens=True)
DOUBLE = dict(rtol=1e-10, atol=1e-10)
SINGLE = dict(rtol=1e-5, atol=1e-5)  # sums of up to 50 products of numbers near 1, each off by 6e-8
GATED = (LstmCell, GruCell, OriginalGruCell)
# Every activation, and those with parameters a second time.
CANDIDATES = [("leaky_relu", {"negative_slope": -0.3}), ("elu", {"alpha": 2.0}), ("celu", {"alpha": 0.5})]
CANDIDATES += [(name, {}) for name in ACTIVATIONS]
every_cell = pytest.mark.parametrize("cell", [*CELLS.values(), OriginalGruCell], ids=attrgetter("name"))
both_answers = pytest.mark.parametrize("answers", ["last", "every"])


def normal(seed, *sizes, dtype=torch.float64):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed)).to(dtype)


class Pack:
    """Lanes of one architecture with random weights and inputs, and both passes over them."""

    def __init__(self, reference, architecture, activations, gates=None, batch_size=B, dtype=torch.float64):
        """activations, gates: by lane, by name or as they are."""
        self.reference, self.a, self.dtype = reference, architecture, dtype
        gates = gates or ["sigmoid"] * len(activations)
        self.phis, self.gates = (
            [make_activation(phi) if isinstance(phi, str) else phi for phi in names] for names in (activations, gates)
        )
        R, T = len(activations), architecture.seq_len
        rows = torch.tensor(reference.random_weights(architecture, R), dtype=dtype)
        self.weights = {
            name: rows[:, start : start + n * m].reshape(R, n, m)
            for name, (start, (n, m)) in architecture.places().items()
        }
        shape, size = (T, R, batch_size), architecture.input_size
        tokens = torch.randint(size, shape, generator=torch.Generator().manual_seed(1))
        self.x = tokens if architecture.tokens else normal(1, *shape, size, dtype=dtype)
        answers = (T,) if architecture.answers == "every" else ()
        self.dz = normal(2, *answers, R, batch_size, architecture.output_size, dtype=dtype)

    def passes(self, x=None, **options):
        """z, the gradients by name, the gradients of the states; options: initial, keep"""
        cell = self.a.cell(PackActivation(self.phis), PackActivation(self.gates))
        xs = list(self.x if x is None else x)
        passed = forward(cell, self.weights, xs, answers=self.a.answers, **options)
        return passed.z, *backward(cell, self.weights, xs, passed, self.dz)

    def expected(self, lane, initial=None, keep=None):
        """z of a lane by the formulas of the papers, its gradients by name and those of every h, by autograd."""
        weights = {name: w[lane].clone().requires_grad_() for name, w in self.weights.items()}
        written = (self.reference.Written(phi) for phi in (self.phis[lane], self.gates[lane]))
        x = self.x[:, lane]
        if self.a.tokens:
            x = torch.nn.functional.one_hot(x, self.a.input_size).to(self.dtype)
        initial = initial and [tuple(state[lane] for state in layer) for layer in initial]
        keep = keep and [factors[..., lane, :, :] for factors in keep]
        passed = forward(self.a.cell(*written), weights, list(x), answers=self.a.answers, initial=initial, keep=keep)
        h = [state[0] for layer in passed.states for state in layer]
        loss = (passed.z * self.dz[..., lane, :, :]).sum()
        grads = torch.autograd.grad(loss, [*weights.values(), *h], materialize_grads=True)
        return passed.z.detach(), dict(zip(weights, grads, strict=False)), grads[len(weights) :]

    def assert_equals_autograd(self, lanes=None, **options):
        z, grads, of_states = self.passes(**options)
        assert grads.keys() == self.weights.keys()
        for lane in range(len(self.phis)) if lanes is None else lanes:
            z_expected, expected, of_h = self.expected(lane, **options)
            torch.testing.assert_close(z[..., lane, :, :], z_expected, **DOUBLE)
            for name, gradient in expected.items():
                torch.testing.assert_close(
                    grads[name][lane], gradient, **DOUBLE, msg=lambda text, name=name: f"{name}: {text}"
                )
            found = [state[0][lane] for layer in of_states for state in layer[1:]]
            for one, other in zip(found, of_h, strict=True):
                torch.testing.assert_close(one, other, **DOUBLE)


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
    """torch.nn's layers and a torch.nn.Linear with the weights of a lane."""

    def __init__(self, pack, lane):
        a = self.architecture = pack.a
        cls, self.orders = TORCH_CELLS[a.cell]
        nonlinearity = {"nonlinearity": pack.phis[lane].name} if a.cell == RnnCell else {}
        sizes = (a.input_size, a.hidden_size, a.num_layers)
        self.layers = cls(*sizes, bias=a.bias, dtype=pack.dtype, **nonlinearity)
        self.linear = torch.nn.Linear(a.hidden_size, a.output_size, bias=a.readout_bias, dtype=pack.dtype)
        with torch.no_grad():
            for _, parameter, ours in self.pairs({name: w[lane] for name, w in pack.weights.items()}):
                parameter.copy_(ours.reshape(parameter.shape))

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
        pack = Pack(reference, architecture, lanes, batch_size=batch_size, dtype=dtype)
        pack.dz /= pack.dz[..., 0, :, 0].numel()
        z, grads, _ = pack.passes()
        for lane in range(2):
            twin = TorchTwin(pack, lane)
            with torch.backends.mkldnn.flags(enabled=False):  # oneDNN prepares each shape for seconds
                y = twin(pack.x[:, lane])
            (y * pack.dz[..., lane, :, :]).sum().backward()
            torch.testing.assert_close(z[..., lane, :, :], y.detach(), **tolerance)
            for name, parameter, ours in twin.pairs({name: grad[lane] for name, grad in grads.items()}):
                if name == "bias_hh" and cell != GruCell:
                    continue  # the same as that of bias_ih
                theirs = parameter.grad.clone()
                if name == "bias_hh":
                    theirs[: 2 * hidden_size] = 0
                torch.testing.assert_close(ours.reshape(theirs.shape), theirs, **tolerance)


@both_answers
@pytest.mark.parametrize("num_layers", [1, 2])
def test_a_memoryless_cell_equals_linear_layers_at_each_step(answers, num_layers, reference):
    pack = Pack(reference, replace(SMALL, cell=MemorylessCell, answers=answers, num_layers=num_layers), ["tanh"] * 2)
    assert not any(name.endswith("weight_hh") for name in pack.weights)
    z, grads, _ = pack.passes()
    for lane in range(2):
        weights = {name: w[lane].clone().requires_grad_() for name, w in pack.weights.items()}
        h = pack.x[:, lane] if answers == "every" else pack.x[-1, lane]
        for n in range(num_layers):
            own = weights[f"layer{n}.weight_ih"], weights[f"layer{n}.bias"][0]
            h = torch.tanh(torch.nn.functional.linear(h, own[0].T, own[1]))
        y = torch.nn.functional.linear(h, weights["readout.weight"].T, weights["readout.bias"][0])
        torch.testing.assert_close(z[..., lane, :, :], y.detach(), **DOUBLE)
        (y * pack.dz[..., lane, :, :]).sum().backward()
        for name, weight in weights.items():
            torch.testing.assert_close(grads[name][lane], weight.grad, **DOUBLE)


# Against autograd of the same network with the activations in the words of their papers


@both_answers
@every_cell
def test_every_lane_of_a_pack_of_all_activations_has_autograds_gradients(cell, answers, reference):
    """Each activation is phi of a lane and, in cells with gates, the gates' activation of another lane."""
    own = [make_activation(name, **parameters) for name, parameters in CANDIDATES]
    lanes, gates = own, ["sigmoid"] * len(own)
    if cell in GATED:
        lanes, gates = own + ["tanh"] * len(own), gates + own
    Pack(reference, replace(SMALL, cell=cell, num_layers=2, answers=answers), lanes, gates).assert_equals_autograd()


@pytest.mark.parametrize("sizes", [(1, 1, 1, 1), (1, 50, 1, 7), (8, 8, 10, 2), (4, 16, 4, 8)], ids=str)
@every_cell
def test_networks_of_all_sizes_have_autograds_gradients(cell, sizes, reference):
    input_size, hidden_size, output_size, batch_size = sizes
    for answers, bias in (("last", True), ("every", False)):
        architecture = Architecture(cell, input_size, hidden_size, output_size, 2, bias, bias, 4, answers)
        Pack(reference, architecture, ["sigmoid", "gelu"], ["hardtanh", "mish"], batch_size).assert_equals_autograd()


@both_answers
@every_cell
def test_a_sequence_of_one_step_has_autograds_gradients(cell, answers, reference):
    architecture = replace(SMALL, cell=cell, seq_len=1, num_layers=2, answers=answers)
    Pack(reference, architecture, ["tanh"] * 2).assert_equals_autograd()


@both_answers
def test_a_network_without_layers_reads_out_its_inputs(answers, reference):
    pack = Pack(reference, replace(SMALL, num_layers=0, answers=answers), ["tanh"] * 2)
    assert list(pack.weights) == ["readout.weight", "readout.bias"]
    for factors in (None, [normal(3, *((T,) if answers == "every" else ()), 2, B, I)]):
        z, grads, of_states = pack.passes(keep=factors)
        assert of_states == []
        read = pack.x if answers == "every" else pack.x[-1]
        read = read if factors is None else read * factors[0]
        expected = read @ pack.weights["readout.weight"] + pack.weights["readout.bias"]
        torch.testing.assert_close(z, expected, **DOUBLE)
        products = torch.einsum("...rbi,...rbo->...rio", read, pack.dz).reshape(-1, 2, I, O).sum(0)
        torch.testing.assert_close(grads["readout.weight"], products, **DOUBLE)
        torch.testing.assert_close(grads["readout.bias"][:, 0], pack.dz.sum(-2).reshape(-1, 2, O).sum(0), **DOUBLE)


def test_answers_at_every_step_end_with_that_at_the_last_step(reference):
    every = Pack(reference, SMALL, ["tanh"] * 2).passes()[0]
    last = Pack(reference, replace(SMALL, answers="last"), ["tanh"] * 2).passes()[0]
    torch.testing.assert_close(every[-1], last, **DOUBLE)


# By gradcheck


class Unrolled(torch.autograd.Function):
    """Both passes as a function for autograd: the parameters of all lanes -> outputs of the readout."""

    @staticmethod
    def forward(ctx, pack, *weights):
        ctx.pack = pack
        pack.weights = dict(zip(pack.weights, weights, strict=True))
        ctx.save_for_backward(*weights)
        return pack.passes()[0]

    @staticmethod
    def backward(ctx, dz):
        pack = ctx.pack
        pack.weights, pack.dz = dict(zip(pack.weights, ctx.saved_tensors, strict=True)), dz
        grads = pack.passes()[1]
        return None, *(grads[name] for name in pack.weights)


def gradcheck(pack):
    weights = [w.clone().requires_grad_() for w in pack.weights.values()]
    return torch.autograd.gradcheck(Unrolled.apply, (pack, *weights), fast_mode=True)


@every_cell
def test_passes_through_time_pass_gradcheck(cell, reference):
    for answers in ("last", "every"):
        architecture = replace(SMALL, cell=cell, answers=answers, num_layers=2, seq_len=3)
        assert gradcheck(Pack(reference, architecture, ["tanh", "mish"], ["softsign", "sigmoid"]))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_every_activation_in_either_place_of_a_gated_cell_passes_gradcheck(name, reference):
    for cell in GATED:
        architecture = replace(SMALL, cell=cell, seq_len=3)
        assert gradcheck(Pack(reference, architecture, [name, "tanh"], ["sigmoid", name]))


# Tokens


@pytest.mark.parametrize("embedding_size", [None, 5])
@every_cell
def test_tokens_are_read_as_their_one_hot_codes(cell, embedding_size, reference):
    for bias, num_layers in ((True, 2), (False, 1)):
        architecture = replace(TOKENS, cell=cell, embedding_size=embedding_size, bias=bias, num_layers=num_layers)
        pack = Pack(reference, architecture, ["tanh", "gelu"])
        pack.assert_equals_autograd()
        looked_up = pack.passes()
        multiplied = pack.passes(x=torch.nn.functional.one_hot(pack.x, 7).double())
        torch.testing.assert_close(looked_up[0], multiplied[0], **DOUBLE)
        torch.testing.assert_close(looked_up[1], multiplied[1], **DOUBLE)


def test_a_token_that_does_not_occur_has_no_gradient(reference):
    for embedding_size in (None, 5):
        pack = Pack(reference, replace(TOKENS, embedding_size=embedding_size), ["tanh"] * 2)
        pack.x = torch.full_like(pack.x, 4)
        rows = pack.passes()[1]["embedding.weight" if embedding_size else "layer0.weight_ih"]
        assert (rows != 0).any(dim=2).tolist() == [[n == 4 for n in range(7)]] * 2


# Carried state


@every_cell
def test_two_windows_in_a_row_equal_one_of_double_length(cell, reference):
    pack = Pack(reference, replace(SMALL, cell=cell, seq_len=10, num_layers=2), ["tanh", "gelu"], ["sigmoid", "mish"])
    net = cell(PackActivation(pack.phis), PackActivation(pack.gates))
    whole = forward(net, pack.weights, list(pack.x), answers="every")
    states = None
    for start in (0, 5):
        half = forward(net, pack.weights, list(pack.x[start : start + 5]), answers="every", initial=states)
        torch.testing.assert_close(half.z, whole.z[start : start + 5], **DOUBLE)
        states = [layer[-1] for layer in half.states]


@pytest.mark.parametrize("seq_len", [5, 1])
@every_cell
def test_the_gradient_of_a_carried_state_ends_at_the_border(cell, seq_len, reference):
    """For autograd the first state is a constant."""
    architecture = replace(SMALL, cell=cell, num_layers=2, seq_len=seq_len)
    pack = Pack(reference, architecture, ["tanh", "silu"], ["sigmoid", "softsign"])
    initial = [tuple(normal(30 + 2 * n + s, 2, B, H) for s in range(cell.n_states)) for n in range(2)]
    pack.assert_equals_autograd(initial=initial)


@every_cell
def test_the_gradient_of_the_state_before_the_first_step_is_autograds(cell, reference):
    pack = Pack(reference, replace(SMALL, cell=cell), ["tanh", "silu"])
    initial = tuple(normal(30 + s, 2, B, H) for s in range(cell.n_states))
    found = pack.passes(initial=[initial])[2][0][0]
    for lane in range(2):
        own = tuple(state[lane].clone().requires_grad_() for state in initial)
        written = cell(reference.Written(pack.phis[lane]), reference.Written("sigmoid"))
        weights = {name: w[lane] for name, w in pack.weights.items()}
        z = forward(written, weights, list(pack.x[:, lane]), answers="every", initial=[own]).z
        loss = (z * pack.dz[:, lane]).sum() + 0 * sum(state.sum() for state in own)  # memoryless does not use it
        expected = torch.autograd.grad(loss, own)
        for one, other in zip(found, expected, strict=True):
            torch.testing.assert_close(one[lane], other, **DOUBLE)


# Dropout


@both_answers
@every_cell
def test_dropped_states_have_autograds_gradients(cell, answers, reference):
    """A factor acts on a state as the next layer reads it, never from step to step."""
    pack = Pack(reference, replace(SMALL, cell=cell, num_layers=3, answers=answers), ["tanh", "relu"])
    top = (T,) if answers == "every" else ()
    keep = [normal(40, T, 2, B, H), normal(41, T, 2, B, H), normal(42, *top, 2, B, H)]
    pack.assert_equals_autograd(keep=keep)
    assert not torch.allclose(pack.passes(keep=keep)[0], pack.passes()[0]), "without factors nothing is dropped"


def test_a_factor_acts_on_a_state_only_as_the_next_layer_reads_it(reference):
    """Where the second layer's inputs are all dropped, it is a network that reads zeros; the first is as it was."""
    pack = Pack(reference, replace(SMALL, num_layers=2), ["tanh"] * 2)
    cell = RnnCell(PackActivation(pack.phis), PackActivation(pack.gates))
    ones = torch.ones(T, 2, B, H, dtype=torch.float64)
    dropped = forward(cell, pack.weights, list(pack.x), answers="every", keep=[0 * ones, ones])
    whole = forward(cell, pack.weights, list(pack.x), answers="every")
    for one, other in zip(dropped.states[0], whole.states[0], strict=True):
        assert torch.equal(one[0], other[0])
    h = torch.zeros(2, B, H, dtype=torch.float64)
    for t in range(T):
        h = torch.tanh(h @ pack.weights["layer1.weight_hh"] + pack.weights["layer1.bias"])
        torch.testing.assert_close(dropped.states[1][t][0], h, **DOUBLE)
