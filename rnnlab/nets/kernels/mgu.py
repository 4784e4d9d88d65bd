"""The minimal gated unit, compiled: nets/cells/mgu.py has the formulas.

Blocks of H16 columns: (n, f).  Products: [x | 1 | h] -> f, [x | 1] -> n, and f h -> n.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import add, copy, multiply, rowwise, sum_of_squares
from rnnlab.nets.kernels.mingru import next_h
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

_to_candidate = rowwise("mgu_to_candidate", lambda g, f: (g * f, g - g * f), n_inputs=2, n_outputs=2)
_to_gate = rowwise(  # df, and what goes straight on to h[t-1]; d_fh: the gradient of f h
    "mgu_to_gate", lambda g, n, h, f, d_fh, on: (fma(d_fh, h, g * (n - h)), fma(f, d_fh, on)), n_inputs=6, n_outputs=2
)


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows, (n, f) in the trace a, and f h in the trace c."""
    B, H, H16, row, G = layer.B, layer.H, layer.H16, layer.row, 2 * layer.H16
    for t in range(layer.T):
        start = layer.z + t * B * row
        x, h_prev, h = start + layer.x, start + layer.h, start + B * row + layer.h
        n, kept, reset = layer.a + t * B * G, layer.kept + t * B * G, layer.c + t * B * H16
        f = n + H16
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, n, G, H16, H, 2, B)
            product_add(m, x, row, layer.panel0, 0, f, G, layer.I + 1 + H, B, H16)
            product_add(m, x, row, layer.panel1, 0, n, G, layer.I + 1, B, H16)
        else:
            product(m, x, row, layer.panel0, 0, f, G, layer.I + 1 + H, B, H16)
            product(m, x, row, layer.panel1, 0, n, G, layer.I + 1, B, H16)
        activate(m, gate_phi.number, f, G, f, G, kept + H16, G, gate_phi.p, gate_phi.q, B, H16)
        multiply(m, f, G, h_prev, row, reset, H16, B, H16)
        product_add(m, reset, H16, layer.panel2, 0, n, G, H, B, H16)
        activate(m, phi.number, n, G, n, G, kept, G, phi.p, phi.q, B, H16)
        next_h(m, n, G, f, G, h_prev, row, h, row, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole,
    through: int,
) -> None:  # fmt: skip
    """All steps in reverse: see rnn.backward."""
    B, H, H16, row = layer.B, layer.H, layer.H16, layer.row
    G, S, n_inputs = 2 * H16, 5 * H16, layer.I + 1 + H
    chunk = max(1, GRADIENT_ROWS // (2 * B))
    d_n = layer.step
    d_f, d_fh, on = d_n + H16, d_n + 2 * H16, d_n + 3 * H16  # on: what goes on to h[t-1]
    for t in range(layer.T - 1, -1, -1):
        start, n = layer.z + t * B * row, layer.a + t * B * G
        x, h_prev, f = start + layer.x, start + layer.h, n + H16
        kept, reset = layer.kept + t * B * G, layer.c + t * B * H16
        da_n = layer.da + t * B * G
        da_f = da_n + H16
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                copy(m, on, S, g, H16, B, H16)
            else:
                add(m, g, H16, on, S, g, H16, B, H16)
            product_add(m, da_f + B * G, G, layer.back0, 0, g, H16, H16, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        _to_candidate(m, g, H16, f, G, d_n, S, on, S, B, H16)
        copy(m, n, G, d_f, S, B, H16)  # the gate needs n, and its gradient comes to stand in its place
        reverse(m, phi.number, d_n, S, n, G, kept, G, da_n, G, phi.p, phi.q, B, H16)
        product(m, da_n, G, layer.back1, 0, d_fh, S, H16, B, H16)
        _to_gate(m, g, H16, d_f, S, h_prev, row, f, G, d_fh, S, on, S, d_f, S, on, S, B, H16)
        reverse(m, gate_phi.number, d_f, S, f, G, kept + H16, G, da_f, G, gate_phi.p, gate_phi.q, B, H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da_n, G, layer.back_x, 0, below, layer.I16, G, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da_n, G, H16, H, 2, B)
        if t % chunk == 0:
            rows = min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da_f, G, layer.grad0, H16, rows, n_inputs, H16)
            add_outer_products(m, x, row, da_n, G, layer.grad1, H16, rows, layer.I + 1, H16)
            add_outer_products(m, reset, H16, da_n, G, layer.grad2, H16, rows, H, H16)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    B, H16 = layer.B, layer.H16
    copy(m, layer.step + 3 * H16, 5 * H16, g, H16, B, H16)
    product_add(m, layer.da + H16, 2 * H16, layer.back0, 0, g, H16, H16, B, H16)
