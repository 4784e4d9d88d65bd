"""What computes the networks of a pack: base.py says what a backend is.

compiled.py    the kernels of nets/kernels
plain.py       plain torch, from the formulas of nets/cells: for CUDA, where numba is missing, and for cells and
               activations that have no kernel
apart.py       the same on the CPU, each lane by itself, so that its bits are its own
"""

from rnnlab.nets.backends.base import LEAST_CHUNK, Backend, LaneRecipe, Order, Recipe, Samples, Taken, Updates
from rnnlab.nets.backends.choice import BACKENDS, choose, make, why_not_compiled

__all__ = [
    "BACKENDS",
    "LEAST_CHUNK",
    "Backend",
    "LaneRecipe",
    "Order",
    "Recipe",
    "Samples",
    "Taken",
    "Updates",
    "choose",
    "make",
    "why_not_compiled",
]
