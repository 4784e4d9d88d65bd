"""Subnormal numbers count as zero while a kernel runs, in whatever thread it runs.

Without that, vanishing gradients would slow products down a hundredfold.  The mode is the thread's own (x86: MXCSR,
ARM: FPCR); an entry point sets it and puts it back.
"""

from __future__ import annotations

import platform

from llvmlite import ir

from rnnlab.nets.kernels.library import INT, define
from rnnlab.nets.kernels.loops import number

INT32, BYTES = ir.IntType(32), ir.IntType(8).as_pointer()
X86 = platform.machine().lower() in ("x86_64", "amd64")
ARM = platform.machine().lower() in ("aarch64", "arm64")
FLUSH = 0x8040 if X86 else 1 << 24  # MXCSR: flush to zero, and denormals are zero; FPCR: flush to zero


def _call(builder: ir.IRBuilder, name: str, returns: ir.Type, *arguments: ir.Value) -> ir.Value:
    if name not in builder.module.globals:
        ir.Function(builder.module, ir.FunctionType(returns, [each.type for each in arguments]), name)
    return builder.call(builder.module.globals[name], arguments)


def _read(builder: ir.IRBuilder) -> ir.Value:
    if X86:
        place = builder.alloca(INT32)
        _call(builder, "llvm.x86.sse.stmxcsr", ir.VoidType(), builder.bitcast(place, BYTES))
        return builder.zext(builder.load(place), INT)
    return _call(builder, "llvm.aarch64.get.fpcr", INT) if ARM else number(0)


def _write(builder: ir.IRBuilder, value: ir.Value) -> None:
    if X86:
        place = builder.alloca(INT32)
        builder.store(builder.trunc(value, INT32), place)
        _call(builder, "llvm.x86.sse.ldmxcsr", ir.VoidType(), builder.bitcast(place, BYTES))
    elif ARM:
        _call(builder, "llvm.aarch64.set.fpcr", ir.VoidType(), value)


def _enter(builder: ir.IRBuilder, memory: ir.Value) -> ir.Value:
    before = _read(builder)
    _write(builder, builder.or_(before, number(FLUSH)))
    return before


def _leave(builder: ir.IRBuilder, memory: ir.Value, before: ir.Value) -> None:
    _write(builder, before)


enter = define("enter", "", _enter, gives="i")
"""enter(memory) -> the mode before, for `leave`."""

leave = define("leave", "i", _leave)
"""leave(memory, before)"""
