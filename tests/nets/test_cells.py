"""The cells of nets/cells: a step against torch.nn and, unit by unit, against the formula; its reverse by autograd."""

from dataclasses import astuple
from operator import attrgetter

import pytest
import torch

from rnnlab.nets.cells import CELLS, register
from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.mgu import Mgu1Cell, Mgu2Cell, Mgu3Cell, MguCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.testing.cells import (
    B,
    H,
    I,
    a_lane_gives_the_same_alone_and_among_others,
    a_step_gives_states_of_the_stated_number_and_shape,
    normal,
    recurrent_says_whether_a_step_depends_on_the_state_before,
    recurrent_weights,
    the_steps_in_reverse_give_autograds_gradients,
    the_weights_fit_the_blocks,
)

EVERY = (*CELLS.values(), OriginalGruCell, Mgu1Cell, Mgu2Cell, Mgu3Cell)
OTHERS = (
    the_weights_fit_the_blocks,
    recurrent_says_whether_a_step_depends_on_the_state_before,
    a_step_gives_states_of_the_stated_number_and_shape,
    a_lane_gives_the_same_alone_and_among_others,
)
CLOSE = dict(rtol=1e-12, atol=1e-12)
every_cell = pytest.mark.parametrize("cls", EVERY, ids=attrgetter("name"))


class Lanes:
    """phi of every lane, differentiable, by the formula of its paper."""

    def __init__(self, names, reference):
        self.functions = [reference.Written(name) for name in names]

    def __call__(self, a):
        return torch.stack([phi(part) for phi, part in zip(self.functions, a, strict=True)])


# torch's gates are i f n o and r z n; ours i f o n and n r z, in W_hh r z q, in the bias n r z q.
TORCH = {
    RnnCell: (torch.nn.RNNCell, (0,), (0,)),
    LstmCell: (torch.nn.LSTMCell, (0, 1, 3, 2), (0, 1, 3, 2)),
    GruCell: (torch.nn.GRUCell, (1, 2, 0), (0, 1, 2)),
}


@pytest.mark.parametrize("cls", TORCH, ids=attrgetter("name"))
def test_a_step_equals_that_of_torch_nn(cls, reference):
    twin_class, input_order, state_order = TORCH[cls]
    twin = twin_class(I, H, dtype=torch.float64)
    x, state = normal(1, B, I), tuple(normal(2 + n, B, H) for n in range(cls.n_states))
    rows_ih, rows_hh = (w.detach().split(H) for w in (twin.weight_ih, twin.weight_hh))
    biases = twin.bias_ih.detach().split(H), twin.bias_hh.detach().split(H)
    w = {"weight_hh": torch.cat([rows_hh[state_order.index(n)] for n in range(len(rows_hh))]).T}
    own = [rows_ih[input_order.index(n)] for n in range(len(rows_ih))]
    bias = [biases[0][input_order.index(n)] for n in range(len(own))]
    if cls is GruCell:  # (n, r, z, q): torch adds the second bias of n inside the reset, where it is the bias of q
        second = [torch.zeros(H, dtype=torch.float64), biases[1][0], biases[1][1]]
        bias = [*map(torch.add, bias, second), biases[1][2]]
        own.append(torch.zeros(H, I, dtype=torch.float64))
    else:
        bias = list(map(torch.add, bias, [biases[1][state_order.index(n)] for n in range(len(own))]))
    pre = x @ torch.cat(own).T + torch.cat(bias)
    found, _ = cls(reference.Written("tanh"), reference.Written("sigmoid")).step(pre, state, w)
    expected = twin(x, state if cls is LstmCell else state[0])
    for ours, theirs in zip(found, expected if cls is LstmCell else [expected], strict=True):
        torch.testing.assert_close(ours, theirs, **CLOSE)


def test_a_step_of_the_original_gru_resets_before_the_product(reference):
    """Unit by unit, with equations 5 to 8 of the paper."""
    w, pre, h = recurrent_weights(OriginalGruCell), normal(1, B, 3 * H), normal(2, B, H)
    cell = OriginalGruCell(reference.Written("tanh"), reference.Written("sigmoid"))
    (found,), _ = cell.step(pre, (h,), w)
    for b in range(B):
        r = [torch.sigmoid(pre[b, H + j] + sum(h[b, k] * w["weight_hh"][k, j] for k in range(H))) for j in range(H)]
        for j in range(H):
            z = torch.sigmoid(pre[b, 2 * H + j] + sum(h[b, k] * w["weight_hh"][k, H + j] for k in range(H)))
            n = torch.tanh(pre[b, j] + sum(r[k] * h[b, k] * w["weight_hn"][k, j] for k in range(H)))
            torch.testing.assert_close(found[b, j], z * h[b, j] + (1 - z) * n, **CLOSE)


def test_a_memoryless_cell_does_not_see_its_state(reference):
    cell = MemorylessCell(reference.Written("gelu"), reference.Written("sigmoid"))
    pre = normal(1, B, H)
    for state in (torch.zeros(B, H), torch.full((B, H), torch.nan)):
        (h,), _ = cell.step(pre, (state,), {})
        torch.testing.assert_close(h, torch.nn.functional.gelu(pre), **CLOSE)


@every_cell
def test_the_steps_in_reverse_give_autograds_gradients(cls, reference):
    """Gradients of the pre-activations, of the state before the first step, of every h and of the recurrent weights.
    Each lane has another phi."""
    the_steps_in_reverse_give_autograds_gradients(cls, lambda names: Lanes(names, reference))


@every_cell
@pytest.mark.parametrize("check", OTHERS, ids=lambda check: check.__name__)
def test_the_contract_of_cells_holds(cls, check):
    check(cls)


def test_a_cell_is_registered_once():
    with pytest.raises(ValueError, match="a cell named 'rnn' is registered already"):
        register("rnn")(RnnCell)
    assert [cls.name for cls in CELLS.values()] == [cls.Options.name for cls in CELLS.values()] == list(CELLS)


def test_a_cell_without_options_of_its_own_is_refused():
    """They bear its name, which would else be everybody's."""

    class Another(RnnCell):
        pass

    with pytest.raises(TypeError, match="Another must have its own nested class Options, for the options of 'another'"):
        register("another")(Another)
    assert "another" not in CELLS


def test_a_cell_says_which_class_computes_its_options():
    for cls in CELLS.values():
        assert cls.variant(cls.Options()) is cls
    assert GruCell.variant(GruCell.Options(reset_after=False)) is OriginalGruCell
    gates = {"mgu": MguCell, "mgu1": Mgu1Cell, "mgu2": Mgu2Cell, "mgu3": Mgu3Cell}
    assert {gate: MguCell.variant(MguCell.Options(gate=gate)) for gate in gates} == gates


GRU_GATES = ("candidate", "reset", "update")
LSTM_GATES = ("input", "forget", "output", "candidate")


@pytest.mark.parametrize(
    ("cls", "expected"),
    [
        (
            RnnCell,
            [
                ("weight_ih", "input", 3, 5, ("",), 0),
                ("weight_hh", "recurrent", 5, 5, ("",), 0),
                ("bias", "bias", 1, 5, ("",), 0),
            ],
        ),
        (MemorylessCell, [("weight_ih", "input", 3, 5, ("",), 0), ("bias", "bias", 1, 5, ("",), 0)]),
        (
            LstmCell,
            [
                ("weight_ih", "input", 3, 5, LSTM_GATES, 0),
                ("weight_hh", "recurrent", 5, 5, LSTM_GATES, 0),
                ("bias", "bias", 1, 5, LSTM_GATES, 0),
            ],
        ),
        (
            GruCell,
            [
                ("weight_ih", "input", 3, 5, GRU_GATES, 0),
                ("weight_hh", "recurrent", 5, 5, ("reset", "update", "recurrent_candidate"), 1),
                ("bias", "bias", 1, 5, (*GRU_GATES, "recurrent_candidate"), 0),
            ],
        ),
        (
            OriginalGruCell,
            [
                ("weight_ih", "input", 3, 5, GRU_GATES, 0),
                ("weight_hh", "recurrent", 5, 5, ("reset", "update"), 1),
                ("weight_hn", "recurrent", 5, 5, ("candidate",), 0),
                ("bias", "bias", 1, 5, GRU_GATES, 0),
            ],
        ),
    ],
)
def test_a_cell_names_its_weights_with_their_roles_sizes_and_gates(cls, expected):
    assert [astuple(w) for w in cls.weights(3, 5, bias=True)] == expected
    assert [astuple(w) for w in cls.weights(3, 5, bias=False)] == expected[:-1]
    for w in cls.weights(3, 5, bias=True):
        assert (w.blocks.start, w.blocks.stop) == (w.first, w.first + len(w.gates))
        assert w.blocks.stop <= cls.blocks
    assert len(cls.weights(3, 5, bias=True)[0].gates) == cls.input_blocks
