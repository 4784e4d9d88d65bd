"""Readout activations and losses with their gradients, compiled: nets/losses.py has the formulas.

z (N, O) in rows of O16, a multiple of 16; the columns beyond O are never looked at.  A loss takes z, writes y = f(z) in
its place and dL/dz to dz, and returns the sum over samples in double precision, in the order of the samples.
"""

from __future__ import annotations

import numpy as np

from rnnlab.nets.kernels.activations import NUMBERS, activate
from rnnlab.nets.kernels.functions import exp, log
from rnnlab.nets.kernels.layer import Sizes
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import rowwise
from rnnlab.nets.kernels.vectors import WIDTH
from rnnlab.nets.losses import CLIP

LINEAR, SOFTMAX, SIGMOID, RELU, TANH = range(5)
READOUTS = {"linear": LINEAR, "softmax": SOFTMAX, "sigmoid": SIGMOID, "relu": RELU, "tanh": TANH}
MSE, CROSS_ENTROPY = range(2)
LOSSES = {"mse": MSE, "cross_entropy": CROSS_ENTROPY}
SIGMOID_NUMBER, RELU_NUMBER, TANH_NUMBER = NUMBERS["sigmoid"], NUMBERS["relu"], NUMBERS["tanh"]

_exp, _log = rowwise("exp", exp), rowwise("log", log)
_f32 = np.float32


@compiled
def read_out(m: Memory, readout: int, z: int, row: int, N: int, O: int, O16: int) -> None:
    """y = f(z) in the place of z; softmax over O.  row (N,): what softmax divides by."""
    if readout == SOFTMAX:
        shift(m, z, N, O, O16)
        exponentials(m, z, z, row, N, O, O16)
        for r in range(N):
            for o in range(O):
                m[z + r * O16 + o] /= m[row + r]
    elif readout != LINEAR:
        number = SIGMOID_NUMBER if readout == SIGMOID else RELU_NUMBER if readout == RELU else TANH_NUMBER
        activate(m, number, z, O16, z, O16, z, O16, _f32(0), _f32(0), N, O16)


@compiled
def shift(m: Memory, z: int, N: int, O: int, O16: int) -> None:
    """Take the greatest entry from each row; NaN where one is NaN."""
    for r in range(N):
        at = z + r * O16
        greatest = m[at]
        for o in range(1, O):
            greatest = greatest if m[at + o] <= greatest else m[at + o]
        for o in range(O):
            m[at + o] -= greatest


@compiled
def exponentials(m: Memory, z: int, e: int, row: int, N: int, O: int, O16: int) -> None:
    """e = exp(z), and each row's sum."""
    _exp(m, z, O16, e, O16, N, O16)
    for r in range(N):
        total = _f32(0)
        for o in range(O):
            total += m[e + r * O16 + o]
        m[row + r] = total


@compiled
def through_readout(m: Memory, readout: int, y: int, dz: int, N: int, O: int, O16: int) -> None:
    """dL/dz in the place of dL/dy."""
    for r in range(N):
        p, d = y + r * O16, dz + r * O16
        if readout == SOFTMAX:
            inner = _f32(0)
            for o in range(O):
                inner += m[d + o] * m[p + o]
            for o in range(O):
                m[d + o] = m[p + o] * (m[d + o] - inner)
        elif readout == SIGMOID:
            for o in range(O):
                m[d + o] = m[d + o] * m[p + o] * (_f32(1) - m[p + o])
        elif readout == RELU:
            for o in range(O):
                m[d + o] = m[d + o] if m[p + o] > 0 else m[d + o] * _f32(0)
        elif readout == TANH:
            for o in range(O):
                m[d + o] = m[d + o] * (_f32(1) - m[p + o] * m[p + o])


@compiled
def squared_error(
    m: Memory, readout: int, s: Sizes, targets: Memory, which: Whole, n_answers: int, N: int, O: int, O16: int
) -> float:
    """targets (n, O) of answers `which`.  The mean over outputs; gradients of the mean over n_answers."""
    z, dz = s.z, s.dz
    read_out(m, readout, z, s.row, N, O, O16)
    total, scale = 0.0, _f32(2.0 / O / n_answers)
    for r in range(N):
        for o in range(O):
            error = m[z + r * O16 + o] - targets[which[r] * O + o]
            total += np.float64(error) * np.float64(error)
            m[dz + r * O16 + o] = error * scale
    through_readout(m, readout, z, dz, N, O, O16)
    return total / O


@compiled
def cross_entropy(
    m: Memory, readout: int, s: Sizes, classes: Whole, which: Whole, n_answers: int, N: int, O: int, O16: int
) -> float:
    """classes (n,) of answers `which`.  -log p of the class, in nats, of logits; or Keras's of other outputs."""
    z, dz, row = s.z, s.dz, s.row
    N16 = -(-N // WIDTH) * WIDTH
    total, scale = 0.0, _f32(1.0 / n_answers)
    if readout in (LINEAR, SOFTMAX):
        shift(m, z, N, O, O16)
        exponentials(m, z, dz, row, N, O, O16)
        for r in range(N):
            d = dz + r * O16
            for o in range(O):
                m[d + o] = m[d + o] / m[row + r] * scale
            m[d + classes[which[r]]] -= scale
        _log(m, row, WIDTH, row, WIDTH, 1, N16)
        for r in range(N):
            total += np.float64(m[row + r]) - np.float64(m[z + r * O16 + classes[which[r]]])
        return total
    read_out(m, readout, z, row, N, O, O16)
    for r in range(N):
        y, d, right = z + r * O16, dz + r * O16, classes[which[r]]
        out_of = _f32(0)
        for o in range(O):
            out_of += m[y + o]
        raw = m[y + right] / out_of
        p = raw
        if raw < _f32(CLIP):
            p = _f32(CLIP)
        elif raw > _f32(1) - _f32(CLIP):
            p = _f32(1) - _f32(CLIP)
        inside = _f32(1) if raw == p else _f32(0)
        for o in range(O):
            m[d + o] = inside / out_of * scale
        m[d + right] -= inside / (p * out_of) * scale
        m[row + r] = p
    through_readout(m, readout, z, dz, N, O, O16)
    _log(m, row, WIDTH, row, WIDTH, 1, N16)
    for r in range(N):
        total -= np.float64(m[row + r])
    return total
