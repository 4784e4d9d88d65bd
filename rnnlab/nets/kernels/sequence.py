"""A stack of layers over a sequence, forward and backward, compiled: what the operators of PyTorch call.

Arrays are the caller's, C-contiguous: x (T, B, I), outputs (T, B, H), which are the h of the top layer, and states
(S, L, B, H), with S = 1, or 2 for an LSTM's h and c.  An array of size 0 stands for one that is not there.
"""

from __future__ import annotations

import numpy as np

from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.kernels.layer import Layer, Phi, layer_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled, entry
from rnnlab.nets.kernels.loops import add, copy, fill, move
from rnnlab.nets.kernels.mode import enter, leave
from rnnlab.nets.kernels.network import backward_layer, forward_layer, gather_gradients, initial_gradient, lay_out
from rnnlab.nets.kernels.vectors import WIDTH

LSTM = CELLS[LstmCell]
OF_TRACE = tuple(
    Layer._fields.index(name)
    for name in ("z", "a", "kept", "c", "phi_c", "panel0", "panel1", "panel2", "back0", "back1", "back_x")
)


@compiled
def _place(m: Memory, array: np.ndarray) -> int:
    """The offset of another array from the memory.  `move` takes it, as it works with addresses; indexing does not."""
    return (array.ctypes.data - m.ctypes.data) // 4


@entry
def unroll(m: Memory, weights: Memory, layers: Whole, cleared: Whole, copies: Whole, doubled: Whole, phi: Phi,
           gate_phi: Phi, tokens: Whole, x: np.ndarray, initial: np.ndarray, outputs: np.ndarray,
           last: np.ndarray) -> None:  # fmt: skip
    """x, weights and the states before the first step, zero if they are not there -> outputs and last states.

    m: the trace; every number of it is written.  tokens: empty."""
    before = enter(m)
    L, from_x, to_last = len(layers), _place(m, x), _place(m, last)
    for k in range(len(cleared)):
        fill(m, cleared[k, 0], 0, 0, 1, cleared[k, 1])
    move(m, _place(m, weights), 0, 0, 0, 1, len(weights))
    for k in range(len(doubled)):
        ih, hh, count = doubled[k]
        for i in range(count):
            m[ih + i] += m[hh + i]
    lay_out(m, copies, 0)
    for n in range(L):
        layer = layer_of(layers, n)
        B, H, row, size, state = layer.B, layer.H, layer.row, layer.T * layer.B, layer.B * layer.H
        h, c = layer.z + layer.h, layer.c
        _begin_rows(m, layer)
        if initial.size:
            from_initial = _place(m, initial) + n * state
            move(m, from_initial, H, h, row, B, H)
            if layer.cell == LSTM:
                move(m, from_initial + L * state, H, c, layer.H16, B, H)
        if n:
            below = layer_of(layers, n - 1)
            move(m, below.z + B * below.row + below.h, below.row, layer.z + layer.x, row, size, layer.I)
        else:
            move(m, from_x, layer.I, layer.z + layer.x, row, size, layer.I)
        forward_layer(m, layers, n, phi.number, phi.p, phi.q, gate_phi.number, gate_phi.p, gate_phi.q, 0, tokens)
        move(m, h + size * row, row, to_last + n * state, H, B, H)
        if layer.cell == LSTM:
            move(m, c + size * layer.H16, layer.H16, to_last + (L + n) * state, H, B, H)
    top = layer_of(layers, L - 1)
    move(m, top.z + top.B * top.row + top.h, top.row, _place(m, outputs), top.H, top.T * top.B, top.H)
    leave(m, before)


@compiled
def _begin_rows(m: Memory, layer: Layer) -> None:
    """The numbers of a layer that no step writes: what stands before x and h in a row, and states of zero."""
    B, row, size = layer.B, layer.row, layer.T * layer.B
    fill(m, layer.z, row, 0, size, WIDTH)
    fill(m, layer.z + size * row, row, 0, B, layer.h)  # there is no x after the last step
    for r in range(size + B):
        m[layer.z + r * row + layer.one] = 1
    fill(m, layer.z + layer.h, row, 0, B, layer.H16)
    if layer.cell == LSTM:
        fill(m, layer.c, layer.H16, 0, B, layer.H16)


@compiled
def _beside(m: Memory, trace: Memory, layers: Whole) -> Whole:
    """The layers with all offsets counted from the work memory m."""
    counted = layers.copy()
    for n in range(len(layers)):
        for field in OF_TRACE:
            counted[n, field] += _place(m, trace)
    return counted


@entry
def unroll_backward(m: Memory, trace: Memory, layers: Whole, copies: Whole, doubled: Whole, grads: Whole, phi: Phi,
                    gate_phi: Phi, tokens: Whole, d_outputs: np.ndarray, d_last: np.ndarray, d_x: np.ndarray,
                    d_weights: Memory, d_initial: np.ndarray) -> None:  # fmt: skip
    """The gradients of outputs and last states -> those of x, weights and initial states.

    m: the work memory, which begins with the gradients of the weights.  The trace stays as it is."""
    before = enter(m)
    layers = _beside(m, trace, layers)
    L, top, g = len(layers), layer_of(layers, len(layers) - 1), 0
    fill(m, grads[0], 0, 0, 1, grads[1] - grads[0])
    if top.H < top.H16 or not d_outputs.size:
        fill(m, top.g, 0, 0, 1, top.T * top.B * top.H16)
    if d_outputs.size:
        move(m, _place(m, d_outputs), top.H, top.g, top.H16, top.T * top.B, top.H)
    for n in range(L - 1, -1, -1):
        layer = layer_of(layers, n)
        B, H, H16, size, state = layer.B, layer.H, layer.H16, layer.T * layer.B, layer.B * layer.H
        fill(m, layer.k, H16, 0, B, H16)
        if d_last.size:
            from_last = _place(m, d_last) + n * state
            fill(m, layer.step, H16, 0, B, H16)
            move(m, from_last, H, layer.step, H16, B, H)
            g_last = layer.g + (size - B) * H16
            add(m, g_last, H16, layer.step, H16, g_last, H16, B, H16)
            if layer.cell == LSTM:
                move(m, from_last + L * state, H, layer.k, H16, B, H)
        backward_layer(
            m, layers, n, phi.number, phi.p, phi.q, gate_phi.number, gate_phi.p, gate_phi.q, 0,
            1 if n > 0 or d_x.size > 0 else 0, g, tokens, -1, 1,
        )  # fmt: skip
        if d_initial.size:
            to_initial = _place(m, d_initial) + n * state
            initial_gradient(m, layer, layer.g)
            move(m, layer.g, H16, to_initial, H, B, H)
            if layer.cell == LSTM:
                move(m, layer.k, H16, to_initial + L * state, H, B, H)
        if n:
            copy(m, layer.below, 0, layer.g, 0, 1, size * H16)
    first = layer_of(layers, 0)
    if d_x.size:
        move(m, first.below, first.I16, _place(m, d_x), first.I, first.T * first.B, first.I)
    gather_gradients(m, copies, g)
    for k in range(len(doubled)):
        ih, hh, count = doubled[k]
        move(m, g + ih, 0, g + hh, 0, 1, count)
    move(m, g, 0, _place(m, d_weights), 0, 1, len(d_weights))
    leave(m, before)
