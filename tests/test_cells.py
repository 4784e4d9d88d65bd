"""One step of a cell and its reverse, by the formulas, step by step."""

import pytest
import torch

from rnnlab.activations import make_activation
from rnnlab.cells import CELL_CLASSES, MemorylessCell, PackActivation, RnnCell

R, T, B, H = 3, 4, 2, 5
LANES = ("tanh", "silu", "leaky_relu")


def normal(seed, *sizes):
    return torch.randn(*sizes, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(params=[RnnCell, MemorylessCell])
def cell(request):
    """A cell whose lanes have different activations, with its pre-activations filled in and all steps taken."""
    phi = PackActivation([make_activation(name) for name in LANES])
    weight_hh = normal(0, R, H, H) if request.param.recurrent else None
    made = request.param(phi, weight_hh, (R, T, B, H), like=torch.zeros(1, dtype=torch.float64))
    made.pre.copy_(normal(1, R, T, B, H))
    made.weight_hh = weight_hh
    for t in range(T):
        made.step(t)
    return made


def states(cell, pre, weight_hh, reference):
    """h[t] = phi(pre[t] + h[t-1] W_hh), lane by lane."""
    lanes = []
    for lane, name in enumerate(LANES):
        h = [reference.phi(name, pre[lane, 0])]
        for t in range(1, T):
            recurrence = h[-1] @ weight_hh[lane] if cell.recurrent else 0
            h.append(reference.phi(name, pre[lane, t] + recurrence))
        lanes.append(torch.stack(h))
    return torch.stack(lanes)


def test_steps_follow_the_formula(cell, reference):
    expected = states(cell, normal(1, R, T, B, H), cell.weight_hh, reference)
    torch.testing.assert_close(cell.h, expected, rtol=0, atol=1e-13)


@pytest.mark.parametrize("silent", [(), (0,), (1, 3), (0, 1, 2)], ids=str)
def test_reverse_steps_give_the_gradient_of_the_pre_activations(cell, reference, silent):
    """silent: steps at which nothing arrives from above."""
    above = normal(2, T, R, B, H)
    above[list(silent)] = 0
    pre = normal(1, R, T, B, H).requires_grad_()
    loss = (states(cell, pre, cell.weight_hh, reference) * above.transpose(0, 1)).sum()
    (expected,) = torch.autograd.grad(loss, pre)
    for t in reversed(range(T)):
        cell.reverse_step(t, None if t in silent else above[t])
    torch.testing.assert_close(cell.pre, expected, rtol=0, atol=1e-12)


def test_the_input_of_an_activation_is_kept_only_where_a_lane_needs_it():
    like = torch.zeros(1)
    keeps = RnnCell(PackActivation([make_activation("gelu")]), torch.zeros(1, H, H), (1, T, B, H), like)
    keeps_not = RnnCell(PackActivation([make_activation("tanh")]), torch.zeros(1, H, H), (1, T, B, H), like)
    assert keeps.phi.saves_input
    assert len(keeps._saved) == T
    assert not keeps_not.phi.saves_input
    assert keeps_not._saved == []


def test_neighbouring_lanes_with_the_same_activation_are_one_group():
    lanes = [make_activation(*name) for name in (["relu"], ["relu"], ["tanh"], ["relu"])]
    lanes += [make_activation("elu", alpha=1.0), make_activation("elu", alpha=2.0), make_activation("elu", alpha=2.0)]
    groups = PackActivation(lanes).groups
    assert [(part.start, part.stop) for part, _ in groups] == [(0, 2), (2, 3), (3, 4), (4, 5), (5, 7)]
    assert [activation for _, activation in groups] == [lanes[i] for i in (0, 2, 3, 4, 5)]


def test_a_cell_names_its_weights_with_their_roles_and_sizes():
    sizes = {w.name: (w.role, w.fan_in, w.fan_out) for w in RnnCell.weights(3, 5, bias=True)}
    assert sizes == {
        "weight_ih": ("input", 3, 5),
        "weight_hh": ("recurrent", 5, 5),
        "bias": ("bias", 1, 5),
    }


@pytest.mark.parametrize(("bias", "names"), [(True, {"weight_ih", "bias"}), (False, {"weight_ih"})])
def test_a_memoryless_cell_has_no_recurrent_weights(bias, names):
    assert {w.name for w in MemorylessCell.weights(3, 5, bias)} == names


def test_every_cell_of_the_config_has_a_class():
    assert set(CELL_CLASSES) == {"rnn", "memoryless"}
