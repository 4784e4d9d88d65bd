"""The states of a lane's layers before the first step and after the last, and what is measured of them, compiled."""

from __future__ import annotations

import numpy as np

from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.mgu import MguCell
from rnnlab.nets.cells.mingru import MinGruCell
from rnnlab.nets.kernels.activations import reverse
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.kernels.layer import Layer, Phi, Sizes, layer_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import copy, fill

LSTM, GRU, ORIGINAL_GRU, MINGRU, MGU = (
    CELLS[cell] for cell in (LstmCell, GruCell, OriginalGruCell, MinGruCell, MguCell)
)
N_MEASURED = 3  # by layer: the mean of |h|, the share of saturated pre-activations, the share of dead units
_f32 = np.float32


@compiled
def set_first(m: Memory, s: Sizes, layers: Whole, carried: Memory, place: int, size: int, zero: bool) -> None:
    """Set the states before the first step: to zero, or to those in `carried`.

    carried: a lane's begin at `place`: those of layer n and state k at place + (n * S + k) * size, (B, H)."""
    for n in range(s.L):
        layer = layer_of(layers, n)
        S = 2 if layer.cell == LSTM else 1
        for k in range(S):
            state, stride = _first(layer, k)
            fill(m, state, stride, 0, layer.B, layer.H16)  # also what fills H up: it may be of a lane with NaN
            kept = place + (n * S + k) * size
            if not zero:
                for b in range(layer.B):
                    for j in range(layer.H):
                        m[state + b * stride + j] = carried[kept + b * layer.H + j]


@compiled
def keep_last(m: Memory, s: Sizes, layers: Whole, carried: Memory, place: int, size: int) -> None:
    """The states after the last step to `carried`: see set_first."""
    for n in range(s.L):
        layer = layer_of(layers, n)
        S = 2 if layer.cell == LSTM else 1
        for k in range(S):
            state, stride = _first(layer, k)
            state += layer.T * layer.B * stride
            kept = place + (n * S + k) * size
            for b in range(layer.B):
                for j in range(layer.H):
                    carried[kept + b * layer.H + j] = m[state + b * stride + j]


@compiled
def clear_first(m: Memory, layers: Whole, b: int) -> None:
    """Set the states of sample b before the first step to zero."""
    for n in range(len(layers)):
        layer = layer_of(layers, n)
        fill(m, layer.z + b * layer.row + layer.h, layer.row, 0, 1, layer.H16)
        if layer.cell == LSTM:
            fill(m, layer.c + b * layer.H16, layer.H16, 0, 1, layer.H16)


@compiled
def go_on(m: Memory, layers: Whole) -> None:
    """The states after the last step become those before the first one."""
    for n in range(len(layers)):
        layer = layer_of(layers, n)
        first, size = layer.z + layer.h, layer.T * layer.B
        copy(m, first + size * layer.row, layer.row, first, layer.row, layer.B, layer.H16)
        if layer.cell == LSTM:
            copy(m, layer.c + size * layer.H16, layer.H16, layer.c, layer.H16, layer.B, layer.H16)


@compiled
def _first(layer: Layer, k: int) -> tuple[int, int]:
    """Where state k (0: h, 1: c) before the first step begins, and the length of a row."""
    if k:
        return layer.c, layer.H16
    return layer.z + layer.h, layer.row


@compiled
def measure(m: Memory, s: Sizes, layers: Whole, phi: Phi, threshold: float, measured: np.ndarray, lane: int) -> None:
    """The diagnostics of all layers after a forward pass: measured[lane, n] = the N_MEASURED numbers of layer n.

    threshold: a slope below it counts as saturated."""
    for n in range(s.L):
        layer = layer_of(layers, n)
        B, H, H16 = layer.B, layer.H, layer.H16
        slopes, alive, blocks, place = layer.step, s.scratch, 1, 0
        if layer.cell == LSTM:
            blocks, place = 4, 3
        elif layer.cell == GRU:
            blocks = 4
        elif layer.cell == ORIGINAL_GRU:
            blocks = 3
        elif layer.cell in (MINGRU, MGU):
            blocks = 2
        m[alive : alive + H16] = 0
        norms, n_saturated, n_dead = 0.0, 0, 0
        for t in range(layer.T):
            states = layer.z + (t + 1) * B * layer.row + layer.h
            values, stride = states, layer.row
            if blocks > 1:
                values, stride = layer.a + (t * B * blocks + place) * H16, blocks * H16
            kept = layer.kept + (t * B * blocks + place) * H16
            reverse(m, phi.number, s.ones, 0, values, stride, kept, blocks * H16, slopes, H16, phi.p, phi.q, B, H16)
            for b in range(B):
                square = _f32(0)
                for j in range(H):
                    h, slope = m[states + b * layer.row + j], abs(m[slopes + b * H16 + j])
                    square += h * h
                    if slope < threshold:
                        n_saturated += 1
                    if slope != 0:
                        m[alive + j] = 1
                norms += np.float64(np.sqrt(square))
        for j in range(H):
            if m[alive + j] == 0:
                n_dead += 1
        measured[lane, n, 0] = norms / (layer.T * B)
        measured[lane, n, 1] = n_saturated / (layer.T * B * H)
        measured[lane, n, 2] = n_dead / H
