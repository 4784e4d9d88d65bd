"""The library of loops has the same bits whatever processor its code is generated for."""

import subprocess
import sys

CODE = """
import hashlib, pathlib, sys
import numpy as np
from numba import njit
from rnnlab.nets.kernels import entry, library
from rnnlab.nets.kernels.activations import NUMBERS, activate, reverse
from rnnlab.nets.kernels.optimizers import sum_of_squares
from rnnlab.nets.kernels.products import add_outer_products, pack_panel, product

@njit
def run(m, number):
    activate(m, number, 0, 16, 512, 16, 1024, 16, np.float32(0.3), np.float32(0), 32, 16)
    reverse(m, number, 0, 16, 512, 16, 1024, 16, 1536, 16, np.float32(0.3), np.float32(0), 32, 16)

@njit
def multiply(m):
    pack_panel(m, 0, 48, 1, 21, 48, 4096, 21, 0, 0, 48)
    product(m, 1, 21, 4096, 0, 6000, 48, 21, 13, 48)
    add_outer_products(m, 5, 13, 6000, 48, 7000, 48, 13, 13, 48)
    return sum_of_squares(m, 6000, 48, 13, 48)

library.load(pathlib.Path(sys.argv[1]))
m = np.random.default_rng(0).normal(size=8192).astype(np.float32)
digest = hashlib.sha256()
for number in NUMBERS.values():
    run(m, number)
    digest.update(m.tobytes())
digest.update(np.float32(multiply(m)).tobytes() + m[6000:].tobytes())  # not the panels, whose layout differs
print(library.processor()[0], digest.hexdigest())
"""


def test_the_bits_are_those_of_another_processor(tmp_path, monkeypatch):
    """haswell has vectors of 8 floats and 16 registers, skylake-avx512 has 32 of 16."""
    found = {}
    for name in ("", "haswell"):
        if name:
            monkeypatch.setenv("NUMBA_CPU_NAME", name)
        code = [sys.executable, "-c", CODE, str(tmp_path)]
        printed = subprocess.run(code, capture_output=True, text=True, check=True).stdout.split()
        found[printed[0]] = printed[1]
    assert len(set(found.values())) == 1
