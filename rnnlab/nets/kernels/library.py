"""The library of loops that the kernels call: one module of LLVM, compiled once per machine.

A loop is defined by the instructions it consists of, and is a function for numba's code at the same time.  numba links
what it calls into every caller and optimises it there again; the library is compiled apart from it, once, and numba's
code calls it by name.

All loops work in one array of float32, the memory of a worker: their first argument.  Matrices are offsets into it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import njit
from numba.core import cgutils, types
from numba.extending import intrinsic

from rnnlab.registry import Registry

compiled = njit(nogil=True, error_model="numpy", boundscheck=False)  # the decorator of all kernels
Memory = np.ndarray  # float32, one-dimensional
Whole = np.ndarray  # int64

FLOAT, INT = ir.FloatType(), ir.IntType(64)
MEMORY = FLOAT.as_pointer()
KINDS = {"i": (INT, types.intp), "f": (FLOAT, types.float32)}

Emit = Callable[..., ir.Value | None]  # (builder, memory, *arguments) -> the result


@dataclass(frozen=True)
class Loop:
    """arguments: a letter each, i for a whole number, f for a float.  gives: "f", or "" for nothing."""

    name: str
    arguments: str
    gives: str
    emit: Emit

    @property
    def type(self) -> ir.FunctionType:
        returned = KINDS[self.gives][0] if self.gives else ir.VoidType()
        return ir.FunctionType(returned, [MEMORY, *(KINDS[kind][0] for kind in self.arguments)])


_LOOPS: Registry[Loop] = Registry("a loop")


def define(name: str, arguments: str, emit: Emit, gives: str = "") -> Any:
    """Add a loop to the library -> a function for numba's code, of the memory and the arguments."""
    loop = Loop(f"rnnlab_{name}", arguments, gives, emit)
    _LOOPS.add(name, loop)

    def function(typingctx: Any, *kinds: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            array = cgutils.create_struct_proxy(signature.args[0])(context, builder, value=args[0])
            callee = cgutils.get_or_insert_function(builder.module, loop.type, loop.name)
            result = builder.call(callee, [array.data, *args[1:]])
            return result if gives else context.get_dummy_value()

        returned = KINDS[gives][1] if gives else types.void
        return returned(kinds[0], *(KINDS[kind][1] for kind in arguments)), codegen

    names = ("typingctx", "memory", *(f"argument{n}" for n in range(len(arguments))))
    function.__signature__ = Signature(  # type: ignore[attr-defined]  # numba wants to see each argument
        [Parameter(each, Parameter.POSITIONAL_OR_KEYWORD) for each in names]
    )
    return intrinsic(function)


def processor() -> tuple[str, str]:
    """For which processor code is generated: its name and features, which NUMBA_CPU_NAME may change."""
    name, features = os.environ.get("NUMBA_CPU_NAME"), os.environ.get("NUMBA_CPU_FEATURES")
    if name is not None:
        return name, features or ""
    return llvm.get_host_cpu_name(), features or llvm.get_host_cpu_features().flatten()


def has_wide_registers() -> bool:
    """Whether the processor has 32 registers of 16 floats (AVX-512)."""
    name, features = processor()
    if features:
        return "+avx512f" in features
    return "avx512" in name or name.startswith(("icelake", "sapphire", "emerald", "granite", "znver4", "znver5"))


def written_down() -> str:
    """The library as LLVM's text."""
    module = ir.Module("rnnlab")
    module.triple = llvm.get_process_triple()
    for loop in _LOOPS.values():
        function = ir.Function(module, loop.type, loop.name)
        builder = ir.IRBuilder(function.append_basic_block())
        result = loop.emit(builder, *function.args)
        builder.ret(result) if loop.gives else builder.ret_void()
    return str(module)


@cache
def load(folder: Path) -> llvm.ExecutionEngine:
    """Make the library known to numba's code in this process: from `folder`, or compiled and left there."""
    name, features = processor()
    text = written_down()
    key = hashlib.sha256("\n".join((text, name, features, str(llvm.llvm_version_info))).encode()).hexdigest()[:16]
    path = folder / f"loops-{key}.o"
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=3, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    try:
        compiled = path.read_bytes()
    except OSError:
        compiled = _compiled(text, machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(compiled))
    engine.finalize_object()
    for loop in _LOOPS.values():
        llvm.add_symbol(loop.name, engine.get_function_address(loop.name))
    return engine


def _compiled(text: str, machine: llvm.TargetMachine) -> bytes:
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
