"""One layer of one lane in memory, and what the kernels of all cells have in common.

A layer keeps for every step t = 0 ... T and sample b a row

    [ ... x[t] | 1 | h[t-1] ]        of I, 1 and H numbers, where H is filled up to H16, a multiple of 16

so that input, bias and recurrence are one product with the weights below each other, and so are their gradients.  The
row after the last step holds the last state.  All traces lie in one array, the memory, at the offsets of `Layer`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from rnnlab.nets.kernels.library import INT, Memory, Whole, compiled

GRADIENT_ROWS = 512  # rows that are summed at once into the weights' gradients, while they are in the cache


class Layer(NamedTuple):
    """Sizes, and offsets into the memory.  All are whole numbers; program.py makes them."""

    cell: int
    T: int
    B: int
    I: int  # inputs in a row; 0 where the layer looks its weights up by tokens
    H: int
    H16: int
    row: int  # the length of a row
    x: int  # where in a row x begins
    one: int
    h: int
    reads_tokens: int
    weight_ih: int  # in a lane's parameters, for the look-up
    I16: int  # columns of `below`
    z: int  # rows, (T + 1, B, row)
    a: int  # pre-activations, then gates, (T, B, blocks * H16)
    da: int  # the gradients of the pre-activations; the same place, where nobody reads the gates again
    kept: int  # inputs of activations that keep them, as a
    c: int  # an LSTM's c (T + 1, B, H16); the original GRU's r h, the MGU's f h (T, B, H16)
    phi_c: int  # an LSTM's phi(c), (T, B, H16)
    k: int  # what arrives at an LSTM's c, (B, H16)
    g: int  # dL/dh from above (T, B, H16), to which a cell adds what comes from the next step
    below: int  # the same for the layer below, (T, B, I16)
    step: int  # gradients of one step, (B, 5 * H16)
    panel0: int  # of the cell's products, in the order in which the cell has them
    panel1: int
    panel2: int
    back0: int  # the same transposed, towards h
    back1: int
    back_x: int  # and towards x
    grad0: int  # the gradients of the products' matrices
    grad1: int
    grad2: int


class Sizes(NamedTuple):
    """What all lanes of a pack share, and offsets into the memory.  All are whole numbers; program.py makes them."""

    L: int
    T: int
    I: int  # of the task
    O: int
    O16: int  # the length of a row of z; 1 where the numbers of a single output lie side by side
    every: int  # 1 where every step is answered
    tokens: int  # 1 where the task's inputs are tokens
    E: int  # of the embedding; 0 where there is none
    embedding: int  # in a lane's parameters
    bias: int  # of the readout, in a lane's parameters; -1 where there is none
    n_read: int  # what the readout reads: H, or I where there is no layer
    n16: int
    read_panel: int
    read_back: int
    read_grad: int
    read: int  # rows [.. | 1 | h] where dropout, or no layer, stands before the readout
    read_row: int
    read_h: int
    z: int  # what the readout says, (N, O16), N = B or T * B
    dz: int
    target: int  # what should be said, as z; then the errors
    row: int  # (N,)
    sums: int  # (O16,)
    g: int
    below: int
    grads: int  # where the gradients of all products begin and end
    end_of_grads: int
    keep: int  # dropout's factors, layer by layer (T, B, H16), and those of what is read (N, n16); 0 without dropout
    noise: int  # gradient noise, a lane's row; 0 without it
    ones: int  # 1, H16 times
    scratch: int  # 3 rows of H16
    through: int  # squared norms of the gradients through time, (L, T)


class Lanes(NamedTuple):
    """Where the lanes' rows of parameters begin: weights, gradients, the optimiser's two states, updates."""

    w: int
    g: int
    s: int
    v: int
    u: int


class Phi(NamedTuple):
    """An activation as a kernel takes it: its number and its parameters."""

    number: int
    p: float
    q: float


N_FIELDS, N_SIZES = len(Layer._fields), len(Sizes._fields)


def _row_as(kind: type[tuple[int, ...]], n_fields: int) -> Any:
    """A function for numba's code: row n of a table of whole numbers as a tuple with names.

    It loads what is looked at; numba's own way to make a tuple of an array copies all of it, and takes 0.4 us."""

    @intrinsic
    def function(typingctx, table, n):  # type: ignore[no-untyped-def]
        returned = types.NamedUniTuple(types.int64, n_fields, kind)

        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            data = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0]).data
            first = builder.mul(args[1], ir.Constant(INT, n_fields))
            places = (builder.gep(data, [builder.add(first, ir.Constant(INT, k))]) for k in range(n_fields))
            return context.make_tuple(builder, returned, [builder.load(place) for place in places])

        return returned(table, types.intp), codegen

    return function


layer_of = _row_as(Layer, N_FIELDS)
"""layer_of(table, n): row n of the table of layers."""

_sizes_of = _row_as(Sizes, N_SIZES)


@compiled
def sizes_of(table: Whole) -> Sizes:
    """The numbers of Sizes, from an array of them."""
    sizes: Sizes = _sizes_of(table, 0)
    return sizes


@compiled
def look_up(
    m: Memory, w: int, tokens: Whole, ot: int, y: int, stride: int, block: int, H: int, n_blocks: int, n_rows: int
) -> None:
    """The rows of weights that tokens name, block by block of H columns into blocks of `block`."""
    for r in range(n_rows):
        row, place = w + tokens[ot + r] * n_blocks * H, y + r * stride
        for k in range(n_blocks):
            for j in range(H):
                m[place + k * block + j] = m[row + k * H + j]
            for j in range(H, block):
                m[place + k * block + j] = 0


@compiled
def add_to_looked_up(
    m: Memory, g: int, tokens: Whole, ot: int, d: int, stride: int, block: int, H: int, n_blocks: int, n_rows: int
) -> None:
    """The same in reverse: gradients added to the rows that tokens name, in the order of the samples."""
    for r in range(n_rows):
        row, place = g + tokens[ot + r] * n_blocks * H, d + r * stride
        for k in range(n_blocks):
            for j in range(H):
                m[row + k * H + j] += m[place + k * block + j]
