"""The library of loops that the kernels call: one module of LLVM, compiled once per machine.

A loop is defined by the instructions it consists of, and is a function for numba's code at the same time.  numba links
what it calls into every caller and optimises it there again; the library is compiled apart from it, once, and numba's
code calls it by name.

All loops work in one array of float32, the memory of a worker: their first argument.  Matrices are offsets into it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from inspect import Parameter, Signature
from typing import Any, ClassVar

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir
from numba import cfunc, njit, typeof
from numba.core import cgutils, config, types
from numba.extending import intrinsic

from rnnlab.nets.kernels.place import folder
from rnnlab.registry import Registry

# The decorator of all kernels.  They are called by kernels, and need no wrappers to be called by Python.
compiled = njit(  # type: ignore[call-overload]  # whose stubs lack what stands in numba's documentation
    nogil=True, error_model="numpy", boundscheck=False, no_cpython_wrapper=True, no_cfunc_wrapper=True
)


class Entry:
    """A kernel that Python calls.  Its machine code is kept on the disk."""

    only_compiled: ClassVar[bool] = False  # calls compile the kernel, or load it, and do nothing else

    def __init__(self, function: Callable[..., None]):
        with _in_folder():
            self._compiled = njit(nogil=True, error_model="numpy", boundscheck=False, cache=True)(function)

    def __call__(self, *arguments: Any) -> None:
        if self.only_compiled:
            self._compiled.compile(tuple(map(typeof, arguments)))
        else:
            self._compiled(*arguments)


entry = Entry  # the decorator


@contextmanager
def _in_folder() -> Iterator[None]:
    """What numba caches goes into the folder of place.py."""
    before, config.CACHE_DIR = config.CACHE_DIR, str(folder())  # type: ignore[attr-defined]
    try:
        yield
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


Memory = np.ndarray  # float32, one-dimensional
Whole = np.ndarray  # int64

FLOAT, INT = ir.FloatType(), ir.IntType(64)
MEMORY = FLOAT.as_pointer()
KINDS = {"i": (INT, types.intp), "f": (FLOAT, types.float32), "d": (ir.DoubleType(), types.float64)}
ARRAYS = {"m": MEMORY, "w": INT.as_pointer()}  # of floats, of whole numbers; a loop gets a pointer

Emit = Callable[..., ir.Value | None]  # (builder, memory, *arguments) -> the result


@dataclass(frozen=True)
class Loop:
    """arguments: a letter each, of KINDS or ARRAYS.  gives: a letter of KINDS, or "" for nothing."""

    name: str
    arguments: str
    gives: str
    emit: Emit

    @property
    def type(self) -> ir.FunctionType:
        returned = KINDS[self.gives][0] if self.gives else ir.VoidType()
        return ir.FunctionType(returned, [MEMORY, *(ARRAYS.get(kind) or KINDS[kind][0] for kind in self.arguments)])


_LOOPS: Registry[Loop] = Registry("a loop")
_KERNELS: Registry[tuple[Any, Callable[..., None]]] = Registry("a kernel")  # its type for numba, and its function


def define(name: str, arguments: str, emit: Emit, gives: str = "") -> Any:
    """Add a loop to the library -> a function for numba's code, of the memory and the arguments."""
    loop = Loop(f"rnnlab_{name}", arguments, gives, emit)
    _LOOPS.add(name, loop)

    def function(typingctx: Any, *kinds: Any) -> Any:
        def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
            values = [
                cgutils.create_struct_proxy(type_)(context, builder, value=value).data if kind in ARRAYS else value
                for kind, type_, value in zip(f"m{arguments}", signature.args, args, strict=True)
            ]
            result = builder.call(cgutils.get_or_insert_function(builder.module, loop.type, loop.name), values)
            return result if gives else context.get_dummy_value()

        returned = KINDS[gives][1] if gives else types.void
        taken = [kinds[1 + n] if kind in ARRAYS else KINDS[kind][1] for n, kind in enumerate(arguments)]
        return returned(kinds[0], *taken), codegen

    _explicit(function, 1 + len(arguments))
    return intrinsic(function)


def separate(arguments: str, gives: str = "") -> Callable[[Callable[..., Any]], Any]:
    """The decorator of a kernel that is compiled once, apart from its callers, and that they call by name.

    numba compiles whatever a function calls into it once more; where large kernels have several callers, that took most
    of the time.  arguments: a letter each: m for an array of floats, w for one of whole numbers, i, f.  The function
    gets each array as a pointer and a size, for `numba.carray`; its callers give the arrays.  gives: "d" for a double,
    or "" for nothing."""
    parts = {"m": (types.CPointer(types.float32), types.intp), "w": (types.CPointer(types.int64), types.intp)}
    own = [kind for each in arguments for kind in parts.get(each) or (KINDS[each][1],)]
    returned, returned_as = (types.float64, ir.DoubleType()) if gives else (types.void, ir.VoidType())

    def enter(function: Callable[..., Any]) -> Any:
        name = f"rnnlab_{function.__name__}"
        _KERNELS.add(name, (returned(*own), function))

        def called(typingctx: Any, *kinds: Any) -> Any:
            def codegen(context: Any, builder: ir.IRBuilder, signature: Any, args: Any) -> ir.Value:
                values = []
                for kind, type_, value in zip(arguments, signature.args, args, strict=True):
                    if kind in parts:
                        array = cgutils.create_struct_proxy(type_)(context, builder, value=value)
                        values += [array.data, array.nitems]
                    else:
                        values.append(value)
                kind_of = ir.FunctionType(returned_as, [context.get_value_type(each) for each in own])
                result = builder.call(cgutils.get_or_insert_function(builder.module, kind_of, name), values)
                return result if gives else context.get_dummy_value()

            taken = [kinds[n] if each in parts else KINDS[each][1] for n, each in enumerate(arguments)]
            return returned(*taken), codegen

        _explicit(called, len(arguments))
        return intrinsic(called)

    return enter


def _explicit(function: Any, n_arguments: int) -> None:
    """Name the arguments of a function (typingctx, *kinds): numba wants to see each."""
    names = ("typingctx", *(f"argument{n}" for n in range(n_arguments)))
    function.__signature__ = Signature([Parameter(each, Parameter.POSITIONAL_OR_KEYWORD) for each in names])


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
def load() -> None:
    """Make the library, and the kernels that are called by name, known to numba's code in this process: from the folder
    of place.py, or compiled and left there.

    Must be called when all kernels are imported, and before any entry point is compiled, loaded or called."""
    engine = _engine()
    for loop in _LOOPS.values():
        llvm.add_symbol(loop.name, engine.get_function_address(loop.name))
    with _in_folder():
        for name, (kind, function) in _KERNELS.items():
            kernel = cfunc(kind, cache=True, error_model="numpy")(function)
            llvm.add_symbol(name, kernel.address)
            _LOADED.append(kernel)
    _LOADED.append(engine)


def is_known() -> bool:
    """Whether the names of the library are known in this process.  To call an entry point before is a crash."""
    return bool(_LOADED)


def promise() -> None:
    """Make the names of the library known without what they stand for: then entry points can be compiled, and not
    called."""
    llvm.initialize_native_target()
    somewhere = llvm.address_of_symbol("malloc")
    for name in (*(loop.name for loop in _LOOPS.values()), *_KERNELS):
        llvm.add_symbol(name, somewhere)
    _LOADED.append(None)


def _engine() -> llvm.ExecutionEngine:
    """The loops' machine code."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    name, features = processor()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=name, features=features, opt=3, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    path = folder() / f"loops-{name}.o"
    try:
        code = path.read_bytes()
    except OSError:
        code = _compiled(written_down(), machine)
        with suppress(OSError):  # another process may need it, and can compile it, too
            temporary = path.with_name(f".{path.name}.{os.getpid()}")
            temporary.write_bytes(code)
            temporary.replace(path)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine


_LOADED: list[Any] = []  # what must stay in memory


def _compiled(text: str, machine: llvm.TargetMachine) -> bytes:
    module = llvm.parse_assembly(text)
    module.verify()
    options = llvm.create_pipeline_tuning_options(speed_level=2)
    options.loop_vectorization = options.slp_vectorization = False
    builder = llvm.create_pass_builder(machine, options)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)
