"""Evaluation of a lane after the other, compiled: losses, outputs, and the closed loop."""

from __future__ import annotations

import numpy as np

from rnnlab.nets.kernels.lane import Carried, Data, Net, Own, cell_phi, gate_phi, keep_outputs, pass_over
from rnnlab.nets.kernels.layer import Layer, sizes_of
from rnnlab.nets.kernels.library import Memory, Whole, entry
from rnnlab.nets.kernels.losses import read_out
from rnnlab.nets.kernels.mode import enter, leave
from rnnlab.nets.kernels.network import forward, lay_out, read
from rnnlab.nets.kernels.states import clear_first, go_on

X, Z, ROW = (Layer._fields.index(name) for name in ("x", "z", "row"))


@entry
def evaluate(m: Memory, net: Net, own: Own, data: Data, carried: Carried, rows: Whole, sizes: Whole,
             out: np.ndarray, losses: np.ndarray) -> None:  # fmt: skip
    """losses (R,): the sums over all samples.  rows (R, K, C), sizes (K,): backends.base.Order.

    out (R, N, A, O): the outputs, sample by sample; or (R, 0, A, O)."""
    before = enter(m)
    s, (K, C) = sizes_of(net.sizes), rows.shape[1:]
    for lane in range(len(losses)):
        lay_out(m, net.copies, net.lanes.w + lane * net.row)
        first = 0
        for k in range(K):
            n, from_zero = sizes[k], 1 if k == 0 or carried.size == 0 else 0
            place = (lane * K + k) * C
            losses[lane] += pass_over(m, net, own, data, carried, lane, rows.ravel(), place, n, 0, from_zero, 0, 1)
            if out.shape[1]:
                keep_outputs(m, s, n, out, lane, first)
            first += n
    leave(m, before)


@entry
def closed_loop(m: Memory, net: Net, own: Own, windows: np.ndarray, out: np.ndarray) -> None:
    """windows (R, T, I), out (R, steps, O).  net: of sequences of one step and T samples.

    T windows read the same value, each at another of their steps.  They are computed together as a batch of T streams,
    so an answer costs one step of the cell, and not T."""
    before = enter(m)
    s, layers, (R, T, I) = sizes_of(net.sizes), net.layers, windows.shape
    layers[:, 2] = T
    for lane in range(R):
        w, phi, gates = net.lanes.w + lane * net.row, cell_phi(own, lane), gate_phi(own, lane)
        lay_out(m, net.copies, w)
        for stream in range(T):
            clear_first(m, layers, stream)
        for n in range(T - 1 + out.shape[1]):
            clear_first(m, layers, n % T)  # the stream whose window begins now
            for i in range(I):
                value = windows[lane, n, i] if n < T else out[lane, n - T, i]
                place, row = (layers[0, X] + layers[0, Z], layers[0, ROW]) if s.L else (s.read + s.read_h, s.read_row)
                for b in range(T):
                    m[place + b * row + i] = value
            forward(m, s, layers, phi, gates, w, net.tokens, False)
            if n >= T - 1:
                read(m, s, layers, w, False, T)
                read_out(m, net.readout, s, T)
                for o in range(s.O):
                    out[lane, n - T + 1, o] = m[s.z + ((n + 1) % T) * s.O16 + o]
            go_on(m, layers)
    leave(m, before)
