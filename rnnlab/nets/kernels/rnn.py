"""The Elman cell, and the same without recurrence, compiled: nets/cells/rnn.py has the formulas.

One product, [x | 1 | h] -> a, or [x | 1] -> a where nothing recurs.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import fill, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, recurs: int, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows.  recurs: 1, or 0 for the cell without recurrence."""
    B, H16, row = layer.B, layer.H16, layer.row
    n_inputs = layer.I + 1 + recurs * layer.H
    for t in range(layer.T):
        x, h = layer.z + t * B * row + layer.x, layer.z + (t + 1) * B * row + layer.h
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, h, row, H16, layer.H, 1, B)
            product_add(m, x, row, layer.panel0, 0, h, row, n_inputs, B, H16)
        else:
            product(m, x, row, layer.panel0, 0, h, row, n_inputs, B, H16)
        kept = layer.kept + t * B * H16
        activate(m, phi.number, h, row, h, row, kept, H16, phi.p, phi.q, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, recurs: int, last_only: bool, gives_below: bool, grads: int, tokens: Whole,
    through: int,
) -> None:  # fmt: skip
    """All steps in reverse.  layer.g holds what arrives from above: (T, B, H16), or only the last step's where
    last_only.  The weights' gradients are added to the products', those of looked-up rows to the lane's at `grads`.
    through: where the squared norms of dL/dh[t] are added up, (T,); -1: nowhere."""
    B, H16, row = layer.B, layer.H16, layer.row
    n_inputs = layer.I + 1 + recurs * layer.H
    chunk = max(1, GRADIENT_ROWS // B)
    for t in range(layer.T - 1, -1, -1):
        da, h = layer.da + t * B * H16, layer.z + (t + 1) * B * row + layer.h
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if not last_only and recurs:
                product_add(m, da + B * H16, H16, layer.back0, 0, g, H16, H16, B, H16)
            elif recurs:
                product(m, da + B * H16, H16, layer.back0, 0, g, H16, H16, B, H16)
            elif last_only:
                fill(m, g, H16, 0, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        reverse(m, phi.number, g, H16, h, row, layer.kept + t * B * H16, H16, da, H16, phi.p, phi.q, B, H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da, H16, layer.back_x, 0, below, layer.I16, H16, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da, H16, H16, layer.H, 1, B)
        if t % chunk == 0:
            x, n = layer.z + t * B * row + layer.x, min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da, H16, layer.grad0, H16, n, n_inputs, H16)


@compiled
def initial_gradient(m: Memory, layer: Layer, recurs: int, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    if recurs:
        product(m, layer.da, layer.H16, layer.back0, 0, g, layer.H16, layer.H16, layer.B, layer.H16)
    else:
        fill(m, g, layer.H16, 0, layer.B, layer.H16)
