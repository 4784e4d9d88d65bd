"""The LSTM, compiled: nets/cells/lstm.py has the formulas.

One product, [x | 1 | h] -> the blocks (i, f, o, n) of H16 columns.
"""

from __future__ import annotations

from typing import Any

from rnnlab.nets.kernels.activations import activate, reverse
from rnnlab.nets.kernels.forms import FORMS, VectorForm
from rnnlab.nets.kernels.layer import GRADIENT_ROWS, Layer, Phi, add_to_looked_up, look_up
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import fill, rowwise, sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, product, product_add
from rnnlab.nets.kernels.vectors import Formula, Vector, fma


def _state(form: VectorForm) -> Formula:
    """The candidate and the states of a step, with phi(c), in one pass."""

    def formula(i: Vector, f: Vector, o: Vector, a: Vector, c: Vector, p: Vector, q: Vector) -> tuple[Any, ...]:
        n = form.phi(a, p, q)
        c = fma(f, c, i * n)
        phi_c = form.phi(c, p, q)
        return n, c, phi_c, o * phi_c, a if form.keeps_input else None

    return formula


def _gradients(form: VectorForm) -> Formula:
    """From the gradients g of h and k of c: those of the gates (i, f, o), of the candidate's pre-activation, and of the
    c before."""

    def formula(
        g: Vector, k: Vector, i: Vector, f: Vector, o: Vector, n: Vector, kept: Vector, c: Vector, phi_c: Vector,
        c_prev: Vector, p: Vector, q: Vector,
    ) -> tuple[Vector, ...]:  # fmt: skip
        d = fma(g * o, form.slope(c, phi_c, p, q), k)
        return d * n, d * c_prev, g * phi_c, d * i * form.slope(kept, n, p, q), d * f

    return formula


_next_state = rowwise("lstm_state", *map(_state, FORMS.values()), n_inputs=5, n_outputs=5, n_numbers=2)
_to_gates = rowwise("lstm_gradients", *map(_gradients, FORMS.values()), n_inputs=10, n_outputs=5, n_numbers=2)


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
        _next_state(
            m, phi.number, i, G, f, G, o, G, n, G, c_prev, H16, n, G, c, H16, phi_c, H16, h, row, kept + 3 * H16, G,
            phi.p, phi.q, B, H16,
        )  # fmt: skip


@compiled
def backward(
    m: Memory, layer: Layer, phi: Phi, gate_phi: Phi, last_only: bool, gives_below: bool, grads: int, tokens: Whole,
    through: int, goes_on: bool,
) -> None:  # fmt: skip
    """All steps in reverse: see rnn.backward.  goes_on: layer.k has what arrives at c from beyond the last step."""
    B, H16, row = layer.B, layer.H16, layer.row
    G, S, n_inputs = 4 * H16, 5 * H16, layer.I + 1 + layer.H
    chunk = max(1, GRADIENT_ROWS // (2 * B))
    k, d = layer.k, layer.step  # d: gradients of the gates (i, f, o)
    if not goes_on:
        fill(m, k, H16, 0, B, H16)
    for t in range(layer.T - 1, -1, -1):
        i, kept, phi_c = layer.a + t * B * G, layer.kept + t * B * G, layer.phi_c + t * B * H16
        f, o, n = i + H16, i + 2 * H16, i + 3 * H16
        da = layer.da + t * B * G
        c_prev, c = layer.c + t * B * H16, layer.c + (t + 1) * B * H16
        g = layer.g if last_only else layer.g + t * B * H16
        if t < layer.T - 1:
            if last_only:
                product(m, da + B * G, G, layer.back0, 0, g, H16, G, B, H16)
            else:
                product_add(m, da + B * G, G, layer.back0, 0, g, H16, G, B, H16)
        if through >= 0:
            m[through + t] += sum_of_squares(m, g, H16, B, H16)
        _to_gates(
            m, phi.number, g, H16, k, H16, i, G, f, G, o, G, n, G, kept + 3 * H16, G, c, H16, phi_c, H16, c_prev, H16,
            d, S, d + H16, S, d + 2 * H16, S, da + 3 * H16, G, k, H16, phi.p, phi.q, B, H16,
        )  # fmt: skip
        reverse(m, gate_phi.number, d, S, i, G, kept, G, da, G, gate_phi.p, gate_phi.q, B, 3 * H16)
        if gives_below:
            below = layer.below + t * B * layer.I16
            product(m, da, G, layer.back_x, 0, below, layer.I16, G, B, layer.I16)
        if layer.reads_tokens:
            add_to_looked_up(m, grads + layer.weight_ih, tokens, t * B, da, G, H16, layer.H, 4, B)
        if t % chunk == 0:
            x, n_rows = layer.z + t * B * row + layer.x, min(chunk, layer.T - t) * B
            add_outer_products(m, x, row, da, G, layer.grad0, G, n_rows, n_inputs, G)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward`: at g the gradient (B, H16) of h before the first step; that of c is layer.k."""
    G = 4 * layer.H16
    product(m, layer.da, G, layer.back0, 0, g, layer.H16, G, layer.B, layer.H16)
