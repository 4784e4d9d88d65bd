"""The gated recurrent unit, compiled, in torch's form and in its authors': nets/cells/gru.py has the formulas.

Blocks of H16 columns: (n, r, z, q), of the original form (n, r, z).  Products: [x | 1 | h] -> (r, z), [x | 1] -> n, and
[1 | h] -> q, of the original form r h -> n.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import add, copy, multiply, rowwise, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

_candidate = rowwise("gru_candidate", lambda n, r, q: fma(r, q, n), n_inputs=3)
_next_h = rowwise("gru_h", lambda n, z, h: fma(z, h - n, n), n_inputs=3)
_from_h = rowwise(  # dn, dz, and what goes straight on to h[t-1]
    "gru_from_h", lambda g, h, n, z: (g - g * z, g * (h - n), g * z), n_inputs=4, n_outputs=3
)
_to_reset = rowwise("gru_to_reset", lambda d_n, r, q: (d_n * q, d_n * r), n_inputs=3, n_outputs=2)
_to_reset_before = rowwise(
    "gru_to_reset_before", lambda d_rh, r, h, on: (d_rh * h, fma(r, d_rh, on)), n_inputs=4, n_outputs=2
)


@compiled
def forward(m: Memory, layer: Layer, original: bool, phi: Phi, gate_phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows, (n, r, z, q) or (n, r, z) in the trace a."""
    B, H, H16, row = layer.B, layer.H, layer.H16, layer.row
    G = (3 if original else 4) * H16
    for t in range(layer.T):
        start = layer.z + t * B * row
        x, h_prev, h = start + layer.x, start + layer.h, start + B * row + layer.h
        n, kept = layer.a + t * B * G, layer.kept + t * B * G
        r, z, q = n + H16, n + 2 * H16, n + 3 * H16
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, n, G, H16, H, 3, B)
            product_add(m, x, row, layer.panel0, 0, r, G, layer.I + 1 + H, B, 2 * H16)
            product_add(m, x, row, layer.panel1, 0, n, G, layer.I + 1, B, H16)
        else:
            product(m, x, row, layer.panel0, 0, r, G, layer.I + 1 + H, B, 2 * H16)
            product(m, x, row, layer.panel1, 0, n, G, layer.I + 1, B, H16)
        activate(m, gate_phi.number, r, G, r, G, kept + H16, G, gate_phi.p, gate_phi.q, B, 2 * H16)
        if original:
            reset = layer.c + t * B * H16
            multiply(m, r, G, h_prev, row, reset, H16, B, H16)
            product_add(m, reset, H16, layer.panel2, 0, n, G, H, B, H16)
        else:
            product(m, start + layer.one, row, layer.panel2, 0, q, G, 1 + H, B, H16)
            _candidate(m, n, G, r, G, q, G, n, G, B, H16)
        activate(m, phi.number, n, G, n, G, kept, G, phi.p, phi.q, B, H16)
        _next_h(m, n, G, z, G, h_prev, row, h, row, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, original: bool, phi: Phi, gate_phi: Phi, last_only: bool, gives_below: bool, grads: int,
    tokens: Whole, through: int,
) -> None:  # fmt: skip
    """All steps in reverse: see rnn.backward."""
    B, H, H16, row = layer.B, layer.H, layer.H16, layer.row
    G, S, n_inputs = (3 if original else 4) * H16, 5 * H16, layer.I + 1 + H
    chunk = max(1, GRADIENT_ROWS // (2 * B))
    d_n = layer.step
    d_r, d_z, d_rh, on = d_n + H16, d_n + 2 * H16, d_n + 3 * H16, d_n + 4 * H16  # on: what goes on to h[t-1]
    for t in range(layer.T - 1, -1, -1):
        start = layer.z + t * B * row
        x, h_prev = start + layer.x, start + layer.h
        n, kept, reset = layer.a + t * B * G, layer.kept + t * B * G, layer.c + t * B * H16
        r, z, q = n + H16, n + 2 * H16, n + 3 * H16
        da_n = layer.da + t * B * G
        da_r, da_q = da_n + H16, da_n + 3 * H16
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                copy(m, on, S, g, H16, B, H16)
            else:
                add(m, g, H16, on, S, g, H16, B, H16)
            product_add(m, da_r + B * G, G, layer.back0, 0, g, H16, G - H16, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        _from_h(m, g, H16, h_prev, row, n, G, z, G, d_n, S, d_z, S, on, S, B, H16)
        reverse(m, phi.number, d_n, S, n, G, kept, G, da_n, G, phi.p, phi.q, B, H16)
        if original:
            product(m, da_n, G, layer.back1, 0, d_rh, S, H16, B, H16)
            _to_reset_before(m, d_rh, S, r, G, h_prev, row, on, S, d_r, S, on, S, B, H16)
        else:
            _to_reset(m, da_n, G, r, G, q, G, d_r, S, da_q, G, B, H16)
        reverse(m, gate_phi.number, d_r, S, r, G, kept + H16, G, da_r, G, gate_phi.p, gate_phi.q, B, 2 * H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da_n, G, layer.back_x, 0, below, layer.I16, 3 * H16, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da_n, G, H16, H, 3, B)
        if t % chunk == 0:
            rows = min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da_r, G, layer.grad0, 2 * H16, rows, n_inputs, 2 * H16)
            add_outer_products(m, x, row, da_n, G, layer.grad1, H16, rows, layer.I + 1, H16)
            if original:
                add_outer_products(m, reset, H16, da_n, G, layer.grad2, H16, rows, H, H16)
            else:
                add_outer_products(m, start + layer.one, row, da_q, G, layer.grad2, H16, rows, 1 + H, H16)


@compiled
def initial_gradient(m: Memory, layer: Layer, original: bool, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    B, H16 = layer.B, layer.H16
    G, on = (3 if original else 4) * H16, layer.step + 4 * H16
    copy(m, on, 5 * H16, g, H16, B, H16)
    product_add(m, layer.da + H16, G, layer.back0, 0, g, H16, G - H16, B, H16)
