"""Readout activations and losses with their gradients, compiled: nets/losses.py has the formulas.

z (N, O) in rows of O16, a multiple of 16, whose columns beyond O are zero; of one output the numbers lie side by side,
O16 = 1.  A loss takes z, writes y = f(z) in its place and dL/dz to dz, and returns the sum over samples in double
precision.
"""

from __future__ import annotations

import numpy as np
from llvmlite import ir
from numba.core import cgutils

from rnnlab.nets.kernels.activations import NUMBERS, activate
from rnnlab.nets.kernels.coverage import LOSSES, READOUTS
from rnnlab.nets.kernels.functions import exp
from rnnlab.nets.kernels.layer import Sizes
from rnnlab.nets.kernels.library import FLOAT, INT, Memory, Whole, compiled, define
from rnnlab.nets.kernels.loops import ZEROS, at, each_vector, fill, load, logarithm, number, put_samples, rowwise, store
from rnnlab.nets.kernels.vectors import VECTOR, WIDTH, Vector, at_least, folded, nan_of, splat
from rnnlab.nets.losses import CLIP

LINEAR, SOFTMAX, SIGMOID, RELU, TANH = READOUTS.values()
MSE, CROSS_ENTROPY = LOSSES.values()
OUTPUTS = len(LOSSES)  # in place of a loss: y alone is wanted
SIGMOID_NUMBER, RELU_NUMBER, TANH_NUMBER = NUMBERS["sigmoid"], NUMBERS["relu"], NUMBERS["tanh"]

_error = rowwise(
    "error", lambda y, target, scale: ((y - target) * scale, y - target), n_inputs=2, n_outputs=2, n_numbers=1
)
_f32 = np.float32


def _sum_of_squares(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> ir.Value:
    doubles = ir.VectorType(ir.DoubleType(), WIDTH)
    so_far = cgutils.alloca_once_value(builder, ir.Constant(doubles, [0.0] * WIDTH))
    with each_vector(builder, memory, arguments[:-2], *arguments[-2:]) as (place,):
        x = builder.fpext(load(builder, place).value, doubles)
        builder.store(builder.fadd(builder.load(so_far), builder.fmul(x, x)), so_far)
    total, sums = ir.Constant(ir.DoubleType(), 0.0), builder.load(so_far)
    for n in range(WIDTH):
        total = builder.fadd(total, builder.extract_element(sums, ir.Constant(ir.IntType(32), n)))
    return total


_double_sum_of_squares = define("double_sum_of_squares", "iiii", _sum_of_squares, gives="d")


def _softmax(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    z, e, stride, sums, n_rows, n_columns = arguments
    places = ir.Constant(ir.VectorType(INT, WIDTH), list(range(WIDTH)))
    end = builder.mul(builder.sdiv(builder.add(n_columns, number(WIDTH - 1)), number(WIDTH)), number(WIDTH))

    def inside(column: ir.Value, value: Vector, otherwise: float) -> Vector:
        """value, and `otherwise` in the columns from n_columns on."""
        left = builder.trunc(builder.sub(n_columns, column), INT)
        spread = builder.insert_element(ir.Constant(places.type, ir.Undefined), left, ir.Constant(ir.IntType(32), 0))
        first = ir.Constant(ir.VectorType(ir.IntType(32), WIDTH), [0] * WIDTH)
        spread = builder.shuffle_vector(spread, spread, first)
        here = builder.icmp_signed("<", places, spread)
        return Vector(builder, builder.select(here, value.value, ir.Constant(VECTOR, [otherwise] * WIDTH)))

    with cgutils.for_range(builder, n_rows, intp=INT) as row:
        offset = builder.mul(row.index, stride)
        of, to = (at(builder, memory, builder.add(each, offset)) for each in (z, e))
        so_far = cgutils.alloca_once(builder, VECTOR)
        builder.store(ir.Constant(VECTOR, [-LARGEST] * WIDTH), so_far)
        with cgutils.for_range_slice(builder, number(0), end, number(WIDTH), INT, inc=True) as (j, _):
            value = inside(j, load(builder, at(builder, of, j)), -LARGEST)
            builder.store(_greater(Vector(builder, builder.load(so_far)), value).value, so_far)
        greatest = splat(builder, folded(Vector(builder, builder.load(so_far)), _greater))
        builder.store(ZEROS, so_far)
        with cgutils.for_range_slice(builder, number(0), end, number(WIDTH), INT, inc=True) as (j, _):
            shifted = load(builder, at(builder, of, j)) - greatest
            value = inside(j, exp(shifted), 0.0)
            store(builder, shifted, at(builder, of, j))
            store(builder, value, at(builder, to, j))
            builder.store((Vector(builder, builder.load(so_far)) + value).value, so_far)
        total = folded(Vector(builder, builder.load(so_far)), lambda p, q: p + q)
        builder.store(total, at(builder, memory, builder.add(sums, row.index)))


def _greater(x: Vector, y: Vector) -> Vector:
    """The greater of two; NaN where one is NaN."""
    return nan_of(y, at_least(x, y))


LARGEST = 3.4028234663852886e38
exponentials = define("exponentials", "iiiiii", _softmax)
"""exponentials(memory, z, e, stride, sums, n_rows, n_columns): z less the greatest of its row, e = exp(z), and the sum
of each row of e.  What fills up the columns of e is zero."""


def _scaled_rows(builder: ir.IRBuilder, memory: ir.Value, *arguments: ir.Value) -> None:
    x, stride, divisors, factor, n_rows, n_columns = arguments
    with cgutils.for_range(builder, n_rows, intp=INT) as row:
        place = at(builder, memory, builder.add(x, builder.mul(row.index, stride)))
        divisor = builder.load(at(builder, memory, builder.add(divisors, row.index)), typ=FLOAT)
        scale = splat(builder, builder.fdiv(factor, divisor))
        with cgutils.for_range_slice(builder, number(0), n_columns, number(WIDTH), INT, inc=True) as (j, _):
            store(builder, load(builder, at(builder, place, j)) * scale, at(builder, place, j))


scale_rows = define("scale_rows", "iiifii", _scaled_rows)
"""scale_rows(memory, x, stride, divisors, factor, n_rows, n_columns): x[r] times factor / divisors[r]."""


@compiled
def read_out(m: Memory, readout: int, s: Sizes, N: int) -> None:
    """y = f(z) in the place of z; softmax over O.  s.row (N,): what softmax divides by."""
    if readout == SOFTMAX:
        exponentials(m, s.z, s.z, s.O16, s.row, N, s.O)
        scale_rows(m, s.z, s.O16, s.row, 1, N, s.O16)
    elif readout != LINEAR:
        phi = SIGMOID_NUMBER if readout == SIGMOID else RELU_NUMBER if readout == RELU else TANH_NUMBER
        n_rows, stride, n_columns = shape(s, N)
        activate(m, phi, s.z, stride, s.z, stride, s.z, stride, _f32(0), _f32(0), n_rows, n_columns)
        if readout == SIGMOID:  # of 0 it is not 0
            for r in range(N):
                for o in range(s.O, s.O16):
                    m[s.z + r * s.O16 + o] = 0


@compiled
def shape(s: Sizes, N: int) -> tuple[int, int, int]:
    """The rows, the stride and the columns of z as a matrix of whole vectors."""
    if s.O16 == 1:
        filled = -(-N // WIDTH) * WIDTH
        return 1, filled, filled
    return N, s.O16, s.O16


@compiled
def through_readout(m: Memory, readout: int, s: Sizes, N: int) -> None:
    """dL/dz in the place of dL/dy, s.dz; s.z has y."""
    for r in range(N):
        p, d = s.z + r * s.O16, s.dz + r * s.O16
        if readout == SOFTMAX:
            inner = _f32(0)
            for o in range(s.O):
                inner += m[d + o] * m[p + o]
            for o in range(s.O):
                m[d + o] = m[p + o] * (m[d + o] - inner)
        elif readout == SIGMOID:
            for o in range(s.O):
                m[d + o] = m[d + o] * m[p + o] * (_f32(1) - m[p + o])
        elif readout == RELU:
            for o in range(s.O):
                m[d + o] = m[d + o] if m[p + o] > 0 else m[d + o] * _f32(0)
        elif readout == TANH:
            for o in range(s.O):
                m[d + o] = m[d + o] * (_f32(1) - m[p + o] * m[p + o])


@compiled
def squared_error(
    m: Memory, readout: int, s: Sizes, targets: Memory, rows: Whole, start: int, n: int, n_answers: int, N: int
) -> float:
    """targets (., A, O) of the samples rows[start : start + n].  The mean over outputs; gradients of the mean over
    n_answers."""
    read_out(m, readout, s, N)
    n_rows, stride, n_columns = shape(s, N)
    fill(m, s.target, stride, 0, n_rows, n_columns)  # also what fills rows up: it may be of a lane with NaN
    put_samples(m, s.target, s.O16, targets, rows, start, n, N // n, s.O)
    if s.O16 == 1:
        for r in range(N, n_columns):
            m[s.z + r] = 0
    scale = _f32(2.0 / s.O / n_answers)
    _error(m, s.z, stride, s.target, stride, s.dz, stride, s.target, stride, scale, n_rows, n_columns)
    through_readout(m, readout, s, N)
    return _double_sum_of_squares(m, s.target, stride, n_rows, n_columns) / s.O


@compiled
def cross_entropy(
    m: Memory, readout: int, s: Sizes, classes: Whole, rows: Whole, start: int, n: int, n_answers: int, N: int
) -> float:
    """classes (., A) of the samples rows[start : start + n].  -log p of the class, in nats, of logits; or Keras's of
    other outputs."""
    z, dz, row, O, O16 = s.z, s.dz, s.row, s.O, s.O16
    N16, A = -(-N // WIDTH) * WIDTH, N // n
    total, scale = 0.0, _f32(1.0 / n_answers)
    if readout in (LINEAR, SOFTMAX):
        exponentials(m, z, dz, O16, row, N, O)
        scale_rows(m, dz, O16, row, scale, N, O16)
        logarithm(m, row, WIDTH, row, WIDTH, N16 // WIDTH, WIDTH)
        for r in range(N):
            right = classes[rows[start + r % n] * A + r // n]
            m[dz + r * O16 + right] -= scale
            total += np.float64(m[row + r]) - np.float64(m[z + r * O16 + right])
        return total
    read_out(m, readout, s, N)
    for r in range(N):
        y, d, right = z + r * O16, dz + r * O16, classes[rows[start + r % n] * A + r // n]
        out_of = _f32(0)
        for o in range(O):
            out_of += m[y + o]
        raw = m[y + right] / out_of
        p = raw
        if raw < _f32(CLIP):
            p = _f32(CLIP)
        elif raw > _f32(1) - _f32(CLIP):
            p = _f32(1) - _f32(CLIP)
        inside = _f32(1) if raw == p else _f32(0)
        for o in range(O):
            m[d + o] = inside / out_of * scale
        m[d + right] -= inside / (p * out_of) * scale
        m[row + r] = p
    through_readout(m, readout, s, N)
    logarithm(m, row, WIDTH, row, WIDTH, N16 // WIDTH, WIDTH)
    for r in range(N):
        total -= np.float64(m[row + r])
    return total
