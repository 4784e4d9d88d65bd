"""exp, log, tanh and the like: the largest errors that their docstrings state, against double precision."""

import ctypes
import hashlib
import platform

import llvmlite.binding as llvm
import numpy as np
import pytest
from llvmlite import ir
from numba.core import cgutils
from scipy import special

from rnnlab.nets.kernels import functions
from rnnlab.nets.kernels.vectors import VECTOR, WIDTH, Vector

WIDE, NARROW = np.linspace(-86, 86, 20001), np.linspace(-6, 6, 20001)
# name: the function in double precision, where it is looked at, and the largest absolute and relative error
STATED = {
    "exp": (np.exp, WIDE, 0, 2e-7),
    "log": (np.log, np.exp(np.linspace(-80, 80, 20001)), 2e-7, 2e-7),
    "tanh": (np.tanh, np.concatenate([WIDE, NARROW]), 3e-7, 0),
    "sigmoid": (special.expit, np.concatenate([WIDE, NARROW]), 2e-7, 0),
    "erf": (special.erf, np.concatenate([WIDE, NARROW]), 4e-7, 0),
    "expm1": (np.expm1, np.concatenate([WIDE[WIDE <= 0], NARROW[NARROW <= 0]]), 2e-7, 0),
    "log1p_exp": (lambda x: np.logaddexp(0, x), np.concatenate([WIDE, NARROW]), 3e-7, 3e-7),
    "sin": (np.sin, np.concatenate([100 * WIDE, NARROW]), 3e-7, 0),
    "cos": (np.cos, np.concatenate([100 * WIDE, NARROW]), 3e-7, 0),
}


INT, PLACE = ir.IntType(64), VECTOR.as_pointer()


def written_down():
    """A module of LLVM with a function name(x, y, n) for each: y = name(x) of n vectors."""
    module = ir.Module()
    module.triple = llvm.get_process_triple()
    for name in STATED:
        function = ir.Function(module, ir.FunctionType(ir.VoidType(), [PLACE, PLACE, INT]), name)
        builder = ir.IRBuilder(function.append_basic_block())
        x, y, n = function.args
        with cgutils.for_range(builder, n, intp=INT) as loop:
            value = Vector(builder, builder.load(builder.gep(x, [loop.index]), align=4))
            result = getattr(functions, name)(value)
            builder.store(result.value, builder.gep(y, [loop.index]), align=4)
        builder.ret_void()
    return str(module)


def functions_for(processor, features=""):
    """values("exp", x) -> exp(x) in single precision, by code that is generated for a processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(cpu=processor, features=features, opt=3, jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(written_down()), machine)
    engine.finalize_object()

    def values(name, x):
        padded = np.zeros(-(-len(x) // WIDTH) * WIDTH, np.float32)
        padded[: len(x)] = x
        y = np.empty_like(padded)
        call = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
        call(engine.get_function_address(name))(padded.ctypes.data, y.ctypes.data, len(y) // WIDTH)
        return y[: len(x)]

    return values


@pytest.fixture(scope="module")
def values():
    return functions_for(llvm.get_host_cpu_name(), llvm.get_host_cpu_features().flatten())


@pytest.mark.parametrize("name", STATED)
def test_a_function_is_as_exact_as_it_says(name, values):
    exact, places, absolute, relative = STATED[name]
    x = places.astype(np.float32)
    expected = exact(x.astype(np.float64))
    assert (np.abs(values(name, x) - expected) <= absolute + relative * np.abs(expected)).all()


@pytest.mark.parametrize("name", STATED)
def test_nan_stays_nan(name, values):
    assert np.isnan(values(name, np.array([np.nan] * 3, np.float32))).all()


def test_what_lies_beyond_a_range_is_bounded(values):
    far = np.array([1e30, -1e30, np.inf, -np.inf], np.float32)
    for name, least, greatest in (("tanh", -1, 1), ("sigmoid", 0, 1), ("erf", -1, 1)):
        found = values(name, far)
        assert ((least <= found) & (found <= greatest)).all()
        assert (np.sign(found[::2] - found[1::2]) == 1).all()


@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="the processors are those of x86-64")
def test_a_function_has_the_same_bits_on_processors_with_narrower_vectors(values):
    """haswell has vectors of 8 floats."""
    narrow = functions_for("haswell")
    x = np.concatenate([WIDE, NARROW, [np.nan, np.inf, -np.inf, 0.0, -0.0]]).astype(np.float32)
    for name in STATED:
        digests = {hashlib.sha256(compute(name, x).tobytes()).hexdigest() for compute in (values, narrow)}
        assert len(digests) == 1, name
