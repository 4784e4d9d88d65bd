"""Loops over the elements of matrices: a formula for each element, sums, greatest values.

A matrix is an offset into the memory and a stride from row to row.  It has n_rows and n_columns, a multiple of 16; the
loop over columns is outside, in vectors of 16, and the one over rows inside.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from rnnlab.nets.kernels.functions import log
from rnnlab.nets.kernels.library import FLOAT, INT, define
from rnnlab.nets.kernels.vectors import (
    VECTOR,
    WIDTH,
    Formula,
    Vector,
    absolute,
    at_least,
    fma,
    folded,
    folded_together,
    nan_of,
    splat,
)

ZEROS = ir.Constant(VECTOR, [0.0] * WIDTH)


def number(value: int) -> ir.Constant:
    return ir.Constant(INT, value)


def at(builder: ir.IRBuilder, place: ir.Value, distance: ir.Value) -> ir.Value:
    return builder.gep(place, [distance], source_etype=FLOAT)


def load(builder: ir.IRBuilder, place: ir.Value) -> Vector:
    return Vector(builder, builder.load(place, typ=VECTOR, align=4))


def store(builder: ir.IRBuilder, x: Vector, place: ir.Value) -> None:
    builder.store(x.value, builder.bitcast(place, VECTOR.as_pointer()), align=4)


@contextmanager
def each_vector(
    builder: ir.IRBuilder, memory: ir.Value, matrices: Sequence[ir.Value], n_rows: ir.Value, n_columns: ir.Value
) -> Iterator[list[ir.Value]]:
    """A loop over all vectors: the place of each matrix's.  matrices: offset and stride of each."""
    with cgutils.for_range_slice(builder, number(0), n_columns, number(WIDTH), INT, inc=True) as (j, _):
        columns = [at(builder, memory, builder.add(offset, j)) for offset in matrices[::2]]
        with cgutils.for_range(builder, n_rows, intp=INT) as row:
            pairs = zip(columns, matrices[1::2], strict=True)
            yield [at(builder, column, builder.mul(row.index, stride)) for column, stride in pairs]


def rowwise(name: str, *formulas: Formula, n_inputs: int = 1, n_outputs: int = 1, n_numbers: int = 0) -> Any:
    """name(memory, [chosen,] offset and stride of each input, then of each output, numbers, n_rows, n_columns)

    A formula gets the inputs and the numbers and returns the outputs; an output may be one of the inputs, and None is
    not written.  Of several formulas `chosen` says which, by its place."""
    chooses, n_matrices = len(formulas) > 1, n_inputs + n_outputs

    def apply(builder: ir.IRBuilder, memory: ir.Value, formula: Formula, arguments: Sequence[ir.Value]) -> None:
        matrices, numbers = arguments[: 2 * n_matrices], arguments[2 * n_matrices : -2]
        constants = [splat(builder, each) for each in numbers]
        with each_vector(builder, memory, matrices, *arguments[-2:]) as places:
            inputs = [load(builder, place) for place in places[:n_inputs]]
            outputs = formula(*inputs, *constants)
            for output, place in zip(
                outputs if isinstance(outputs, tuple) else (outputs,), places[n_inputs:], strict=True
            ):
                if output is not None:
                    store(builder, output, place)

    def emit(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
        if not chooses:
            return apply(builder, memory, formulas[0], arguments)
        end = builder.append_basic_block("end")
        switch = builder.switch(arguments[0], end)
        for n, formula in enumerate(formulas):
            block = builder.append_basic_block()
            switch.add_case(number(n), block)
            builder.position_at_end(block)
            apply(builder, memory, formula, arguments[1:])
            builder.branch(end)
        builder.position_at_end(end)
        return None

    return define(name, "i" * chooses + "ii" * n_matrices + "f" * n_numbers + "ii", emit)


def sum_of(name: str, formula: Formula, n_inputs: int = 1) -> Any:
    """name(memory, offset and stride of each input, n_rows, n_columns) -> the sum of a formula over all elements."""
    return _folding(name, formula, lambda x, y: x + y, n_inputs)


def largest_of(name: str, formula: Formula, n_inputs: int = 1) -> Any:
    """The same with the greatest value of a formula that is at least 0; NaN where one is NaN."""
    return _folding(name, formula, lambda x, y: nan_of(y, at_least(x, y)), n_inputs)


def _folding(name: str, formula: Formula, fold: Formula, n_inputs: int) -> Any:
    def emit(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> ir.Value:
        so_far = cgutils.alloca_once_value(builder, ZEROS)
        with each_vector(builder, memory, arguments[:-2], *arguments[-2:]) as places:
            value = formula(*(load(builder, place) for place in places))
            builder.store(fold(Vector(builder, builder.load(so_far)), value).value, so_far)
        return folded(Vector(builder, builder.load(so_far)), fold)

    return define(name, "ii" * n_inputs + "ii", emit, gives="f")


def _row_products(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    x, x_stride, w, y, y_stride, n_rows, n_columns = arguments
    sums = [cgutils.alloca_once(builder, VECTOR) for _ in range(WIDTH)]

    def add_up(first: ir.Value, n: int) -> list[Vector]:
        """The products of n rows, not yet folded."""
        for each in sums[:n]:
            builder.store(ZEROS, each)
        places = [
            at(builder, memory, builder.add(x, builder.mul(builder.add(first, number(r)), x_stride))) for r in range(n)
        ]
        with cgutils.for_range_slice(builder, number(0), n_columns, number(WIDTH), INT, inc=True) as (j, _):
            factor = load(builder, at(builder, memory, builder.add(w, j)))
            for place, each in zip(places, sums[:n], strict=True):
                value = fma(load(builder, at(builder, place, j)), factor, Vector(builder, builder.load(each)))
                builder.store(value.value, each)
        return [Vector(builder, builder.load(each)) for each in sums[:n]]

    side_by_side = builder.icmp_signed("==", y_stride, number(1))
    whole = builder.mul(builder.sdiv(n_rows, number(WIDTH)), number(WIDTH))
    whole = builder.select(side_by_side, whole, number(0))
    with cgutils.for_range_slice(builder, number(0), whole, number(WIDTH), INT, inc=True) as (row, _):
        total = folded_together(add_up(row, WIDTH), lambda p, q: p + q)
        store(builder, total, at(builder, memory, builder.add(y, row)))
    with cgutils.for_range_slice(builder, whole, n_rows, number(1), INT, inc=True) as (row, _):
        (value,) = add_up(row, 1)
        total = folded(value, lambda p, q: p + q)
        builder.store(total, at(builder, memory, builder.add(y, builder.mul(row, y_stride))))


row_products = define("row_products", "iiiiiii", _row_products)
"""row_products(memory, x, stride, w, y, stride, n_rows, n_columns): y[r] = sum over columns of x[r] w."""


def _column_sums(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    x, stride, y, n_rows, n_columns = arguments
    with cgutils.for_range_slice(builder, number(0), n_columns, number(WIDTH), INT, inc=True) as (j, _):
        so_far = cgutils.alloca_once(builder, VECTOR)
        builder.store(ZEROS, so_far)
        column = at(builder, memory, builder.add(x, j))
        with cgutils.for_range(builder, n_rows, intp=INT) as row:
            value = load(builder, at(builder, column, builder.mul(row.index, stride)))
            builder.store((Vector(builder, builder.load(so_far)) + value).value, so_far)
        place = at(builder, memory, builder.add(y, j))
        store(builder, load(builder, place) + Vector(builder, builder.load(so_far)), place)


column_sums = define("column_sums", "iiiii", _column_sums)
"""column_sums(memory, x, stride, y, n_rows, n_columns): y[j] += sum over rows of x[r, j]."""


def _put_samples(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    place, stride, source, rows, start, n, n_steps, width = arguments
    per_sample = builder.mul(n_steps, width)
    with cgutils.for_range(builder, n, intp=INT) as sample:
        which = builder.load(builder.gep(rows, [builder.add(start, sample.index)], source_etype=INT), typ=INT)
        first = at(builder, source, builder.mul(which, per_sample))
        with cgutils.for_range(builder, n_steps, intp=INT) as step:
            row = builder.add(builder.mul(step.index, n), sample.index)
            to = at(builder, memory, builder.add(place, builder.mul(row, stride)))
            of = at(builder, first, builder.mul(step.index, width))
            with cgutils.for_range(builder, width, intp=INT) as entry:
                value = builder.load(at(builder, of, entry.index), typ=FLOAT)
                builder.store(value, at(builder, to, entry.index))


put_samples = define("put_samples", "iimwiiii", _put_samples)
"""put_samples(memory, place, stride, source, rows, start, n, n_steps, width): of source (., n_steps, width) the samples
rows[start : start + n], to `place`: entry i of step t of sample b to place + (t n + b) stride + i."""


def _move(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    x, x_stride, y, y_stride, n_rows, n_columns = arguments
    whole = builder.mul(builder.sdiv(n_columns, number(WIDTH)), number(WIDTH))
    with cgutils.for_range(builder, n_rows, intp=INT) as row:
        source = at(builder, memory, builder.add(x, builder.mul(row.index, x_stride)))
        target = at(builder, memory, builder.add(y, builder.mul(row.index, y_stride)))
        with cgutils.for_range_slice(builder, number(0), whole, number(WIDTH), INT, inc=True) as (j, _):
            store(builder, load(builder, at(builder, source, j)), at(builder, target, j))
        with cgutils.for_range_slice(builder, whole, n_columns, number(1), INT, inc=True) as (j, _):
            value = builder.load(at(builder, source, j), typ=FLOAT, align=4)
            builder.store(value, at(builder, target, j), align=4)


move = define("move", "iiiiii", _move)
"""move(memory, x, stride, y, stride, n_rows, n_columns): y = x, with any number of columns."""

logarithm = rowwise("log", log)
fill = rowwise("fill", lambda value: value, n_inputs=0, n_numbers=1)
copy = rowwise("copy", lambda x: x)
multiply = rowwise("multiply", lambda x, y: x * y, n_inputs=2)
add = rowwise("add", lambda x, y: x + y, n_inputs=2)
subtract = rowwise("subtract", lambda x, y: x - y, n_inputs=2)
sum_of_squares = sum_of("sum_of_squares", lambda x: x * x)
largest = largest_of("largest", absolute)
