"""The independently recurrent network, compiled: nets/cells/indrnn.py has the formulas.

One product, [x | 1] -> a.  The recurrent weights u are a row of H16 numbers in the place of a second product's matrix.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import column_sums, fill, multiply, rowwise, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

_add_product = rowwise("indrnn_add_product", lambda a, u, h: fma(u, h, a), n_inputs=3)


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows."""
    B, H16, row = layer.B, layer.H16, layer.row
    for t in range(layer.T):
        start = layer.z + t * B * row
        x, h_prev, h = start + layer.x, start + layer.h, start + B * row + layer.h
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, h, row, H16, layer.H, 1, B)
            product_add(m, x, row, layer.panel0, 0, h, row, layer.I + 1, B, H16)
        else:
            product(m, x, row, layer.panel0, 0, h, row, layer.I + 1, B, H16)
        _add_product(m, h, row, layer.panel1, 0, h_prev, row, h, row, B, H16)
        activate(m, phi.number, h, row, h, row, layer.kept + t * B * H16, H16, phi.p, phi.q, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole, through: int
) -> None:
    """All steps in reverse: see rnn.backward."""
    B, H16, row, S = layer.B, layer.H16, layer.row, 5 * layer.H16
    chunk = max(1, GRADIENT_ROWS // B)
    for t in range(layer.T - 1, -1, -1):
        start, da = layer.z + t * B * row, layer.da + t * B * H16
        x, h_prev, h = start + layer.x, start + layer.h, start + B * row + layer.h
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                fill(m, g, H16, 0, B, H16)
            _add_product(m, g, H16, layer.panel1, 0, da + B * H16, H16, g, H16, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        reverse(m, phi.number, g, H16, h, row, layer.kept + t * B * H16, H16, da, H16, phi.p, phi.q, B, H16)
        multiply(m, h_prev, row, da, H16, layer.step, S, B, H16)
        column_sums(m, layer.step, S, layer.grad1, B, H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da, H16, layer.back_x, 0, below, layer.I16, H16, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da, H16, H16, layer.H, 1, B)
        if t % chunk == 0:
            n = min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da, H16, layer.grad0, H16, n, layer.I + 1, H16)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    multiply(m, layer.panel1, 0, layer.da, layer.H16, g, layer.H16, layer.B, layer.H16)
