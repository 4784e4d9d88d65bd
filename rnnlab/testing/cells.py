"""What holds of every cell: the sizes of its weights and states, its steps in reverse, and that lanes do not mix."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.testing import assert_close

from rnnlab.nets.activations import PackActivation, make_activation
from rnnlab.nets.activations.slope import Differentiable
from rnnlab.nets.cells import CELLS, Cell
from rnnlab.nets.cells.base import State
from rnnlab.nets.cells.trial import check_step
from rnnlab.options import check_choice

R, T, B, I, H = 2, 4, 3, 2, 5
PHI, GATE_PHI = ("silu", "tanh"), ("sigmoid", "softplus")  # of the lanes
Phis = Callable[[Sequence[str]], Callable[[Tensor], Tensor]]  # names of activations, a lane each -> a cell's phi


def check_cell(name: str) -> None:
    """Check the cell of that name.  Raises AssertionError."""
    check_choice("check_cell", name, CELLS)
    cls = CELLS[name].variant(CELLS[name].Options())
    the_weights_fit_the_blocks(cls)
    recurrent_says_whether_a_step_depends_on_the_state_before(cls)
    a_step_gives_states_of_the_stated_number_and_shape(cls)
    the_steps_in_reverse_give_autograds_gradients(cls)
    a_lane_gives_the_same_alone_and_among_others(cls)


def stated(names: Sequence[str]) -> PackActivation:
    return PackActivation([make_activation(name) for name in names])


def differentiable(names: Sequence[str]) -> Callable[[Tensor], Tensor]:
    """phi as autograd sees it, with the slopes that the activations state."""
    return Differentiable(stated(names))


def normal(seed: int, *sizes: int) -> Tensor:
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


def recurrent_weights(cls: type[Cell], *lead: int) -> dict[str, Tensor]:
    """The recurrent weights and the cell's own, by name."""
    specs = cls.weights(I, H, bias=False)[1:]
    return {w.name: 0.4 * normal(n, *lead, w.fan_in, len(w.gates) * H) for n, w in enumerate(specs)}


def the_weights_fit_the_blocks(cls: type[Cell]) -> None:
    weights = cls.weights(3, 5, bias=True)
    first, *others, bias = weights
    assert (first.name, first.role, first.fan_in, first.fan_out) == ("weight_ih", "input", 3, 5), first
    assert (bias.name, bias.role, bias.fan_in, bias.fan_out) == ("bias", "bias", 1, 5), bias
    assert cls.weights(3, 5, bias=False) == weights[:-1], "without a bias the weights must be the same but the last"
    for w in others:
        sizes = [(5, 5)] if w.role == "recurrent" else [(5, 5), (1, 5)]
        assert w.role in ("recurrent", "own") and (w.fan_in, w.fan_out) in sizes, w
    for w in weights:
        assert w.blocks.stop <= cls.blocks, f"{w.name}: writes to {w.blocks}, but there are {cls.blocks} blocks"
    assert len(first.gates) == cls.input_blocks, f"input_blocks: {cls.input_blocks}, but weight_ih has {first.gates}"


def recurrent_says_whether_a_step_depends_on_the_state_before(cls: type[Cell]) -> None:
    cell, w, pre = cls(stated(PHI), stated(GATE_PHI)), recurrent_weights(cls, R), normal(1, R, B, cls.blocks * H)
    states = [tuple(normal(seed + n, R, B, H) for n in range(cls.n_states)) for seed in (2, 12)]
    one, other = (cell.step(pre, state, w)[0] for state in states)
    same = all(torch.equal(a, b) for a, b in zip(one, other, strict=True))
    assert same != cls.recurrent, f"recurrent: {cls.recurrent}, but the step {'ignores' if same else 'reads'} the state"


def a_step_gives_states_of_the_stated_number_and_shape(cls: type[Cell]) -> None:
    try:
        check_step(cls)
    except ValueError as error:
        raise AssertionError(str(error)) from None


def the_steps_in_reverse_give_autograds_gradients(cls: type[Cell], phis: Phis = differentiable) -> None:
    """Gradients of the pre-activations, of the state before the first step, of every h and of the recurrent weights.

    Each lane has another phi.  phis: what autograd differentiates."""
    w = {name: weight.requires_grad_() for name, weight in recurrent_weights(cls, R).items()}
    pre = [normal(10 + t, R, B, cls.blocks * H).requires_grad_() for t in range(T)]
    state = tuple(normal(20 + n, R, B, H).requires_grad_() for n in range(cls.n_states))
    above = [normal(30 + t, R, B, H) for t in range(T)]
    states, _ = cls(phis(PHI), phis(GATE_PHI)).unroll(pre, state, w)  # type: ignore[arg-type]  # no slope is needed here
    loss = sum(((after[0] * g).sum() for after, g in zip(states, above, strict=True)), torch.zeros(()))
    every_state = [*state, *(after[0] for after in states)]
    expected = torch.autograd.grad(loss, [*pre, *every_state, *w.values()], materialize_grads=True)
    with torch.no_grad():
        cell = cls(stated(PHI), stated(GATE_PHI))
        _, trace = cell.unroll(pre, state, w)
        d_pre, d_states, grads = cell.unroll_reverse(above, trace, w)
    assert list(grads) == list(w)
    assert len(d_states) == T + 1
    found_of_states = [*d_states[0], *(gradient[0] for gradient in d_states[1:])]
    for found, gradient in zip([*d_pre, *found_of_states, *grads.values()], expected, strict=True):
        assert_close(found, gradient, rtol=1e-12, atol=1e-12)


def a_lane_gives_the_same_alone_and_among_others(cls: type[Cell]) -> None:
    """Up to the order of summation."""
    w, pre = recurrent_weights(cls, R), normal(1, R, B, cls.blocks * H)
    state: State = tuple(normal(2 + n, R, B, H) for n in range(cls.n_states))
    together, _ = cls(stated(PHI), stated(GATE_PHI)).step(pre, state, w)
    for lane in range(R):
        own = slice(lane, lane + 1)
        cell = cls(stated(PHI[own]), stated(GATE_PHI[own]))
        of_lane = {name: weight[own] for name, weight in w.items()}
        alone, _ = cell.step(pre[own], tuple(part[own] for part in state), of_lane)
        for one, other in zip(alone, together, strict=True):
            assert_close(one, other[own], rtol=1e-12, atol=1e-12)
