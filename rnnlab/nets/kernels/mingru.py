"""minGRU, compiled: nets/cells/mingru.py has the formulas.

One product, [x | 1] -> the blocks (n, z) of H16 columns.
"""

from __future__ import annotations

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import add, copy, rowwise, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import fma

next_h = rowwise("mingru_h", lambda n, z, h: fma(z, n - h, h), n_inputs=3)
_from_h = rowwise(  # dn, dz, and what goes straight on to h[t-1]
    "mingru_from_h", lambda g, h, n, z: (g * z, g * (n - h), g - g * z), n_inputs=4, n_outputs=3
)


@compiled
def forward(m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, w: int, tokens: Whole) -> None:
    """All steps: the states come to stand in the rows, (n, z) in the trace a."""
    B, H16, row, G = layer.B, layer.H16, layer.row, 2 * layer.H16
    for t in range(layer.T):
        start = layer.z + t * B * row
        x, h_prev, h = start + layer.x, start + layer.h, start + B * row + layer.h
        n, kept = layer.a + t * B * G, layer.kept + t * B * G
        if layer.reads_tokens:
            look_up(m, w + layer.weight_ih, tokens, t * B, n, G, H16, layer.H, 2, B)
            product_add(m, x, row, layer.panel0, 0, n, G, layer.I + 1, B, G)
        else:
            product(m, x, row, layer.panel0, 0, n, G, layer.I + 1, B, G)
        z = n + H16
        activate(m, phi.number, n, G, n, G, kept, G, phi.p, phi.q, B, H16)
        activate(m, gate_phi.number, z, G, z, G, kept + H16, G, gate_phi.p, gate_phi.q, B, H16)
        next_h(m, n, G, z, G, h_prev, row, h, row, B, H16)


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole,
    through: int,
) -> None:  # fmt: skip
    """All steps in reverse: see rnn.backward."""
    B, H16, row, G, S = layer.B, layer.H16, layer.row, 2 * layer.H16, 5 * layer.H16
    chunk = max(1, GRADIENT_ROWS // (2 * B))
    d_n, d_z, on = layer.step, layer.step + H16, layer.step + 2 * H16  # on: what goes on to h[t-1]
    for t in range(layer.T - 1, -1, -1):
        start, n = layer.z + t * B * row, layer.a + t * B * G
        x, h_prev, z = start + layer.x, start + layer.h, n + H16
        kept, da = layer.kept + t * B * G, layer.da + t * B * G
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                copy(m, on, S, g, H16, B, H16)
            else:
                add(m, g, H16, on, S, g, H16, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        _from_h(m, g, H16, h_prev, row, n, G, z, G, d_n, S, d_z, S, on, S, B, H16)
        reverse(m, phi.number, d_n, S, n, G, kept, G, da, G, phi.p, phi.q, B, H16)
        reverse(m, gate_phi.number, d_z, S, z, G, kept + H16, G, da + H16, G, gate_phi.p, gate_phi.q, B, H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da, G, layer.back_x, 0, below, layer.I16, G, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da, G, H16, layer.H, 2, B)
        if t % chunk == 0:
            rows = min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da, G, layer.grad0, G, rows, layer.I + 1, G)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of the state before the first step."""
    copy(m, layer.step + 2 * layer.H16, 5 * layer.H16, g, layer.H16, layer.B, layer.H16)
