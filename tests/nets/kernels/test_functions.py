"""exp, log, tanh and the like: the largest errors that their docstrings state, against double precision."""

import numpy as np
import pytest
from numba import njit
from scipy import special

from rnnlab.nets.kernels import functions, library
from rnnlab.nets.kernels.loops import rowwise

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


def _probe(name):
    loop = rowwise(f"probe_{name}", getattr(functions, name))

    @njit
    def run(m, n):
        loop(m, 0, 16, n, 16, n // 16, 16)

    return run


PROBES = {name: _probe(name) for name in STATED}


@pytest.fixture(scope="module")
def values(tmp_path_factory):
    """values("exp", x) -> exp(x), computed by the library in single precision."""
    library.load(tmp_path_factory.mktemp("kernels"))

    def values(name, x):
        n = -(-len(x) // 16) * 16
        memory = np.zeros(2 * n, np.float32)
        memory[: len(x)] = x
        PROBES[name](memory, n)
        return memory[n : n + len(x)]

    return values


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
