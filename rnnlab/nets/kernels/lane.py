"""What a kernel is told of lanes, samples and the whole network, and one forward pass over a chunk of samples."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numba import carray

from rnnlab.nets.kernels.layer import N_FIELDS, Lanes, Phi, Sizes, sizes_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled, separate
from rnnlab.nets.kernels.losses import MSE, OUTPUTS, cross_entropy, read_out, squared_error
from rnnlab.nets.kernels.network import forward, put_inputs, read
from rnnlab.nets.kernels.states import keep_last, set_first


class Net(NamedTuple):
    """The tables of a Program, and what all lanes have in common beside sizes: numbers of losses.py."""

    sizes: Whole  # the numbers of Sizes
    layers: Whole  # (L, N_FIELDS)
    copies: Whole
    lanes: Lanes
    row: int
    loss: int
    readout: int
    tokens: Whole  # (T * B,), to work in: the tokens of a chunk


class Own(NamedTuple):
    """What every lane has of its own, a row each."""

    phis: Whole  # (R, 2): the numbers of the activations of cell and gates
    phi_numbers: Memory  # (R, 4): the parameters p and q of both


class Data(NamedTuple):
    """The samples of all lanes, flat.  Of inputs and tokens one is used, and of targets and classes."""

    inputs: Memory  # (n, T, I)
    tokens: Whole  # (n, T)
    targets: Memory  # (n, answers, O)
    classes: Whole  # (n, answers)


class Carried(NamedTuple):
    """States that are carried from chunk to chunk: (R, L, S, size / H, H).  size 0: none are."""

    states: Memory
    lane: int  # floats of a lane
    size: int  # floats of one state of one layer
    H: int


@compiled
def cell_phi(own: Own, lane: int) -> Phi:
    return Phi(own.phis[lane, 0], own.phi_numbers[lane, 0], own.phi_numbers[lane, 1])


@compiled
def gate_phi(own: Own, lane: int) -> Phi:
    return Phi(own.phis[lane, 1], own.phi_numbers[lane, 2], own.phi_numbers[lane, 3])


@compiled
def pass_over(
    m: Memory, net: Net, own: Own, data: Data, carried: Carried, lane: int, rows: Whole, start: int, n: int, first: int,
    from_zero: int, drops: int, n_answers: int,
) -> float:  # fmt: skip
    """Forward pass and loss of one lane over a chunk: n samples, the numbers in `rows` from `start` on.

    first: the place of the chunk's first sample among the carried states, from which the pass begins unless from_zero.
    -> the sum of the losses; s.dz has the gradients of the mean over n_answers, or s.z the outputs where these alone
    are wanted (losses.OUTPUTS)."""
    phi, gates = cell_phi(own, lane), gate_phi(own, lane)
    return chunk_loss(
        m, net.sizes, net.layers, net.tokens, net.lanes.w + lane * net.row, net.loss, net.readout,
        phi.number, phi.p, phi.q, gates.number, gates.p, gates.q, data.inputs, data.tokens, data.targets, data.classes,
        carried.states, lane * carried.lane + first * carried.H, carried.size, rows, start, n, from_zero, drops,
        n_answers,
    )  # fmt: skip


@separate("mwwwiiiiffiffmwmwmiiwiiiii", gives="d")
def chunk_loss(
    m: Any, m_size: int, sizes: Any, n_sizes: int, table: Any, n_table: int, tokens: Any, n_tokens: int, w: int,
    loss: int, readout: int, number: int, p: float, q: float, gate_number: int, gate_p: float, gate_q: float,
    inputs: Any, n_inputs: int, all_tokens: Any, n_all: int, targets: Any, n_targets: int, classes: Any,
    n_classes: int, states: Any, n_states: int, place: int, size: int, rows: Any, n_rows: int, start: int, n: int,
    from_zero: int, drops: int, n_answers: int,
) -> float:  # fmt: skip
    """pass_over, with the fields of its tuples one by one."""
    m, states, rows = carray(m, m_size), carray(states, n_states), carray(rows, n_rows)
    layers, tokens = carray(table, (n_table // N_FIELDS, N_FIELDS)), carray(tokens, n_tokens)
    s = sizes_of(carray(sizes, n_sizes))
    layers[:, 2] = n
    put_inputs(m, s, layers, w, carray(inputs, n_inputs), carray(all_tokens, n_all), rows, start, n, tokens)
    set_first(m, s, layers, states, place, size, from_zero != 0)
    forward(m, s, layers, Phi(number, p, q), Phi(gate_number, gate_p, gate_q), w, tokens, drops != 0)
    if size:
        keep_last(m, s, layers, states, place, size)
    read(m, s, layers, w, drops != 0, n)
    N = n * (s.T if s.every else 1)
    if loss == OUTPUTS:
        read_out(m, readout, s, N)
        return 0.0
    if loss == MSE:
        return squared_error(m, readout, s, carray(targets, n_targets), rows, start, n, n_answers, N)
    return cross_entropy(m, readout, s, carray(classes, n_classes), rows, start, n, n_answers, N)


@compiled
def keep_outputs(m: Memory, s: Sizes, n: int, out: np.ndarray, lane: int, first: int) -> None:
    """y of a chunk of n samples to out[lane, first : first + n] of (R, N, A, O)."""
    for t in range(out.shape[2]):
        for b in range(n):
            for o in range(s.O):
                out[lane, first + b, t, o] = m[s.z + (t * n + b) * s.O16 + o]
