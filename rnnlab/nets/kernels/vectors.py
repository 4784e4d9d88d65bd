"""Vectors of 16 floats, for formulas that write down LLVM's instructions.

A formula is a Python function of `Vector`s.  It runs once, when the kernels are compiled:

    def leaky_relu(x, slope):
        return if_negative(x, x * slope, x)

So the program says exactly what is computed.  A compiler's vectoriser would leave tanh scalar, or change the order of a
sum.  A processor whose vectors are narrower computes a vector in two or four parts, with the same bits: no operation
crosses elements but `folded`, which has a fixed order.  NaN and infinity behave as IEEE 754 says: no flag allows LLVM
to assume that there are none, to fuse, or to reorder.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

WIDTH = 16
FLOAT, INT32 = ir.FloatType(), ir.IntType(32)
VECTOR, INTS = ir.VectorType(FLOAT, WIDTH), ir.VectorType(INT32, WIDTH)
UNDEFINED = ir.Constant(VECTOR, ir.Undefined)

Number = float | int
Formula = Callable[..., Any]  # of Vectors, giving a Vector or a tuple of them


class Vector:
    """16 floats of a kernel that is being compiled.  Numbers count as 16 equal elements."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value):
        self.builder, self.value = builder, value

    def like(self, value: ir.Value) -> Vector:
        return Vector(self.builder, value)

    def of(self, other: Vector | Number) -> ir.Value:
        return other.value if isinstance(other, Vector) else ir.Constant(VECTOR, [float(other)] * WIDTH)

    def ints(self) -> ir.Value:
        """The bits as integers."""
        return self.builder.bitcast(self.value, INTS)

    def __add__(self, other: Vector | Number) -> Vector:
        return self.like(self.builder.fadd(self.value, self.of(other)))

    def __sub__(self, other: Vector | Number) -> Vector:
        return self.like(self.builder.fsub(self.value, self.of(other)))

    def __rsub__(self, other: Number) -> Vector:
        return self.like(self.builder.fsub(self.of(other), self.value))

    def __mul__(self, other: Vector | Number) -> Vector:
        return self.like(self.builder.fmul(self.value, self.of(other)))

    def __truediv__(self, other: Vector | Number) -> Vector:
        return self.like(self.builder.fdiv(self.value, self.of(other)))

    def __rtruediv__(self, other: Number) -> Vector:
        return self.like(self.builder.fdiv(self.of(other), self.value))

    def __neg__(self) -> Vector:
        return self.like(self.builder.fneg(self.value))

    __radd__, __rmul__ = __add__, __mul__


def _call(name: str, *xs: Vector | Number) -> Vector:
    """One of LLVM's functions on vectors."""
    first = next(x for x in xs if isinstance(x, Vector))
    return first.like(first.builder.call(llvm_function(first.builder, name, len(xs)), [first.of(x) for x in xs]))


def llvm_function(builder: ir.IRBuilder, name: str, arity: int) -> ir.Function:
    name = f"llvm.{name}.v{WIDTH}f32"
    if name not in builder.module.globals:
        ir.Function(builder.module, ir.FunctionType(VECTOR, [VECTOR] * arity), name)
    return builder.module.globals[name]


def fma(a: Vector | Number, b: Vector | Number, c: Vector | Number) -> Vector:
    """a * b + c, rounded once."""
    return _call("fma", a, b, c)


def sqrt(x: Vector) -> Vector:
    return _call("sqrt", x)


def absolute(x: Vector) -> Vector:
    return _call("fabs", x)


def _select(kind: str, x: Vector, y: Vector | Number, yes: Vector | Number, no: Vector | Number) -> Vector:
    """yes where x stands in the relation to y, else no; no relation holds for NaN."""
    return x.like(x.builder.select(x.builder.fcmp_ordered(kind, x.value, x.of(y)), x.of(yes), x.of(no)))


def at_most(x: Vector, y: Vector | Number) -> Vector:
    """The lesser of x and y; NaN where x is NaN."""
    return _select(">", x, y, y, x)


def at_least(x: Vector, y: Vector | Number) -> Vector:
    """The greater of x and y; NaN where x is NaN."""
    return _select("<", x, y, y, x)


def if_negative(x: Vector, yes: Vector | Number, no: Vector | Number) -> Vector:
    """yes where x < 0, else no (also where x is NaN)."""
    return _select("<", x, 0.0, yes, no)


def if_positive(x: Vector, yes: Vector | Number, no: Vector | Number) -> Vector:
    """yes where x > 0, else no (also where x is NaN)."""
    return _select(">", x, 0.0, yes, no)


def nan_of(x: Vector, value: Vector) -> Vector:
    """value, but NaN where x is NaN."""
    return x.like(x.builder.select(x.builder.fcmp_unordered("uno", x.value, x.value), x.value, value.value))


def times_power_of_two(x: Vector, shifted: Vector) -> Vector:
    """x * 2^n for a normal x and a normal result, with n given as `shifted` = n + 1.5 * 2^23.

    Adding 1.5 * 2^23 rounds a float to a whole number and leaves it in the lowest bits."""
    exponent = x.builder.shl(shifted.ints(), ir.Constant(INTS, [23] * WIDTH))
    return x.like(x.builder.bitcast(x.builder.add(x.ints(), exponent), VECTOR))


def exponent_of(x: Vector) -> Vector:
    """n of a positive normal x = m 2^n, 1 <= m < 2."""
    bits = x.builder.lshr(x.ints(), ir.Constant(INTS, [23] * WIDTH))
    return x.like(x.builder.sitofp(x.builder.sub(bits, ir.Constant(INTS, [127] * WIDTH)), VECTOR))


def mantissa_of(x: Vector) -> Vector:
    """m of a positive normal x = m 2^n, 1 <= m < 2."""
    bits = x.builder.and_(x.ints(), ir.Constant(INTS, [0x007FFFFF] * WIDTH))
    return x.like(x.builder.bitcast(x.builder.or_(bits, ir.Constant(INTS, [0x3F800000] * WIDTH)), VECTOR))


def splat(builder: ir.IRBuilder, scalar: ir.Value) -> Vector:
    """A scalar in every element."""
    first = builder.insert_element(UNDEFINED, scalar, ir.Constant(INT32, 0))
    return Vector(builder, builder.shuffle_vector(first, UNDEFINED, ir.Constant(INTS, [0] * WIDTH)))


def folded(x: Vector, fold: Formula) -> ir.Value:
    """The elements folded into one float by halves: the same order on every processor."""
    n = WIDTH
    while n > 1:
        n //= 2
        halves = ir.Constant(INTS, [(i + n) % WIDTH for i in range(WIDTH)])
        x = fold(x, x.like(x.builder.shuffle_vector(x.value, UNDEFINED, halves)))
    return x.builder.extract_element(x.value, ir.Constant(INT32, 0))


def folded_together(xs: list[Vector], fold: Formula) -> Vector:
    """16 vectors, each folded as by `folded`, side by side in one: a third of the instructions."""
    n = WIDTH
    while n > 1:
        n //= 2
        # In two vectors, one after the other, every 2 n elements belong together: their halves are folded.
        first = [2 * n * (i // n) + i % n for i in range(WIDTH)]
        halves = [ir.Constant(INTS, [i + offset for i in first]) for offset in (0, n)]
        pairs = zip(xs[::2], xs[1::2], strict=True)
        xs = [fold(*(a.like(a.builder.shuffle_vector(a.value, b.value, half)) for half in halves)) for a, b in pairs]
    return xs[0]
