"""A whole network of one lane, forward and backward, compiled: nets/reference.py has the formulas."""

from __future__ import annotations

from typing import Any

from numba import carray

from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.indrnn import IndRnnCell
from rnnlab.nets.cells.layer_norm import LayerNormCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.mgu import MguCell
from rnnlab.nets.cells.mingru import MinGruCell
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.kernels import gru, indrnn, layer_norm, lstm, mgu, mingru, rnn
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.kernels.layer import N_FIELDS, Layer, Phi, Sizes, layer_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled, separate
from rnnlab.nets.kernels.loops import column_sums, copy, fill, multiply, put_samples, row_products, rowwise, sum_of
from rnnlab.nets.kernels.products import add_outer_products, pack_panel, product
from rnnlab.nets.kernels.vectors import WIDTH

RNN, LSTM, GRU, ORIGINAL_GRU, INDRNN, MINGRU, MGU, LAYER_NORM = (
    CELLS[cell]
    for cell in (RnnCell, LstmCell, GruCell, OriginalGruCell, IndRnnCell, MinGruCell, MguCell, LayerNormCell)
)


_add_number = rowwise("add_number", lambda x, number: x + number, n_numbers=1)
_sum = sum_of("sum", lambda x: x)


@compiled
def lay_out(m: Memory, copies: Whole, w: int) -> None:
    """Bring a lane's weights, at w, into the order in which products read them."""
    for c in copies:
        pack_panel(m, w + c[0], c[1], c[2], c[3], c[4], c[5], c[6], c[7], c[8], c[9])


@compiled
def gather_gradients(m: Memory, copies: Whole, g: int) -> None:
    """The products' gradients to their places in the lane's, at g."""
    for c in copies:
        if c[10] >= 0:
            for i in range(c[3]):
                for j in range(c[4]):
                    m[g + c[0] + i * c[1] + j * c[2]] = m[c[10] + (c[7] + i) * c[9] + c[8] + j]


@compiled
def put_inputs(
    m: Memory, s: Sizes, layers: Whole, w: int, inputs: Memory, tokens: Whole, rows: Whole, start: int, n: int,
    tokens_of_chunk: Whole,
) -> None:  # fmt: skip
    """Samples rows[start : start + n] of inputs (., T, I) or tokens (., T) into the first layer's rows and
    tokens_of_chunk (T, n)."""
    if s.L == 0:
        if s.every:
            put_samples(m, s.read + s.read_h, s.read_row, inputs, rows, start, n, s.T, s.I)
        else:  # only the last step is read
            for b in range(n):
                for i in range(s.I):
                    m[s.read + b * s.read_row + s.read_h + i] = inputs[((rows[start + b] + 1) * s.T - 1) * s.I + i]
        return
    layer = layer_of(layers, 0)
    if not s.tokens:
        put_samples(m, layer.z + layer.x, layer.row, inputs, rows, start, n, s.T, s.I)
        return
    for b in range(n):
        for t in range(s.T):
            tokens_of_chunk[t * n + b] = tokens[rows[start + b] * s.T + t]
    if s.E:
        for r in range(s.T * n):
            place, row = layer.z + r * layer.row + layer.x, w + s.embedding + tokens_of_chunk[r] * s.E
            for i in range(s.E):
                m[place + i] = m[row + i]


@separate("mwiiffiffiw")
def forward_layer(
    m: Any, size: int, table: Any, n_numbers: int, n: int, number: int, p: float, q: float, gate_number: int,
    gate_p: float, gate_q: float, w: int, tokens: Any, n_tokens: int,
) -> None:  # fmt: skip
    """All steps of layer n of the table.  number, p, q: the activation, and the gates'."""
    m, tokens = carray(m, size), carray(tokens, n_tokens)
    layer = layer_of(carray(table, (n_numbers // N_FIELDS, N_FIELDS)), n)
    phi, gate_phi = Phi(number, p, q), Phi(gate_number, gate_p, gate_q)
    if layer.cell == LSTM:
        lstm.forward(m, layer, phi, gate_phi, w, tokens)
    elif layer.cell in (GRU, ORIGINAL_GRU):
        gru.forward(m, layer, layer.cell == ORIGINAL_GRU, phi, gate_phi, w, tokens)
    elif layer.cell == INDRNN:
        indrnn.forward(m, layer, phi, w, tokens)
    elif layer.cell == MINGRU:
        mingru.forward(m, layer, phi, gate_phi, w, tokens)
    elif layer.cell == MGU:
        mgu.forward(m, layer, phi, gate_phi, w, tokens)
    elif layer.cell == LAYER_NORM:
        layer_norm.forward(m, layer, phi, w, tokens)
    else:
        rnn.forward(m, layer, phi, 1 if layer.cell == RNN else 0, w, tokens)


@separate("mwiiffiffiiiwii")
def backward_layer(
    m: Any, size: int, table: Any, n_numbers: int, n: int, number: int, p: float, q: float, gate_number: int,
    gate_p: float, gate_q: float, last_only: int, gives_below: int, g: int, tokens: Any, n_tokens: int, through: int,
    goes_on: int,
) -> None:  # fmt: skip
    """All steps of layer n of the table in reverse.  number, p, q: the activation, and the gates'."""
    m, tokens = carray(m, size), carray(tokens, n_tokens)
    layer = layer_of(carray(table, (n_numbers // N_FIELDS, N_FIELDS)), n)
    phi, gate_phi = Phi(number, p, q), Phi(gate_number, gate_p, gate_q)
    last, below = last_only != 0, gives_below != 0
    if layer.cell == LSTM:
        lstm.backward(m, layer, phi, gate_phi, last, below, g, tokens, through, goes_on != 0)
    elif layer.cell in (GRU, ORIGINAL_GRU):
        gru.backward(m, layer, layer.cell == ORIGINAL_GRU, phi, gate_phi, last, below, g, tokens, through)
    elif layer.cell == INDRNN:
        indrnn.backward(m, layer, phi, last, below, g, tokens, through)
    elif layer.cell == MINGRU:
        mingru.backward(m, layer, phi, gate_phi, last, below, g, tokens, through)
    elif layer.cell == MGU:
        mgu.backward(m, layer, phi, gate_phi, last, below, g, tokens, through)
    elif layer.cell == LAYER_NORM:
        layer_norm.backward(m, layer, phi, last, below, g, tokens, through)
    else:
        rnn.backward(m, layer, phi, 1 if layer.cell == RNN else 0, last, below, g, tokens, through)


@compiled
def initial_gradient(m: Memory, layer: Layer, g: int) -> None:
    """After `backward_layer`: at g the gradient (B, H16) of the layer's h before the first step."""
    if layer.cell == LSTM:
        lstm.initial_gradient(m, layer, g)
    elif layer.cell in (GRU, ORIGINAL_GRU):
        gru.initial_gradient(m, layer, layer.cell == ORIGINAL_GRU, g)
    elif layer.cell == INDRNN:
        indrnn.initial_gradient(m, layer, g)
    elif layer.cell == MINGRU:
        mingru.initial_gradient(m, layer, g)
    elif layer.cell == MGU:
        mgu.initial_gradient(m, layer, g)
    elif layer.cell == LAYER_NORM:
        layer_norm.initial_gradient(m, layer, g)
    else:
        rnn.initial_gradient(m, layer, 1 if layer.cell == RNN else 0, g)


@compiled
def forward(m: Memory, s: Sizes, layers: Whole, phi: Phi, gate_phi: Phi, w: int, tokens: Whole, drops: bool) -> None:
    """The inputs in the first layer's rows -> the states of all layers in theirs.  Every layer's first state is in its
    first rows."""
    for n in range(s.L):
        layer = layer_of(layers, n)
        if n:
            _hand_up(m, s, layer_of(layers, n - 1), layer, s.keep + (n - 1) * s.T * layer.B * layer.H16, drops)
        forward_layer(m, layers, n, phi.number, phi.p, phi.q, gate_phi.number, gate_phi.p, gate_phi.q, w, tokens)


@compiled
def _hand_up(m: Memory, s: Sizes, below: Layer, layer: Layer, keep: int, drops: bool) -> None:
    """The states of the layer below to where this one reads them."""
    for t in range(s.T):
        for b in range(layer.B):
            r = t * layer.B + b
            h, x = below.z + (r + layer.B) * below.row + below.h, layer.z + r * layer.row + layer.x
            if drops:
                for j in range(below.H):
                    m[x + j] = m[h + j] * m[keep + r * below.H16 + j]
            else:
                for j in range(below.H):
                    m[x + j] = m[h + j]


@compiled
def what_is_read(s: Sizes, layers: Whole, drops: bool) -> tuple[int, int]:
    """Where the rows that the readout reads have their h, and the length of a row."""
    if s.L == 0 or drops:
        return s.read + s.read_h, s.read_row
    top = layer_of(layers, s.L - 1)
    return top.z + (1 if s.every else s.T) * top.B * top.row + top.h, top.row


@compiled
def read(m: Memory, s: Sizes, layers: Whole, w: int, drops: bool, B: int) -> None:
    """What the linear readout says: s.z (N, O16), N = B, or T * B where every step is answered."""
    N = s.T * B if s.every else B
    h, row = what_is_read(s, layers, drops)
    if drops:
        states, length = (h, row) if s.L == 0 else what_is_read(s, layers, False)
        factors = s.keep + max(s.L - 1, 0) * s.T * B * s.n16
        multiply(m, states, length, factors, s.n16, h, row, N, s.n16)
    if s.O == 1:
        row_products(m, h, row, s.read_back, s.z, s.O16, N, s.n16)
        if s.bias >= 0:
            _add_number(m, s.z, WIDTH, s.z, WIDTH, m[w + s.bias], -(-N * s.O16 // WIDTH), WIDTH)
    else:
        product(m, h - 1, row, s.read_panel, 0, s.z, s.O16, 1 + s.n_read, N, s.O16)


@compiled
def backward(
    m: Memory, s: Sizes, layers: Whole, phi: Phi, gate_phi: Phi, g: int, tokens: Whole, drops: bool, B: int,
    recording: bool,
) -> None:  # fmt: skip
    """s.dz, the loss's gradient at s.z -> gradients added to the products' and, of what is looked up and of the
    readout's bias, to the lane's at g.  recording: the squared norms of dL/dh[t] are added to s.through."""
    N, size = s.T * B if s.every else B, s.T * B
    h, row = what_is_read(s, layers, drops)
    add_outer_products(m, s.dz, s.O16, h, row, s.read_grad, s.n16, N, s.O, s.n16)
    if s.bias >= 0 and s.O16 == 1:
        m[g + s.bias] += _sum(m, s.dz, WIDTH, -(-N // WIDTH), WIDTH)
    elif s.bias >= 0:
        fill(m, s.sums, s.O16, 0, 1, s.O16)
        column_sums(m, s.dz, s.O16, s.sums, N, s.O16)
        for o in range(s.O):
            m[g + s.bias + o] += m[s.sums + o]
    if s.L == 0:
        return
    product(m, s.dz, s.O16, s.read_back, 0, s.g, s.n16, s.O, N, s.n16)
    if drops:
        multiply(m, s.g, s.n16, s.keep + (s.L - 1) * size * s.n16, s.n16, s.g, s.n16, N, s.n16)
    last_only = not s.every
    for n in range(s.L - 1, -1, -1):
        layer = layer_of(layers, n)
        through = s.through + n * s.T if recording else -1
        backward_layer(
            m, layers, n, phi.number, phi.p, phi.q, gate_phi.number, gate_phi.p, gate_phi.q, last_only,
            n > 0 or s.E > 0, g, tokens, through, 0,
        )  # fmt: skip
        last_only = False
        if n and drops:
            factors = s.keep + (n - 1) * size * layer.I16
            multiply(m, s.below, layer.I16, factors, layer.I16, s.g, layer.I16, size, layer.I16)
        elif n:
            copy(m, s.below, layer.I16, s.g, layer.I16, size, layer.I16)
        elif s.E:
            for r in range(size):
                place = g + s.embedding + tokens[r] * s.E
                for i in range(s.E):
                    m[place + i] += m[s.below + r * layer.I16 + i]
