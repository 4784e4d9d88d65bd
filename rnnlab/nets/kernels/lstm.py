"""The LSTM, compiled: nets/cells/lstm.py has the formulas.

One product, [x | 1 | h] -> the blocks (i, f, o, n) of H16 columns.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import multiply, rowwise
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

_next_c = rowwise("lstm_c", lambda i, f, n, c: fma(f, c, i * n), n_inputs=4)
_to_output = rowwise("lstm_to_output", lambda g, o, phi_c: (g * phi_c, g * o), n_inputs=3, n_outputs=2)
_to_gates = rowwise(
    "lstm_to_gates",
    lambda d, k, i, f, n, c: ((d + k) * n, (d + k) * c, (d + k) * i, (d + k) * f),
    n_inputs=6,
    n_outputs=4,
)


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows, the gates in the trace a, c and phi(c) in theirs."""
    B, H16, row = layer.B, layer.H16, layer.row
    G, n_inputs = 4 * H16, layer.I + 1 + layer.H
    for t in range(layer.T):
        x, h = layer.z + t * B * row + layer.x, layer.z + (t + 1) * B * row + layer.h
        i, kept, phi_c = layer.a + t * B * G, layer.kept + t * B * G, layer.phi_c + t * B * H16
        f, o, n = i + H16, i + 2 * H16, i + 3 * H16
        c_prev, c = layer.c + t * B * H16, layer.c + (t + 1) * B * H16
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, i, G, H16, layer.H, 4, B)
            product_add(m, x, row, layer.panel0, 0, i, G, n_inputs, B, G)
        else:
            product(m, x, row, layer.panel0, 0, i, G, n_inputs, B, G)
        activate(m, gate_phi.number, i, G, i, G, kept, G, gate_phi.p, gate_phi.q, B, 3 * H16)
        activate(m, phi.number, n, G, n, G, kept + 3 * H16, G, phi.p, phi.q, B, H16)
        _next_c(m, i, G, f, G, n, G, c_prev, H16, c, H16, B, H16)
        activate(m, phi.number, c, H16, phi_c, H16, c, H16, phi.p, phi.q, B, H16)  # what phi(c) keeps is c itself
        multiply(m, o, G, phi_c, H16, h, row, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole
) -> None:
    """All steps in reverse: see rnn.backward."""
    B, H16, row = layer.B, layer.H16, layer.row
    G, S, n_inputs = 4 * H16, 5 * H16, layer.I + 1 + layer.H
    chunk = max(1, GRADIENT_ROWS // (2 * B))
    k, d = layer.k, layer.step  # d: gradients of (i, f, o, n), and of phi(c)
    d_o, d_n, d_c = d + 2 * H16, d + 3 * H16, d + 4 * H16
    m[k : k + B * H16] = 0
    for t in range(layer.T - 1, -1, -1):
        i, kept, phi_c = layer.a + t * B * G, layer.kept + t * B * G, layer.phi_c + t * B * H16
        f, o, n = i + H16, i + 2 * H16, i + 3 * H16
        c_prev, c = layer.c + t * B * H16, layer.c + (t + 1) * B * H16
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                product(m, i + B * G, G, layer.back0, 0, g, H16, G, B, H16)
            else:
                product_add(m, i + B * G, G, layer.back0, 0, g, H16, G, B, H16)
        _to_output(m, g, H16, o, G, phi_c, H16, d_o, S, d_c, S, B, H16)
        reverse(m, phi.number, d_c, S, phi_c, H16, c, H16, d_c, S, phi.p, phi.q, B, H16)
        _to_gates(m, d_c, S, k, H16, i, G, f, G, n, G, c_prev, H16, d, S, d + H16, S, d_n, S, k, H16, B, H16)
        reverse(m, gate_phi.number, d, S, i, G, kept, G, i, G, gate_phi.p, gate_phi.q, B, 3 * H16)
        reverse(m, phi.number, d_n, S, n, G, kept + 3 * H16, G, n, G, phi.p, phi.q, B, H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, i, G, layer.back_x, 0, below, layer.I16, G, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, i, G, H16, layer.H, 4, B)
        if t % chunk == 0:
            x, n_rows = layer.z + t * B * row + layer.x, min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, i, G, layer.grad0, G, n_rows, n_inputs, G)
