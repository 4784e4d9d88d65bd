"""Matrix products of small matrices, as register tiles.

A tile keeps a few rows and 16 or 32 columns of the result in registers and runs once over k.  Every sum runs in the
order of k with one fused multiply-add per term, so a result has the same bits whatever the tile, the number of rows
beside it, the alignment in memory and the width of the processor's vectors.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils

from rnnlab.nets.kernels.library import FLOAT, INT, Memory, compiled, define, has_wide_registers
from rnnlab.nets.kernels.loops import ZEROS, at, load, number, store
from rnnlab.nets.kernels.vectors import VECTOR, WIDTH, Vector, fma, splat

# 8 rows x 32 columns fill 16 of the 32 registers of AVX-512; of AVX2's 16, half as wide, 6 x 16 fill 12.
HEIGHTS, COLUMNS = ((8, 4, 3, 2, 1), 32) if has_wide_registers() else ((6, 3, 2, 1), 16)


class _Matrix:
    """A matrix in memory: the place of an entry."""

    def __init__(self, builder: ir.IRBuilder, memory: ir.Value, offset: ir.Value, stride: ir.Value):
        self.builder, self.stride = builder, stride
        self.first = at(builder, memory, offset)

    def place(self, row: ir.Value, column: ir.Value) -> ir.Value:
        return at(self.builder, self.first, self.builder.add(self.builder.mul(row, self.stride), column))


def _tile(
    builder: ir.IRBuilder,
    a: _Matrix,
    b: _Matrix,
    c: _Matrix,
    k: ir.Value,
    row: ir.Value,
    column: ir.Value,
    column_b: ir.Value,
    height: int,
    n_vectors: int,
    by_columns: bool,
    adds: bool,
) -> None:
    """height rows of C from `row` on and 16 n_vectors columns from `column` on: A B, or C + A B where `adds`.

    A is (n_rows, k), or stored as (k, n_rows) where `by_columns`.  B has its columns from column_b on."""
    rows = [builder.add(row, number(r)) for r in range(height)]
    vectors = range(n_vectors)
    places = [c.place(each, builder.add(column, number(v * WIDTH))) for each in rows for v in vectors]
    first = [load(builder, place).value if adds else ZEROS for place in places]
    before = builder.block
    loop, end = builder.append_basic_block(), builder.append_basic_block()
    builder.cbranch(builder.icmp_signed(">", k, number(0)), loop, end)
    builder.position_at_end(loop)
    i, sums = builder.phi(INT), [builder.phi(VECTOR) for _ in places]
    columns_b = [load(builder, b.place(i, builder.add(column_b, number(v * WIDTH)))) for v in vectors]
    added = []
    for r, each in enumerate(rows):
        place = a.place(i, each) if by_columns else a.place(each, i)
        factor = splat(builder, builder.load(place, typ=FLOAT, align=4))
        added += [fma(factor, columns_b[v], Vector(builder, sums[r * n_vectors + v])).value for v in vectors]
    following = builder.add(i, number(1))
    for phi, at_first, afterwards in zip([i, *sums], [number(0), *first], [following, *added], strict=True):
        phi.add_incoming(at_first, before)
        phi.add_incoming(afterwards, loop)
    builder.cbranch(builder.icmp_signed("<", following, k), loop, end)
    builder.position_at_end(end)
    results = [builder.phi(VECTOR) for _ in places]
    for result, at_first, afterwards in zip(results, first, added, strict=True):
        result.add_incoming(at_first, before)
        result.add_incoming(afterwards, loop)
    for result, place in zip(results, places, strict=True):
        store(builder, Vector(builder, result), place)


def _product(name: str, *, by_panels: bool, by_columns: bool, adds: bool) -> Any:
    def emit(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
        oa, sa, ob, sb, oc, sc, k, n_rows, n_columns = arguments
        a, c = _Matrix(builder, memory, oa, sa), _Matrix(builder, memory, oc, sc)
        wide_end = builder.mul(builder.sdiv(n_columns, number(COLUMNS)), number(COLUMNS))
        for width, start, stop in ((COLUMNS, number(0), wide_end), (WIDTH, wide_end, n_columns)):
            if width == COLUMNS == WIDTH and start is wide_end:
                continue
            with cgutils.for_range_slice(builder, start, stop, number(width), INT, inc=True) as (j, _):
                if by_panels:
                    b = _Matrix(builder, memory, builder.add(ob, builder.mul(j, k)), number(width))
                    column_b = number(0)
                else:
                    b, column_b = _Matrix(builder, memory, ob, sb), j
                _rows(builder, a, b, c, k, n_rows, j, column_b, width // WIDTH, by_columns, adds)

    return define(name, "iiiiiiiii", emit)


def _rows(
    builder: ir.IRBuilder,
    a: _Matrix,
    b: _Matrix,
    c: _Matrix,
    k: ir.Value,
    n_rows: ir.Value,
    column: ir.Value,
    column_b: ir.Value,
    n_vectors: int,
    by_columns: bool,
    adds: bool,
) -> None:
    """The tiles of a group of columns below each other: full ones, then smaller ones for what is left."""
    start = number(0)
    for height in HEIGHTS:
        left = builder.sub(n_rows, start)
        stop = builder.add(start, builder.mul(builder.sdiv(left, number(height)), number(height)))
        with cgutils.for_range_slice(builder, start, stop, number(height), INT, inc=True) as (row, _):
            _tile(builder, a, b, c, k, row, column, column_b, height, n_vectors, by_columns, adds)
        start = stop


product = _product("product", by_panels=True, by_columns=False, adds=False)
"""product(memory, a, stride, panels, 0, c, stride, k, n_rows, n_columns): C = A B.

A (n_rows, k); B (k, n_columns) as `pack_panel` has laid it out; n_columns a multiple of 16."""

product_add = _product("product_add", by_panels=True, by_columns=False, adds=True)
"""The same, C += A B."""

add_outer_products = _product("add_outer_products", by_panels=False, by_columns=True, adds=True)
"""add_outer_products(memory, a, stride, b, stride, c, stride, k, n_rows, n_columns): C (n_rows, n_columns) += A^T B for
A (k, n_rows) and B (k, n_columns); n_columns a multiple of 16."""


@compiled
def pack_panel(
    m: Memory,
    w: int,
    row_stride: int,
    column_stride: int,
    n_rows: int,
    n_columns: int,
    panel: int,
    k: int,
    first_row: int,
    first_column: int,
    width: int,
) -> None:
    """Lay a matrix out as a part of panels, in the order in which `product` reads them.

    The entry (i, j) at w + i row_stride + j column_stride becomes entry (first_row + i, first_column + j) of a matrix
    of k rows and `width` columns (a multiple of 16), whose other entries are not touched."""
    for j in range(n_columns):
        column = first_column + j
        start, stride = column // COLUMNS * COLUMNS, COLUMNS
        if start + COLUMNS > width:
            start, stride = column // WIDTH * WIDTH, WIDTH
        place = panel + start * k + column - start
        for i in range(n_rows):
            m[place + (first_row + i) * stride] = m[w + i * row_stride + j * column_stride]
