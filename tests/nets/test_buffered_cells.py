"""One step of a buffered cell, and the same step in reverse, against the formulas of nets/cells."""

from operator import attrgetter

import pytest
import torch

from rnnlab.nets.activations import make_activation
from rnnlab.nets.buffered import BUFFERED, PackActivation
from rnnlab.nets.cells.lstm import LstmCell

R, T, B, H = 3, 4, 2, 5
LANES = ("tanh", "silu", "leaky_relu")
GATES = ("sigmoid", "softplus", "gelu")
DOUBLE = torch.zeros(1, dtype=torch.float64)
CLOSE = dict(rtol=1e-12, atol=1e-12)  # if gates have no bounds, states and gradients reach a hundred


def normal(seed, *sizes):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def pack(names):
    return PackActivation([make_activation(name) for name in names])


class Layer:
    """A buffered cell whose lanes have different activations, and the same cell by the formulas."""

    def __init__(self, formula, reference, carried=False):
        self.formula, self.reference = formula, reference
        self.called = []  # the arguments of phi
        specs = formula.weights(3, H, bias=False)[1:]
        sizes = {w.name: (R, w.fan_in, len(w.gates) * w.fan_out) for w in specs}
        self.weights = {key: 0.3 * normal(n, *size) for n, (key, size) in enumerate(sizes.items())}
        self.cell = BUFFERED[formula](pack(LANES), pack(GATES), self.weights, (R, T, B, H), DOUBLE)
        self.pre = normal(10, *self.cell.pre.shape)
        self.initial = [normal(20 + n, R, B, H) for n in range(self.formula.n_states)] if carried else None
        if carried:
            self.cell.start_from(self.initial)
        self.cell.pre.copy_(self.pre)

    def states(self, pre, lane):
        """The states of a lane by the formulas: for each step (h,) or (h, c)."""
        weights = {name: w[lane] for name, w in self.weights.items()}
        before = self.initial or [torch.zeros(R, B, H, dtype=pre.dtype)] * self.formula.n_states
        states = [tuple(state[lane] for state in before)]

        def phi(a):
            self.called.append(a.detach().clone())
            return self.reference.phi(LANES[lane], a)

        def s(a):
            return self.reference.phi(GATES[lane], a)

        for t in range(T):
            states.append(self.formula(phi, s).step(pre[lane, t], states[-1], weights)[0])
        return states[1:]


@pytest.fixture(params=BUFFERED, ids=attrgetter("name"))
def cell(request):
    return request.param


@pytest.fixture(params=[False, True], ids=["from_zero", "carried"])
def layer(request, cell, reference):
    made = Layer(cell, reference, carried=request.param)
    made.cell.unroll()
    return made


def test_steps_follow_the_formula(layer):
    for lane in range(R):
        for t, expected in enumerate(layer.states(layer.pre, lane)):
            for trace, state in zip(layer.cell.states, expected, strict=True):
                torch.testing.assert_close(trace[lane, t + 1], state, **CLOSE)
    assert torch.equal(layer.cell.outputs, layer.cell.h[:, 1:])
    for last, trace in zip(layer.cell.last_states(), layer.cell.states, strict=True):
        assert torch.equal(last, trace[:, T])


@pytest.mark.parametrize("silent", [(), (0,), (1, 3), (0, 1, 2)], ids=str)
def test_reverse_steps_give_the_gradients_of_pre_activations_and_states(layer, silent):
    """silent: steps at which no gradient arrives from above."""
    above = normal(2, T, R, B, H)
    above[list(silent)] = 0
    pre = layer.pre.clone().requires_grad_()
    states = [[state[0] for state in layer.states(pre, lane)] for lane in range(R)]
    loss = sum((h * above[t, lane]).sum() for lane in range(R) for t, h in enumerate(states[lane]))
    d_pre, *d_states = torch.autograd.grad(loss, [pre, *(h for lane in states for h in lane)])
    layer.cell.begin_reverse()
    for t in reversed(range(T)):
        layer.cell.reverse_step(t, None if t in silent else above[t])
        for lane in range(R):
            torch.testing.assert_close(layer.cell.gradient[lane], d_states[lane * T + t], **CLOSE)
    torch.testing.assert_close(layer.cell.pre, d_pre, **CLOSE)


def test_gradients_of_the_state_before_the_first_step_equal_autograds(cell, reference):
    """Of h and, in an LSTM, of c; with a gradient at each of them after the last step."""
    layer = Layer(cell, reference, carried=True)
    layer.cell.unroll()
    above = normal(2, T, R, B, H)
    beyond = [torch.zeros(R, B, H, dtype=torch.float64)] + [normal(3, R, B, H)] * (cell.n_states - 1)
    initial = [state.requires_grad_() for state in layer.initial]
    loss = 0 * sum(state.sum() for state in initial)  # a memoryless cell does not use it
    for lane in range(R):
        states = layer.states(layer.pre, lane)
        loss = loss + sum((state[0] * above[t, lane]).sum() for t, state in enumerate(states))
        loss = loss + sum((state * g[lane]).sum() for state, g in zip(states[-1], beyond, strict=True))
    expected = torch.autograd.grad(loss, initial)
    layer.cell.beyond = beyond[1] if len(beyond) > 1 else None
    layer.cell.begin_reverse()
    for t in reversed(range(T)):
        layer.cell.reverse_step(t, above[t])
    for gradient, by_autograd in zip(layer.cell.initial_gradients(), expected, strict=True):
        torch.testing.assert_close(gradient, by_autograd, **CLOSE)


def test_recurrent_products_add_up_to_the_gradients_of_the_recurrent_weights(layer):
    weights = {name: w.requires_grad_() for name, w in layer.weights.items()}
    above = normal(2, T, R, B, H)
    states = [layer.states(layer.pre, lane) for lane in range(R)]
    loss = sum((state[0] * above[t, lane]).sum() for lane in range(R) for t, state in enumerate(states[lane]))
    expected = torch.autograd.grad(loss, list(weights.values())) if weights else ()
    with torch.no_grad():
        layer.cell.begin_reverse()
        for t in reversed(range(T)):
            layer.cell.reverse_step(t, above[t])
        products = layer.cell.recurrent_products()
    assert [name for name, _, _ in products] == list(weights)
    for (_, v, d_product), gradient in zip(products, expected, strict=True):
        torch.testing.assert_close(v.transpose(1, 2) @ d_product, gradient, **CLOSE)


def test_slopes_are_those_of_the_candidate_or_of_the_only_activation(layer):
    """At the argument of phi in the formula; the second call in a step of an LSTM is phi(c)."""
    per_step = 2 if layer.formula is LstmCell else 1
    for lane in range(R):
        layer.called = []
        layer.states(layer.pre, lane)
        for t in range(T):
            a = layer.called[t * per_step].requires_grad_()
            (expected,) = torch.autograd.grad(layer.reference.phi(LANES[lane], a).sum(), a)
            torch.testing.assert_close(layer.cell.slope(t)[lane], expected, **CLOSE)


def test_a_cell_goes_from_a_carried_state_back_to_zero(cell, reference):
    layer, fresh = Layer(cell, reference, carried=True), Layer(cell, reference)
    layer.cell.unroll(), fresh.cell.unroll()
    assert not layer.cell.from_zero
    layer.cell.start_from_zero()
    layer.cell.pre.copy_(layer.pre)
    layer.cell.unroll()
    assert layer.cell.from_zero
    for one, other in zip(layer.cell.states, fresh.cell.states, strict=True):
        assert torch.equal(one, other)


def test_neighbouring_lanes_with_the_same_activation_are_one_group():
    lanes = [make_activation(*name) for name in (["relu"], ["relu"], ["tanh"], ["relu"])]
    lanes += [make_activation("elu", alpha=1.0), make_activation("elu", alpha=2.0), make_activation("elu", alpha=2.0)]
    groups = PackActivation(lanes).groups
    assert [(part.start, part.stop) for part, _ in groups] == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 7)]
    assert [activation for _, activation in groups] == [lanes[i] for i in (0, 2, 3, 4, 5)]
