"""Whether the vector form of a plugin computes what the activation says in plain torch.

The form is compiled by itself, which takes a fraction of a second; the kernels are not needed.
"""

from __future__ import annotations

from ctypes import CFUNCTYPE, POINTER, c_float

import llvmlite.binding as llvm
import numpy as np
from llvmlite import ir

from rnnlab.lazy import torch
from rnnlab.nets.activations import Activation
from rnnlab.nets.kernels.vectors import FLOAT, VECTOR, WIDTH, Formula, Vector, splat

PLACES = np.linspace(-4.01, 3.97, 4 * WIDTH, dtype=np.float32)
TOLERANCE = 1e-4
POINTER_TO_FLOATS = POINTER(c_float)


def check_form(activation: Activation, phi: Formula, slope: Formula, keeps_input: bool) -> None:
    """Raise ValueError where the formulas differ from the activation at one of 64 places between -4 and 4."""
    p, q, *_ = [*map(float, vars(activation).values()), 0.0, 0.0]
    found = _computed(phi, slope, keeps_input, p, q)
    a = torch.tensor(PLACES, dtype=torch.float64)
    for what, ours, theirs in (
        ("phi", found[0], activation.phi(a).numpy()),
        ("slope", found[1], activation.slope(a).numpy()),
    ):
        wrong = ~(np.abs(ours - theirs) < TOLERANCE * (1 + np.abs(theirs)))
        if wrong.any():
            n = int(wrong.argmax())
            needs = "" if keeps_input else " (does it read a?  That needs keeps_input=True)"
            raise ValueError(
                f"activation {activation.name!r}: {what} of its vector form at a={PLACES[n]:.4g} is {ours[n]:.4g}, "
                f"but {theirs[n]:.4g} in torch{needs if what == 'slope' and np.isnan(ours[n]) else ''}"
            )


def _computed(phi: Formula, slope: Formula, keeps_input: bool, p: float, q: float) -> np.ndarray:
    """phi and slope at PLACES, (2, 64).  Where the input is not kept, the slope sees NaN in its place."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    module = llvm.parse_assembly(_written_down(phi, slope, keeps_input))
    with llvm.create_mcjit_compiler(module, machine) as engine:
        engine.finalize_object()
        kind = CFUNCTYPE(None, POINTER_TO_FLOATS, POINTER_TO_FLOATS, c_float, c_float)
        compute = kind(engine.get_function_address("form"))
        results = np.empty((len(PLACES) // WIDTH, 2, WIDTH), np.float32)
        for part, result in zip(PLACES.reshape(-1, WIDTH).copy(), results, strict=True):
            compute(part.ctypes.data_as(POINTER_TO_FLOATS), result.ctypes.data_as(POINTER_TO_FLOATS), p, q)
    return results.transpose(1, 0, 2).reshape(2, -1)


def _written_down(phi: Formula, slope: Formula, keeps_input: bool) -> str:
    """form(x, y, p, q): y[0:16] = phi(x), y[16:32] = slope, of 16 values, as LLVM's text."""
    module = ir.Module("form")
    module.triple = llvm.get_process_triple()
    floats = FLOAT.as_pointer()
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [floats, floats, FLOAT, FLOAT]), "form")
    builder = ir.IRBuilder(function.append_basic_block())
    x, y, *numbers = function.args
    p, q = (splat(builder, number) for number in numbers)
    a = Vector(builder, builder.load(x, typ=VECTOR, align=4))
    h = phi(a, p, q)
    seen = a if keeps_input else a.like(a.of(float("nan")))
    for n, result in enumerate((h, slope(seen, h, p, q))):
        place = builder.gep(y, [ir.Constant(ir.IntType(64), n * WIDTH)], source_etype=FLOAT)
        builder.store(result.value, builder.bitcast(place, VECTOR.as_pointer()), align=4)
    builder.ret_void()
    return str(module)
