"""The Elman cell with layer normalisation, compiled: nets/cells/layer_norm.py has the formulas.

One product, [x | 1 | h] -> a, where the weights of the 1 are zero.  The gain and the bias are rows of H16 numbers in
the places of two further products' matrices.  The trace a has y in its first block of H16 columns, and 1 / sigma as the
first number of its second block.
"""

from __future__ import annotations

import numpy as np

from rnnlab.nets.cells.layer_norm import EPSILON
from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import column_sums, fill, multiply, rowwise, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

_scale_and_shift = rowwise("layer_norm_v", lambda y, gain, bias: fma(gain, y, bias), n_inputs=3)
_f32 = np.float32


@compiled
def _normalise(m: Memory, a: int, stride: int, per_sigma: int, B: int, H: int) -> None:
    """a becomes y, row by row, and 1 / sigma of each row comes to stand at per_sigma.  The columns from H on stay."""
    for b in range(B):
        row, total = a + b * stride, _f32(0)
        for j in range(H):
            total += m[row + j]
        mean, square = total / _f32(H), _f32(0)
        for j in range(H):
            m[row + j] -= mean
            square += m[row + j] * m[row + j]
        scale = _f32(1) / np.sqrt(square / _f32(H) + _f32(EPSILON))
        for j in range(H):
            m[row + j] *= scale
        m[per_sigma + b * stride] = scale


@compiled
def _normalise_reverse(
    m: Memory, dy: int, d_stride: int, y: int, stride: int, per_sigma: int, da: int, da_stride: int, B: int, H: int
) -> None:
    """From dy to da, row by row.  The columns from H on stay; da may stand where y does."""
    for b in range(B):
        d, row, to = dy + b * d_stride, y + b * stride, da + b * da_stride
        total, along = _f32(0), _f32(0)
        for j in range(H):
            total += m[d + j]
            along += m[d + j] * m[row + j]
        mean, slope, scale = total / _f32(H), along / _f32(H), m[per_sigma + b * stride]
        for j in range(H):
            m[to + j] = (m[d + j] - mean - m[row + j] * slope) * scale


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows."""
    B, H16, row, G = layer.B, layer.H16, layer.row, 2 * layer.H16
    n_inputs = layer.I + 1 + layer.H
    for t in range(layer.T):
        x, h = layer.z + t * B * row + layer.x, layer.z + (t + 1) * B * row + layer.h
        a = layer.a + t * B * G
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, a, G, H16, layer.H, 1, B)
            product_add(m, x, row, layer.panel0, 0, a, G, n_inputs, B, H16)
        else:
            product(m, x, row, layer.panel0, 0, a, G, n_inputs, B, H16)
        _normalise(m, a, G, a + H16, B, layer.H)
        _scale_and_shift(m, a, G, layer.panel1, 0, layer.panel2, 0, h, row, B, H16)
        activate(m, phi.number, h, row, h, row, layer.kept + t * B * H16, H16, phi.p, phi.q, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole, through: int
) -> None:
    """All steps in reverse: see rnn.backward."""
    B, H16, row, G, S = layer.B, layer.H16, layer.row, 2 * layer.H16, 5 * layer.H16
    n_inputs = layer.I + 1 + layer.H
    chunk = max(1, GRADIENT_ROWS // B)
    dv, dy = layer.step, layer.step + H16
    for t in range(layer.T - 1, -1, -1):
        x, h = layer.z + t * B * row + layer.x, layer.z + (t + 1) * B * row + layer.h
        y, da = layer.a + t * B * G, layer.da + t * B * G
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                fill(m, g, H16, 0, B, H16)
            product_add(m, da + B * G, G, layer.back0, 0, g, H16, H16, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        reverse(m, phi.number, g, H16, h, row, layer.kept + t * B * H16, H16, dv, S, phi.p, phi.q, B, H16)
        column_sums(m, dv, S, layer.grad2, B, H16)
        multiply(m, dv, S, y, G, dy, S, B, H16)
        column_sums(m, dy, S, layer.grad1, B, H16)
        multiply(m, dv, S, layer.panel1, 0, dy, S, B, H16)
        _normalise_reverse(m, dy, S, y, G, y + H16, da, G, B, layer.H)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da, G, layer.back_x, 0, below, layer.I16, H16, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da, G, H16, layer.H, 1, B)
        if t % chunk == 0:
            n = min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da, G, layer.grad0, H16, n, n_inputs, H16)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    H16 = layer.H16
    product(m, layer.da, 2 * H16, layer.back0, 0, g, H16, H16, layer.B, H16)
