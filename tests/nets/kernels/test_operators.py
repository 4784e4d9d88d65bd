"""The operators of PyTorch: torch's own checks, outputs and gradients against torch.nn and the reference network."""

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import pytest
import torch
from torch.autograd import gradcheck
from torch.library import opcheck

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.layout import GATES
from rnnlab.nets.reference import forward

operators = pytest.importorskip("rnnlab.nets.kernels.operators")

TWINS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
BY_NAME = {cell.name: cell for cell in GATES}
N_STATES = {"lstm": 2}
GATES = {  # torch's order
    "rnn": [""],
    "memoryless": [""],
    "lstm": ["input", "forget", "candidate", "output"],
    "gru": ["reset", "update", "candidate"],
    "original_gru": ["reset", "update", "candidate"],
}
EXACT = 1e-5  # relative to the largest number of a tensor


@pytest.fixture(autouse=True)
def memory_begins_as_nan():
    """What a kernel reads before it is written is NaN, here, and not what happened to lie there."""
    torch.use_deterministic_algorithms(True)  # which fills new memory
    yield
    torch.use_deterministic_algorithms(False)


class Stack:
    """Random float32 weights, inputs, initial states and gradients; `run` calls the operator on them.

    The weights are so small that states and gradients stay of order 1, also where gates have no bounds."""

    def __init__(self, cell="rnn", T=6, B=3, I=2, H=5, L=1, bias=True, starts=True):
        self.cell, self.H, self.L, self.bias = cell, H, L, bias
        generator = torch.Generator().manual_seed(0)

        def normal(*shape):
            return torch.randn(shape, generator=generator)

        rows, ways = len(GATES[cell]) * H, ("ih",) if cell == "memoryless" else ("ih", "hh")
        self.weights = {}
        for n in range(L):
            for way, size in zip(ways, (H if n else I, H), strict=False):
                self.weights[f"layer{n}.weight_{way}"] = 0.5 * normal(rows, size) / size**0.5
            for way in ways if bias else ():
                self.weights[f"layer{n}.bias_{way}"] = 0.3 * normal(rows)
        states = N_STATES.get(cell, 1), L, B, H
        self.x, self.initial = normal(T, B, I), 0.5 * normal(*states) if starts else None
        self.d_outputs, self.d_last = normal(T, B, H), normal(*states)

    def kind(self, phi="tanh", gate_phi="sigmoid"):
        parameters = [[*vars(make_activation(name)).values()] for name in (phi, gate_phi)]
        return self.cell, self.H, self.L, self.bias, phi, parameters[0], gate_phi, parameters[1]

    def flat(self):
        return torch.cat([w.flatten() for w in self.weights.values()])

    def leaves(self, dtype=torch.float32):
        """x, the initial states if there are any, and all weights."""
        tensors = [self.x, *([] if self.initial is None else [self.initial]), *self.weights.values()]
        return [tensor.to(dtype, copy=True).requires_grad_() for tensor in tensors]

    def parts(self, leaves):
        """x, initial, weights"""
        starts = self.initial is not None
        return leaves[0], leaves[1] if starts else None, leaves[1 + starts :]

    def results(self, compute, dtype=torch.float32):
        """compute(x, initial, weights) -> outputs, last states: these, and the gradients of all leaves."""
        leaves = self.leaves(dtype)
        outputs, last = compute(*self.parts(leaves))
        loss = (outputs * self.d_outputs).sum() + (last * self.d_last).sum()
        return outputs.detach(), last.detach(), *torch.autograd.grad(loss, leaves, materialize_grads=True)

    def run(self, phi="tanh", gate_phi="sigmoid"):
        def compute(x, initial, weights):
            flat = torch.cat([w.flatten() for w in weights])
            return operators.unroll(x, flat, initial, *self.kind(phi, gate_phi))[:2]

        return self.results(compute)

    def twin(self, **options):
        """The same by torch.nn in double precision."""
        made = TWINS[self.cell](self.x.shape[2], self.H, self.L, bias=self.bias, dtype=torch.float64, **options)

        def compute(x, initial, weights):
            names = [name for name, _ in made.named_parameters()]
            states = None if initial is None else tuple(initial) if self.cell == "lstm" else initial[0]
            arguments = (x,) if states is None else (x, states)
            outputs, last = torch.func.functional_call(made, dict(zip(names, weights, strict=True)), arguments)
            return outputs, torch.stack(last) if self.cell == "lstm" else last[None]

        return self.results(compute, torch.float64)

    def written(self, phi, gate_phi, reference):
        """The same by nets/reference.py in double precision."""
        cell = BY_NAME[self.cell](reference.Written(phi), reference.Written(gate_phi))

        def compute(x, initial, weights):
            named = dict(zip(self.weights, weights, strict=True))
            ours = {"readout.weight": torch.eye(self.H, dtype=torch.float64)}
            for n in range(self.L):
                ours |= self._in_our_order({name[7:]: w for name, w in named.items() if name[5] == str(n)}, n)
            before = None if initial is None else [tuple(initial[:, n]) for n in range(self.L)]
            passed = forward(cell, ours, list(x), answers="every", initial=before)
            last = [torch.stack(states[-1]) for states in passed.states]
            return passed.z, torch.stack(last, 1)

        return self.results(compute, torch.float64)

    def _in_our_order(self, weights, n):
        """One layer's weights as nets/cells has them."""
        blocks = {
            (name, gate): rows.unsqueeze(1).T if rows.ndim == 1 else rows.T
            for name, w in weights.items()
            for gate, rows in zip(GATES[self.cell], w.split(self.H), strict=True)
        }
        found = {}
        for spec in BY_NAME[self.cell].weights(1, self.H, self.bias):
            columns = []
            for gate in spec.gates:
                if spec.name == "bias":
                    ih, hh = (blocks.get((f"bias_{way}", gate)) for way in ("ih", "hh"))
                    apart = self.cell == "gru" and gate == "candidate"
                    hidden = blocks.get(("bias_hh", "candidate"))
                    columns.append(hidden if gate == "recurrent_candidate" else ih if apart or hh is None else ih + hh)
                else:
                    name = "weight_ih" if spec.name == "weight_ih" else "weight_hh"
                    columns.append(blocks[name, gate.removeprefix("recurrent_")])
            found[f"layer{n}.{spec.name}"] = torch.cat(columns, 1)
        return found


def assert_equal(found, expected):
    assert len(found) == len(expected)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() <= EXACT * theirs.abs().max().clamp(min=1e-6)


SHAPES = {
    "plain": {},
    "one sample": dict(B=1),
    "one step": dict(T=1),
    "one of each": dict(T=1, B=1, I=1, H=1),
    "odd sizes": dict(B=13, H=33, I=3),
    "more inputs than units": dict(I=40, H=7),
    "whole vectors": dict(H=16, I=16, B=8),
    "two layers": dict(L=2, H=19),
    "three layers": dict(L=3),
    "no bias": dict(bias=False, L=2),
    "from zero": dict(starts=False, L=2),
    "longer than a chunk of gradients": dict(T=70, B=9, H=8),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("cell", TWINS)
def test_outputs_states_and_gradients_equal_those_of_torch_nn(cell, shape):
    stack = Stack(cell, **SHAPES[shape])
    assert_equal(stack.run(), stack.twin())


@pytest.mark.parametrize("shape", ["plain", "three layers"])
def test_an_elman_network_with_relu_equals_torch_nn(shape):
    stack = Stack("rnn", **SHAPES[shape])
    assert_equal(stack.run("relu"), stack.twin(nonlinearity="relu"))


@pytest.mark.parametrize("shape", ["plain", "one of each", "two layers", "no bias", "from zero"])
@pytest.mark.parametrize("cell", GATES)
def test_outputs_states_and_gradients_equal_those_of_the_reference(cell, shape, reference):
    stack = Stack(cell, **SHAPES[shape])
    assert_equal(stack.run("elu", "softsign"), stack.written("elu", "softsign", reference))


@pytest.mark.parametrize("phi", ACTIVATIONS)
@pytest.mark.parametrize("cell", GATES)
def test_every_activation_works_in_either_place(cell, phi, reference):
    stack = Stack(cell, L=2, T=3)
    assert_equal(stack.run(phi), stack.written(phi, "sigmoid", reference))
    if len(GATES[cell]) > 1:
        assert_equal(stack.run("tanh", phi), stack.written("tanh", phi, reference))


def test_parameters_of_activations_are_handed_over():
    stack = Stack()
    outputs = [
        operators.unroll(stack.x, stack.flat(), None, "rnn", 5, 1, True, "leaky_relu", [slope], "sigmoid", [])[0]
        for slope in (0.1, 0.2)
    ]
    first = (outputs[0][0], outputs[1][0])
    assert (first[0] < 0).any()
    torch.testing.assert_close(torch.where(first[0] < 0, 2 * first[0], first[0]), first[1])


@pytest.mark.parametrize("cell", GATES)
def test_opcheck_passes(cell):
    for options, phi in ((dict(), "tanh"), (dict(L=2, bias=False, starts=False), "gelu")):
        stack = Stack(cell, **options)
        initial = None if stack.initial is None else stack.initial.requires_grad_()
        arguments = stack.x.requires_grad_(), stack.flat().requires_grad_(), initial, *stack.kind(phi)
        opcheck(operators.unroll, arguments)
        trace = operators.unroll(*arguments)[2]
        for d_outputs, d_last in ((stack.d_outputs, None), (None, stack.d_last)):
            opcheck(
                operators.unroll_backward, (trace, d_outputs, d_last, [*stack.x.shape], True, False, *stack.kind(phi))
            )


@pytest.mark.filterwarnings("ignore:Input #. requires gradient and is not a double precision")
@pytest.mark.parametrize("cell", GATES)
def test_gradcheck_passes(cell):
    """In single precision: differences over a step of 2 eps = 0.04 have an error of 1e-7 / 0.04 by rounding, and one of
    about eps^2 / 6 times a third derivative."""
    stack = Stack(cell, T=3, B=2, H=3, L=2)
    inputs = [tensor.requires_grad_() for tensor in (stack.x, stack.flat(), stack.initial)]
    assert gradcheck(
        lambda *tensors: operators.unroll(*tensors, *stack.kind())[:2], inputs, eps=0.02, atol=3e-3, rtol=3e-3
    )


@pytest.mark.parametrize("backend", ["eager", "aot_eager"])
@pytest.mark.parametrize("cell", TWINS)
def test_torch_compile_takes_the_operator_into_its_graph(cell, backend):
    stack = Stack(cell, L=2)

    def network(x, weights, initial):
        outputs, last, _ = operators.unroll(2 * x, weights, initial, *stack.kind())
        return outputs.square().mean() + last.sum()

    found = []
    for function in (network, torch.compile(network, fullgraph=True, backend=backend)):
        inputs = [tensor.clone().requires_grad_() for tensor in (stack.x, stack.flat(), stack.initial)]
        value = function(*inputs)
        found.append([value.detach(), *torch.autograd.grad(value, inputs)])
    for plain, compiled in zip(*found, strict=True):
        torch.testing.assert_close(compiled, plain)


@pytest.mark.parametrize("cell", GATES)
def test_a_sample_has_the_same_bits_whatever_stands_beside_it(cell):
    stack = Stack(cell, B=11, H=21, L=2)
    outputs, last, _ = operators.unroll(stack.x, stack.flat(), stack.initial, *stack.kind())
    for first, end in pairwise([0, 1, 3, 11]):
        part = slice(first, end)
        own, own_last, _ = operators.unroll(stack.x[:, part], stack.flat(), stack.initial[:, :, part], *stack.kind())
        assert torch.equal(own, outputs[:, part])
        assert torch.equal(own_last, last[:, :, part])


def test_threads_do_not_disturb_each_other():
    stacks = [Stack(cell, T=40, B=7, H=24, L=2) for cell in GATES] * 4
    expected = [stack.run() for stack in stacks]
    with ThreadPoolExecutor(2) as pool:
        for found, alone in zip(pool.map(Stack.run, stacks), expected, strict=True):
            assert all(map(torch.equal, found, alone))


def test_a_graph_that_is_kept_gives_its_gradients_again():
    """The backward pass does not write into the trace."""
    stack = Stack("lstm", L=2)
    leaves = stack.leaves()
    x, initial, weights = stack.parts(leaves)
    outputs, *_ = operators.unroll(x, torch.cat([w.flatten() for w in weights]), initial, *stack.kind())
    first, second = (torch.autograd.grad(outputs.sum(), leaves, retain_graph=True) for _ in range(2))
    assert all(map(torch.equal, first, second))


def test_gradients_of_weights_do_not_need_those_of_x_and_states():
    stack = Stack("lstm", L=2)
    found = []
    for others in (False, True):
        flat = stack.flat().requires_grad_()
        x, initial = stack.x.clone().requires_grad_(others), stack.initial.clone().requires_grad_(others)
        outputs, *_ = operators.unroll(x, flat, initial, *stack.kind())
        outputs.sum().backward()
        assert (x.grad is not None) == (initial.grad is not None) == others
        found.append(flat.grad)
    assert torch.equal(*found)


def test_tensors_may_be_strided_and_gradients_broadcast():
    stack = Stack("gru")
    by_sample = stack.x.transpose(0, 1).contiguous().requires_grad_()
    outputs, *_ = operators.unroll(by_sample.transpose(0, 1), stack.flat(), stack.initial, *stack.kind())
    outputs.sum().backward()
    x = stack.x.requires_grad_()
    plain, *_ = operators.unroll(x, stack.flat(), stack.initial, *stack.kind())
    plain.backward(torch.ones_like(plain))
    assert torch.equal(outputs, plain)
    assert torch.equal(by_sample.grad.transpose(0, 1), x.grad)


def test_subnormal_numbers_count_as_zero_inside_and_not_outside():
    tiny = torch.full((1, 1, 1), 1e-40)
    outputs, *_ = operators.unroll(tiny, torch.ones(2), None, "rnn", 1, 1, False, "identity", [], "sigmoid", [])
    assert outputs.item() == 0
    assert (tiny * 1).item() != 0


def test_gradients_of_gradients_are_refused():
    stack = Stack()
    x, weights = stack.x.requires_grad_(), stack.flat().requires_grad_()
    by_operator = operators.unroll(x, weights, None, *stack.kind())[0].square().sum()
    outputs, _ = operators.unrolled(x, weights, None, operators.Kind(*stack.kind()))
    for loss in (
        by_operator,
        outputs.square().sum(),
        outputs.sum(),
    ):  # of the last, gradients depend on the trace alone
        (gradient,) = torch.autograd.grad(loss, x, create_graph=True)
        with pytest.raises(RuntimeError, match="rnnlab::unroll can be differentiated once; plain torch"):
            gradient.sum().backward()


@pytest.mark.parametrize("cell", GATES)
def test_eager_mode_has_the_bits_of_the_operator(cell):
    stack = Stack(cell, L=2)
    found = []
    for compute in (operators.unroll, lambda *given: operators.unrolled(*given[:3], operators.Kind(*given[3:]))):
        leaves = stack.leaves()
        x, initial, weights = stack.parts(leaves)
        outputs, last, *_ = compute(x, torch.cat([w.flatten() for w in weights]), initial, *stack.kind())
        loss = (outputs * stack.d_outputs).sum() + (last * stack.d_last).sum()
        found.append([outputs, last, *torch.autograd.grad(loss, leaves)])
    assert all(map(torch.equal, *found))


WRONG = {
    "cell: 'tcn' has no kernel; one of rnn, memoryless, lstm, gru, original_gru": dict(cell="tcn"),
    "activation: 'rleu' has no kernel; one of tanh, sigmoid, relu": dict(activation="rleu"),
    r"activation: leaky_relu has the parameters \['negative_slope'\], got \[\]": dict(activation="leaky_relu"),
    r"x: torch.float64 on cpu has no kernel; give torch.float32 on cpu, or": dict(x=torch.zeros(6, 3, 2).double()),
    r"x: torch.float32 on meta has no kernel; give torch.float32 on cpu, or": dict(
        x=torch.zeros(6, 3, 2, device="meta")
    ),
    r"x: \(T, B, I\), at least 1 each, got \(6, 2\)": dict(x=torch.zeros(6, 2)),
    r"x: \(T, B, I\), at least 1 each, got \(6, 0, 2\)": dict(x=torch.zeros(6, 0, 2)),
    "hidden_size and num_layers: at least 1, got 0 and 1": dict(hidden_size=0),
    r"weights: \(45,\) for .* got \(3,\)": dict(weights=torch.zeros(3)),
    r"initial: \(1, 1, 3, 5\) for .* got \(1, 3, 5\)": dict(initial=torch.zeros(1, 3, 5)),
}


@pytest.mark.parametrize("message", WRONG)
def test_what_has_no_kernel_is_said_in_one_line(message):
    stack = Stack()
    names = (
        "cell",
        "hidden_size",
        "num_layers",
        "bias",
        "activation",
        "parameters",
        "gate_activation",
        "gate_parameters",
    )
    values = dict(x=stack.x, weights=stack.flat(), initial=None) | dict(zip(names, stack.kind(), strict=True))
    with pytest.raises(ValueError, match=f"^{message}") as raised:
        operators.unroll(*(values | WRONG[message]).values())
    assert "\n" not in str(raised.value)
