"""rnnlab.RNN, LSTM and GRU: against torch.nn, against loops over the papers' formulas, and as modules of PyTorch."""

import copy
import inspect
import io
import pickle
import re
from importlib.util import find_spec
from pathlib import Path

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.nn.utils.rnn import PackedSequence, pack_padded_sequence, pad_packed_sequence

import rnnlab
from rnnlab.nets import modules, unrolling
from rnnlab.nets.activations import ACTIVATIONS, make_activation

CELLS = ("RNN", "LSTM", "GRU")
HAS_KERNELS = find_spec("numba") is not None
BACKENDS = ("compiled", "torch") if HAS_KERNELS else ("torch",)
EXACT = dict(rtol=1e-5, atol=1e-5)  # single precision, summed in another order
T, B, I, H = 6, 4, 3, 7


def twins(cell, *sizes, backend="auto", **options):
    """torch's module and ours, each made after the same seed."""
    made = []
    for library, more in ((torch.nn, {}), (rnnlab, {"backend": backend})):
        torch.manual_seed(0)
        made.append(getattr(library, cell)(*(sizes or (I, H)), **options, **more))
    return made


def normal(*shape, seed=1):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def states(cell, *shape):
    """hx of a cell."""
    h, c = normal(*shape, seed=2), normal(*shape, seed=3)
    return (h, c) if cell == "LSTM" else h


def listed(hx):
    return [] if hx is None else [hx] if isinstance(hx, torch.Tensor) else list(hx)


def results(module, x, hx=None):
    """Outputs and last states, then the gradients of x, hx and all parameters under a loss that sees every number."""
    data = x.data if isinstance(x, PackedSequence) else x
    leaves = [tensor.requires_grad_() for tensor in (data, *listed(hx))]
    torch.manual_seed(5)  # dropout
    outputs, last = module(x, hx)
    found = [outputs.data if isinstance(outputs, PackedSequence) else outputs, *listed(last)]
    loss = sum((tensor * normal(*tensor.shape, seed=n)).sum() for n, tensor in enumerate(found))
    gradients = torch.autograd.grad(loss, [*leaves, *module.parameters()])
    return [tensor.detach() for tensor in (*found, *gradients)]


def assert_equal(found, expected, **tolerance):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        torch.testing.assert_close(ours, theirs, **(tolerance or EXACT))


# Against torch.nn

SHAPES = {  # the arguments of the module, the shape of x, and of hx if there is one
    "plain": ({}, (T, B, I), None),
    "with states": ({}, (T, B, I), (1, B, H)),
    "one sample": ({}, (T, I), (1, H)),
    "one sample, batch first": (dict(batch_first=True), (T, I), None),
    "batch first": (dict(batch_first=True, num_layers=2), (B, T, I), (2, B, H)),
    "one step of one sample": ({}, (1, 1, I), (1, 1, H)),
    "three layers": (dict(num_layers=3), (T, B, I), (3, B, H)),
    "no bias": (dict(bias=False, num_layers=2), (T, B, I), None),
    "two directions": (dict(bidirectional=True), (T, B, I), None),
    "two directions of one sample": (dict(bidirectional=True, num_layers=2), (T, I), (4, H)),
    "two directions, two layers": (
        dict(bidirectional=True, num_layers=2, batch_first=True), (B, T, I), (4, B, H),
    ),
    "dropout": (dict(num_layers=3, dropout=0.4), (T, B, I), (3, B, H)),
    "dropout, two directions": (dict(num_layers=2, dropout=0.4, bidirectional=True), (T, B, I), None),
    "no sample": ({}, (T, 0, I), None),
}  # fmt: skip


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", CELLS)
def test_outputs_states_and_gradients_equal_those_of_torch_nn(cell, shape, backend):
    options, of_x, of_hx = SHAPES[shape]
    theirs, ours = twins(cell, backend=backend, **options)
    for module in (theirs, ours):
        module.train()
    x, hx = normal(*of_x), None if of_hx is None else states(cell, *of_hx)
    assert_equal(results(ours, x, hx), results(theirs, x, hx))


@pytest.mark.parametrize("backend", BACKENDS)
def test_an_elman_network_with_relu_is_that_of_torch_nn(backend):
    theirs, ours = twins("RNN", I, H, 2, "relu", backend=backend)
    x = normal(T, B, I)
    assert_equal(results(ours, x), results(theirs, x))
    named = rnnlab.RNN(I, H, 2, activation="relu")
    named.load_state_dict(theirs.state_dict())
    assert_equal(results(named, x), results(ours, x))


@pytest.mark.parametrize("options", [{}, dict(num_layers=2), dict(num_layers=2, bidirectional=True, dropout=0.3)])
@pytest.mark.parametrize("is_sorted", [True, False])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("cell", CELLS)
def test_packed_sequences_give_what_torch_nn_gives(cell, backend, is_sorted, options):
    theirs, ours = twins(cell, backend=backend, **options)
    lengths = [6, 5, 5, 2, 1] if is_sorted else [2, 6, 1, 5, 5]
    hx = states(cell, len(theirs.all_weights), 5, H)
    found = []
    for module, start in ((ours, hx), (theirs, hx), (ours, None), (theirs, None)):
        packed = pack_padded_sequence(normal(T, 5, I), lengths, enforce_sorted=is_sorted)
        found.append(results(module, packed, start))
    assert_equal(*found[:2])
    assert_equal(*found[2:])
    padded, counts = pad_packed_sequence(ours.eval()(packed)[0])
    assert counts.tolist() == lengths
    torch.testing.assert_close(padded[: lengths[0], 0], ours(normal(T, 5, I)[: lengths[0], 0])[0], **EXACT)


@pytest.mark.parametrize("options", [{}, dict(num_layers=2, bidirectional=True), dict(bias=False)])
@pytest.mark.parametrize("cell", CELLS)
def test_state_dicts_go_both_ways_and_begin_with_the_same_numbers(cell, options):
    theirs, ours = twins(cell, **options)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    assert all(map(torch.equal, ours.state_dict().values(), theirs.state_dict().values()))
    assert [len(weights) for weights in ours.all_weights] == [len(weights) for weights in theirs.all_weights]
    for module in (theirs, ours):
        torch.manual_seed(9)
        module.reset_parameters()
    x = normal(T, B, I)
    before = ours(x)[0]
    ours.load_state_dict(twins(cell, **options)[0].state_dict())
    assert not torch.equal(ours(x)[0], before)
    ours.load_state_dict(theirs.state_dict())
    assert torch.equal(ours(x)[0], before)
    theirs.load_state_dict(ours.state_dict())
    torch.testing.assert_close(theirs(x)[0], before, **EXACT)


def test_dropout_acts_between_layers_in_training_only():
    x = normal(T, B, I)
    plain, dropped = twins("GRU", num_layers=2)[1], twins("GRU", num_layers=2, dropout=0.5)[1]
    assert torch.equal(dropped.eval()(x)[0], plain(x)[0])
    dropped.train()
    assert not torch.equal(dropped(x)[0], dropped(x)[0])
    whole = twins("GRU", num_layers=2, dropout=1)[1]
    alone = torch.nn.GRU(H, H)
    alone.load_state_dict({name.replace("l1", "l0"): w for name, w in whole.state_dict().items() if "l1" in name})
    torch.testing.assert_close(whole(x)[0], alone(torch.zeros(T, B, H))[0], **EXACT)


def test_dropout_of_one_layer_is_warned_of():
    with pytest.warns(UserWarning, match=r"dropout=0.5 acts between layers, so not with num_layers=1"):
        rnnlab.RNN(I, H, dropout=0.5)


# Activations


KINDS = {
    "rnn": lambda **options: rnnlab.RNN(I, H, **options),
    "memoryless": lambda **options: rnnlab.RNN(I, H, recurrent=False, **options),
    "lstm": lambda **options: rnnlab.LSTM(I, H, **options),
    "gru": lambda **options: rnnlab.GRU(I, H, **options),
    "original_gru": lambda **options: rnnlab.GRU(I, H, reset_after=False, **options),
}
GATED = ("lstm", "gru", "original_gru")


def loop(kind, module, x, phi, s):
    """A layer by the formulas of torch.nn, from states of zero; original_gru resets before the product."""
    w = dict(module.named_parameters())
    ih = x @ w["weight_ih_l0"].mT + w["bias_ih_l0"]
    if kind == "memoryless":
        return phi(ih)
    weight, bias = w["weight_hh_l0"], w["bias_hh_l0"]
    h = c = x.new_zeros(x.shape[1], H)
    found = []
    for a in ih:
        if kind == "rnn":
            h = phi(a + h @ weight.mT + bias)
        elif kind == "lstm":
            i, f, g, o = (a + h @ weight.mT + bias).chunk(4, 1)
            c = s(f) * c + s(i) * phi(g)
            h = s(o) * phi(c)
        else:
            r, z, _ = (s(part) for part in (a + h @ weight.mT + bias).chunk(3, 1))
            of_r, of_n = (h, r) if kind == "gru" else (r * h, 1)
            n = phi(a[:, 2 * H :] + of_n * (of_r @ weight[2 * H :].mT + bias[2 * H :]))
            h = (1 - z) * n + z * h
        found.append(h)
    return torch.stack(found)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("kind", KINDS)
def test_every_activation_in_either_place_is_what_its_formula_says(kind, name, backend, reference):
    for place in ("activation", "gate_activation") if kind in GATED else ("activation",):
        torch.manual_seed(0)
        module = KINDS[kind](backend=backend, **{place: name})
        exact = copy.deepcopy(module).double()
        usual = {"activation": "tanh", "gate_activation": "sigmoid"}
        phis = [reference.Written(each) for each in (usual | {place: name}).values()]
        found = []
        for each, x in ((module, normal(3, B, I)), (exact, normal(3, B, I).double())):
            x.requires_grad_()
            outputs = each(x)[0] if each is module else loop(kind, each, x, *phis)
            loss = (outputs * normal(3, B, H)).sum()
            gradients = torch.autograd.grad(loss, [x, *each.parameters()], materialize_grads=True)
            found.append([outputs.detach(), *gradients])
        ours, expected = found
        for one, other in zip(ours, expected, strict=True):
            assert (one - other).abs().max() <= 1e-5 * other.abs().max().clamp(min=1)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_at_0_is_the_activations_own(name, backend):
    """Where autograd would add up both sides of a kink."""
    rnn = rnnlab.RNN(1, 1, bias=False, activation=name, backend=backend)
    x = torch.zeros(1, 1, 1, requires_grad=True)
    rnn(x)[0].sum().backward()
    torch.testing.assert_close(x.grad[0], rnn.weight_ih_l0.detach() * make_activation(name).slope_at_0)


def test_parameters_of_activations_are_arguments():
    gru = rnnlab.GRU(I, H, activation="leaky_relu", negative_slope=0.3, gate_activation="elu", gate_alpha=0.5)
    assert gru.activation == make_activation("leaky_relu", negative_slope=0.3)
    assert gru.gate_activation == make_activation("elu", alpha=0.5)
    assert repr(gru) == ("GRU(3, 7, activation=leaky_relu, negative_slope=0.3, gate_activation=elu, gate_alpha=0.5)")
    same = rnnlab.GRU(I, H, activation=gru.activation, gate_activation=gru.gate_activation)
    same.load_state_dict(gru.state_dict())
    usual = rnnlab.GRU(I, H, activation="leaky_relu", gate_activation="elu")
    usual.load_state_dict(gru.state_dict())
    x = normal(T, B, I)
    assert torch.equal(same(x)[0], gru(x)[0])
    assert not torch.equal(usual(x)[0], gru(x)[0])


def test_a_function_of_torch_may_be_the_activation():
    theirs, ours = twins("LSTM", num_layers=2)
    function = rnnlab.LSTM(I, H, 2, activation=torch.tanh, gate_activation=lambda a: 1 / (1 + torch.exp(-a)))
    function.load_state_dict(ours.state_dict())
    x = normal(T, B, I)
    assert_equal(results(function, x), results(theirs, x))


def test_a_module_as_activation_is_trained_along():
    rnn = rnnlab.RNN(I, H, activation=torch.nn.PReLU(init=0.2))
    fixed = rnnlab.RNN(I, H, activation="leaky_relu", negative_slope=0.2)
    assert [*rnn.state_dict()] == [*fixed.state_dict(), "activation.weight"]
    fixed.load_state_dict(rnn.state_dict(), strict=False)
    x = normal(T, B, I)
    torch.testing.assert_close(rnn(x)[0], fixed(x)[0], **EXACT)
    rnn(x)[0].sum().backward()
    assert rnn.activation.weight.grad.abs() > 0
    rnn.reset_parameters()
    assert rnn.activation.weight.item() == pytest.approx(0.2)


def test_the_forget_gate_may_begin_open():
    plain, open_ = (
        [torch.manual_seed(0), rnnlab.LSTM(I, H, 2, forget_bias=bias, bidirectional=True)][1] for bias in (0, 1.5)
    )
    for name, weight in plain.state_dict().items():
        added = torch.zeros_like(weight)
        if name.startswith("bias_ih"):
            added[H : 2 * H] = 1.5
        torch.testing.assert_close(open_.state_dict()[name], weight + added)


def test_a_network_without_memory_has_no_recurrent_weights():
    rnn = rnnlab.RNN(I, H, 2, recurrent=False, bidirectional=True)
    assert {name.rsplit("_l")[0] for name in rnn.state_dict()} == {"weight_ih", "bias_ih"}
    x = normal(T, B, I)
    order = torch.tensor([3, 0, 5, 1, 4, 2])
    torch.testing.assert_close(rnn(x[order])[0], rnn(x)[0][order])


# As modules of PyTorch


@pytest.mark.parametrize(
    "kind", [pytest.param(kind, marks=() if kind in ("rnn", "lstm") else pytest.mark.slow) for kind in KINDS]
)
def test_gradients_and_their_gradients_are_right_in_plain_torch(kind):
    module = KINDS[kind](dtype=torch.float64, activation="softplus")
    names = [name for name, _ in module.named_parameters()]

    def outputs(x, *weights):
        return torch.func.functional_call(module, dict(zip(names, weights, strict=True)), (x,))[0]

    inputs = [normal(3, 2, I).double(), *(weight.detach().clone() for weight in module.parameters())]
    for tensor in inputs:
        tensor.requires_grad_()
    assert gradcheck(outputs, inputs)
    assert gradgradcheck(outputs, inputs)


@pytest.mark.parametrize("cell", CELLS)
def test_double_precision_is_computed_by_plain_torch(cell):
    theirs, ours = twins(cell, dtype=torch.float64, num_layers=2)
    x, hx = normal(T, B, I).double(), states(cell, 2, B, H)
    hx = tuple(state.double() for state in hx) if cell == "LSTM" else hx.double()
    assert_equal(results(ours, x, hx), results(theirs, x, hx), rtol=1e-12, atol=1e-12)
    single = getattr(rnnlab, cell)(I, H, 2)
    single.load_state_dict(ours.state_dict())
    torch.testing.assert_close(single.double()(x)[0], single.to(torch.float32)(x.float())[0].double(), **EXACT)


@pytest.mark.filterwarnings("ignore:.*should not be instantiated:DeprecationWarning")  # torch's own, in torch.compile
@pytest.mark.parametrize(
    ("cell", "backend"),
    [
        pytest.param(cell, backend, marks=() if (cell, backend) == ("GRU", BACKENDS[0]) else pytest.mark.slow)
        for cell in CELLS
        for backend in BACKENDS
    ],
)
def test_torch_compile_takes_it_whole_whatever_the_length(cell, backend):
    torch.compiler.reset()  # else it counts the compilations of all these tests, and stops
    torch.manual_seed(0)
    model = torch.nn.ModuleDict(
        dict(rnn=getattr(rnnlab, cell)(I, H, 2, bidirectional=True, backend=backend), out=torch.nn.Linear(2 * H, 1))
    )

    def loss(x, hx):
        return model["out"](model["rnn"](x, hx)[0]).square().mean()

    compiled = torch.compile(loss, fullgraph=True, backend="aot_eager")
    for steps, batch in ((4, 3), (5, 2), (3, 5)):
        x, hx = normal(steps, batch, I), states(cell, 4, batch, H)
        found = []
        for function in (compiled, loss):
            value = function(x, hx)
            found.append([value.detach(), *torch.autograd.grad(value, [*model.parameters()])])
        assert_equal(*found)


def test_torch_export_takes_it():
    rnn = rnnlab.GRU(I, H, 2).eval()
    x = normal(T, B, I)
    exported = torch.export.export(rnn, (x,))
    assert_equal(listed(exported.module()(x)[0]), listed(rnn(x)[0]))


def test_many_networks_at_once_by_vmap():
    """In plain torch; the kernels take one network at a time."""
    rnns = [rnnlab.RNN(I, H, activation="elu", backend="torch") for _ in range(3)]
    weights, _ = torch.func.stack_module_state(rnns)
    x = normal(T, B, I)

    def loss(weights):
        return torch.func.functional_call(rnns[0], weights, (x,))[0].square().mean()

    together = torch.func.vmap(torch.func.grad(loss))(weights)
    for n, rnn in enumerate(rnns):
        rnn(x)[0].square().mean().backward()
        for name, weight in rnn.named_parameters():
            torch.testing.assert_close(together[name][n], weight.grad)


@pytest.mark.parametrize("cell", CELLS)
def test_it_is_copied_and_kept_like_every_module(cell):
    module = getattr(rnnlab, cell)(I, H, 2, activation="celu", alpha=0.7)
    module.flatten_parameters()
    x = normal(T, B, I)
    outputs = module(x)[0]
    kept = io.BytesIO()
    torch.save(module.state_dict(), kept)
    kept.seek(0)
    loaded = getattr(rnnlab, cell)(I, H, 2, activation="celu", alpha=0.7)
    loaded.load_state_dict(torch.load(kept, weights_only=True))
    for other in (loaded, copy.deepcopy(module), pickle.loads(pickle.dumps(module))):
        assert torch.equal(other(x)[0], outputs)
        with torch.no_grad():
            other.weight_ih_l0.add_(1)
        assert not torch.equal(other(x)[0], outputs)
        assert torch.equal(module(x)[0], outputs)


def test_weights_may_be_parametrized():
    rnn = rnnlab.RNN(I, H)
    plain = copy.deepcopy(rnn)
    torch.nn.utils.parametrizations.weight_norm(rnn, "weight_hh_l0")
    x = normal(T, B, I)
    torch.testing.assert_close(rnn(x)[0], plain(x)[0], **EXACT)
    rnn(x)[0].sum().backward()
    assert rnn.parametrizations.weight_hh_l0.original0.grad.abs().sum() > 0


def test_under_autocast_it_computes_in_the_precision_of_its_weights():
    rnn, x = rnnlab.RNN(I, H), normal(T, B, I)
    rounded = x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16):
        assert torch.equal(rnn(rounded)[0], rnn(rounded.float())[0])


# What has no kernel, and what cannot be


@pytest.mark.skipif(not HAS_KERNELS, reason="needs numba")
def test_where_no_kernel_computes_compiled_is_refused_and_auto_takes_plain_torch():
    with pytest.raises(ValueError, match=r"^backend: compiled is not possible: an activation that is not registered"):
        rnnlab.RNN(I, H, activation=torch.tanh, backend="compiled")
    rnn = rnnlab.RNN(I, H, backend="compiled", dtype=torch.float64)
    with pytest.raises(ValueError, match=r"^backend: compiled computes torch.float32 on cpu, not torch.float64 on cpu"):
        rnn(normal(T, B, I).double())
    on_meta = rnnlab.LSTM(I, H, device="meta")(torch.empty(T, B, I, device="meta"))[0]
    assert on_meta.shape == (T, B, H)


@pytest.mark.skipif(not HAS_KERNELS, reason="needs numba")
def test_kernels_that_cannot_be_compiled_are_named_once(monkeypatch, capsys):
    monkeypatch.setattr(unrolling, "cannot_compile", lambda: "no LLVM here")
    theirs, ours = twins("GRU")
    x = normal(T, B, I)
    for _ in range(2):
        assert_equal(results(ours, x), results(theirs, x))
    assert capsys.readouterr().err == "rnnlab: no LLVM here; plain torch computes instead\n"
    with pytest.raises(ValueError, match="compiled is not possible: no LLVM here"):
        rnnlab.GRU(I, H, backend="compiled")(x)


class Mine(type(make_activation("tanh"))):
    """An activation with the name of another one."""

    def phi(self, a):
        return 2 * super().phi(a)

    def slope(self, a):
        return 2 * super().slope(a)


def test_an_activation_of_ones_own_is_not_taken_for_its_namesake():
    rnn = rnnlab.RNN(I, H, recurrent=False, activation=Mine())
    usual = rnnlab.RNN(I, H, recurrent=False)
    usual.load_state_dict(rnn.state_dict())
    x = normal(T, B, I)
    torch.testing.assert_close(rnn(x)[0], 2 * usual(x)[0], **EXACT)


REFUSED = {
    r"input_size: 0; must be a whole number at least 1": ("RNN", (0, 3), {}),
    r"hidden_size: 2.5; must be a whole number at least 1": ("GRU", (1, 2.5), {}),
    r"num_layers: 0; must be a whole number at least 1": ("LSTM", (1, 2, 0), {}),
    r"bias: 'relu'; must be True or False": ("LSTM", (1, 2, 1, "relu"), {}),
    r"dropout: 1.5; must be a number from 0 to 1": ("RNN", (1, 2), dict(dropout=1.5)),
    r"proj_size: 3; projections are not supported, only 0": ("LSTM", (1, 5), dict(proj_size=3)),
    r"forget_bias: 1; needs bias=True": ("LSTM", (1, 5), dict(forget_bias=1, bias=False)),
    r"backend: unknown 'cuda'; one of auto, compiled, torch": ("RNN", (1, 2), dict(backend="cuda")),
    r"activation: unknown 'rleu'; one of tanh, .* \(did you mean 'relu'\?\)": ("RNN", (1, 2), dict(activation="rleu")),
    r"gate_activation: unknown 'x'; one of tanh": ("GRU", (1, 2), dict(gate_activation="x")),
    r"activation: 3; must be a name, an Activation or a function": ("RNN", (1, 2), dict(activation=3)),
    r"RNN: nonlinearity='relu' and activation='elu' are the same; give one": (
        "RNN", (1, 2, 1, "relu"), dict(activation="elu"),
    ),
    r"RNN: unknown argument 'hidden' \(did you mean 'hidden_size'\?\); parameters of its activations: none": (
        "RNN", (1, 2), dict(hidden=3),
    ),
    r"GRU: unknown argument 'gate_slope' .*; parameters of its activations: gate_negative_slope": (
        "GRU", (1, 2), dict(gate_activation="leaky_relu", gate_slope=3),
    ),
    r"RNN: unknown argument 'proj_size'": ("RNN", (1, 2), dict(proj_size=1)),
    r"alpha: -1; must be a finite number above 0": ("RNN", (1, 2), dict(activation="elu", alpha=-1)),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_arguments_that_cannot_be_used_are_refused_in_one_line(message):
    cell, sizes, options = REFUSED[message]
    with pytest.raises((TypeError, ValueError), match=f"^{message}") as raised:
        getattr(rnnlab, cell)(*sizes, **options)
    assert "\n" not in str(raised.value)


MISFITS = {
    r"input: 2 or 3 axes, or a PackedSequence, got \(3,\)": ("RNN", torch.zeros(3), None),
    r"input: 2 numbers at a step; input_size is 3": ("RNN", torch.zeros(T, B, 2), None),
    r"input: at least one step, got \(0, 4, 3\)": ("RNN", torch.zeros(0, B, I), None),
    r"input: torch.float64, but the weights are torch.float32; convert one": (
        "GRU", torch.zeros(T, B, I).double(), None,
    ),
    r"hx: \(1, 4, 7\) for this input, got \(4, 7\)": ("RNN", torch.zeros(T, B, I), torch.zeros(B, H)),
    r"hx: \(1, 7\) for this input, got \(1, 1, 7\)": ("GRU", torch.zeros(T, I), torch.zeros(1, 1, H)),
    r"hx: LSTM has a pair of states \(h, c\), got \(1, 4, 7\)": ("LSTM", torch.zeros(T, B, I), torch.zeros(1, B, H)),
    r"hx: \(1, 4, 7\) for this input, got tuple": ("RNN", torch.zeros(T, B, I), states("LSTM", 1, B, H)),
}  # fmt: skip


@pytest.mark.parametrize("message", MISFITS)
def test_tensors_that_do_not_fit_are_refused_in_one_line(message):
    cell, x, hx = MISFITS[message]
    with pytest.raises(ValueError, match=f"^{message}") as raised:
        getattr(rnnlab, cell)(I, H)(x, hx)
    assert "\n" not in str(raised.value)


def test_the_package_has_them_and_nothing_else_by_that_way():
    assert rnnlab.RNN is modules.RNN and rnnlab.LSTM is modules.LSTM and rnnlab.GRU is modules.GRU
    assert {"RNN", "LSTM", "GRU", "load"} <= set(dir(rnnlab))
    with pytest.raises(AttributeError, match="module 'rnnlab' has no attribute 'TCN'"):
        rnnlab.TCN  # noqa: B018


# docs/modules.md

PAGE = (Path(__file__).parents[2] / "docs/modules.md").read_text(encoding="utf-8")


def test_the_example_of_the_page_runs(capsys):
    (code,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(code, "docs/modules.md", "exec"), {})
    assert "LSTM(2, 32, num_layers=2, batch_first=True, activation=leaky_relu" in capsys.readouterr().out


@pytest.mark.parametrize("cell", CELLS)
def test_arguments_stand_in_the_order_of_torch_nn_and_the_others_on_the_page(cell):
    parameters = inspect.signature(getattr(rnnlab, cell)).parameters
    nonlinearity, proj_size = ["nonlinearity"] * (cell == "RNN"), ["proj_size"] * (cell == "LSTM")
    sizes = ["input_size", "hidden_size", "num_layers", *nonlinearity, "bias", "batch_first", "dropout"]
    positional = [*sizes, "bidirectional", *proj_size, "device", "dtype"]
    assert [*parameters][: len(positional)] == positional
    for name in [*parameters][len(positional) : -1]:
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY
        assert f"| `{name}` |" in PAGE, name


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_a_trace_computes_what_the_module_does_and_keeps_none_of_its_buffers(kind):
    module = getattr(rnnlab, kind)(3, 7)
    trace = torch.jit.trace(module, torch.randn(5, 4, 3))
    for seed in range(20):
        x = torch.randn(5, 4, 3, generator=torch.Generator().manual_seed(seed))
        torch.testing.assert_close(trace(x)[0], module(x)[0], rtol=1e-5, atol=1e-6)
