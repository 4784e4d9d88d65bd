"""A whole network of one lane, forward and backward, compiled: nets/reference.py has the formulas."""

from __future__ import annotations

from rnnlab.nets.cells.gru import GruCell, OriginalGruCell
from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.cells.rnn import MemorylessCell, RnnCell
from rnnlab.nets.kernels import gru, lstm, rnn
from rnnlab.nets.kernels.layer import Layer, Phi, Sizes, layer_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.loops import copy, multiply, row_products
from rnnlab.nets.kernels.products import add_outer_products, pack_panel, product
from rnnlab.nets.kernels.program import CELLS

RNN, MEMORYLESS, LSTM, GRU, ORIGINAL_GRU = (
    CELLS[cell] for cell in (RnnCell, MemorylessCell, LstmCell, GruCell, OriginalGruCell)
)


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
    m: Memory, s: Sizes, layers: Whole, w: int, inputs: Memory, tokens: Whole, which: Whole, tokens_of_batch: Whole
) -> None:
    """Samples `which` of inputs (n, T, I) or tokens (n, T) into the first layer's rows and tokens_of_batch (T, B)."""
    B = which.size
    if s.tokens:
        for b in range(B):
            for t in range(s.T):
                tokens_of_batch[t * B + b] = tokens[which[b] * s.T + t]
    if s.L == 0:
        first = 0 if s.every else s.T - 1
        for t in range(first, s.T):
            for b in range(B):
                for i in range(s.I):
                    place = s.read + ((t - first) * B + b) * s.read_row + s.read_h + i
                    m[place] = inputs[(which[b] * s.T + t) * s.I + i]
        return
    layer = layer_of(layers, 0)
    if layer.reads_tokens:
        return
    for t in range(s.T):
        for b in range(B):
            place = layer.z + (t * B + b) * layer.row + layer.x
            if s.tokens:
                row = w + s.embedding + tokens_of_batch[t * B + b] * s.E
                for i in range(s.E):
                    m[place + i] = m[row + i]
            else:
                row = (which[b] * s.T + t) * s.I
                for i in range(s.I):
                    m[place + i] = inputs[row + i]


@compiled
def forward(
    m: Memory, s: Sizes, layers: Whole, phi: Phi, gate_phi: Phi, w: int, tokens: Whole, keep: int, drops: bool
) -> None:
    """The inputs in the first layer's rows -> s.z (N, O16), N = B, or T * B where every step is answered.  Every
    layer's first state is in its first rows.  keep: where dropout's factors lie, layer after layer (T, B, H16), of the
    top layer (N, H16)."""
    for n in range(s.L):
        layer = layer_of(layers, n)
        if n:
            _hand_up(m, s, layer_of(layers, n - 1), layer, keep + (n - 1) * s.T * layer.B * layer.H16, drops)
        if layer.cell == LSTM:
            lstm.forward(m, layer, phi, gate_phi, w, tokens)
        elif layer.cell in (GRU, ORIGINAL_GRU):
            gru.forward(m, layer, layer.cell == ORIGINAL_GRU, phi, gate_phi, w, tokens)
        else:
            rnn.forward(m, layer, phi, 1 if layer.cell == RNN else 0, w, tokens)


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
def read(m: Memory, s: Sizes, layers: Whole, w: int, keep: int, drops: bool, B: int) -> None:
    """What the linear readout says: s.z."""
    N = s.T * B if s.every else B
    h, row = what_is_read(s, layers, drops)
    if drops:
        states, length = (h, row) if s.L == 0 else what_is_read(s, layers, False)
        factors = keep + max(s.L - 1, 0) * s.T * B * s.n16
        multiply(m, states, length, factors, s.n16, h, row, N, s.n16)
    if s.O == 1:
        row_products(m, h, row, s.read_back, s.z, s.O16, N, s.n16)
        if s.bias >= 0:
            for r in range(N):
                m[s.z + r * s.O16] += m[w + s.bias]
    else:
        product(m, h - 1, row, s.read_panel, 0, s.z, s.O16, 1 + s.n_read, N, s.O16)


@compiled
def backward(
    m: Memory, s: Sizes, layers: Whole, phi: Phi, gate_phi: Phi, g: int, tokens: Whole, keep: int, drops: bool, B: int
) -> None:
    """s.dz, the loss's gradient at s.z -> gradients added to the products' and, of what is looked up and of the
    readout's bias, to the lane's at g."""
    N, size = s.T * B if s.every else B, s.T * B
    h, row = what_is_read(s, layers, drops)
    add_outer_products(m, s.dz, s.O16, h, row, s.read_grad, s.n16, N, s.O, s.n16)
    if s.bias >= 0:
        for o in range(s.O):
            total = 0.0
            for r in range(N):
                total += m[s.dz + r * s.O16 + o]
            m[g + s.bias + o] += total
    if s.L == 0:
        return
    product(m, s.dz, s.O16, s.read_back, 0, s.g, s.n16, s.O, N, s.n16)
    if drops:
        multiply(m, s.g, s.n16, keep + (s.L - 1) * size * s.n16, s.n16, s.g, s.n16, N, s.n16)
    last_only = not s.every
    for n in range(s.L - 1, -1, -1):
        layer = layer_of(layers, n)
        gives_below = n > 0 or s.E > 0
        if layer.cell == LSTM:
            lstm.backward(m, layer, phi, gate_phi, last_only, gives_below, g, tokens)
        elif layer.cell in (GRU, ORIGINAL_GRU):
            original = layer.cell == ORIGINAL_GRU
            gru.backward(m, layer, original, phi, gate_phi, last_only, gives_below, g, tokens)
        else:
            recurs = 1 if layer.cell == RNN else 0
            rnn.backward(m, layer, phi, recurs, last_only, gives_below, g, tokens)
        last_only = False
        if n and drops:
            factors = keep + (n - 1) * size * layer.I16
            multiply(m, s.below, layer.I16, factors, layer.I16, s.g, layer.I16, size, layer.I16)
        elif n:
            copy(m, s.below, layer.I16, s.g, layer.I16, size, layer.I16)
        elif s.E:
            for r in range(size):
                place = g + s.embedding + tokens[r] * s.E
                for i in range(s.E):
                    m[place + i] += m[s.below + r * layer.I16 + i]
