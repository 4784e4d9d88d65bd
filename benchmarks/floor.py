"""The arithmetic floor of a training step: what its products and functions alone take on this processor, by torch.

    floor = multiply-adds of its products at the rate of one large product (1024 x 1024 x 1024, torch's BLAS)
            + its activations at the rate of torch.sigmoid, in one thread

The products: forward, towards the states, towards the weights, and the readout's three.  The activations: the forward
pass's.  Our own register tile is faster than BLAS on small matrices, so a step can come to stand below this floor.
"""

from __future__ import annotations

from collections.abc import Callable

import torch

BLAS = 1024  # rows, columns and k of the large product
ELEMENTS = 32 * 1024
GATES = {"rnn": 1, "lstm": 4, "gru": 3}  # kinds of pre-activations
FUNCTIONS = {"rnn": 1, "lstm": 5, "gru": 3}  # of a unit and step


def parts() -> dict[str, Callable[[], object]]:
    """What is timed for the floor, by name: to be called side by side with what the floor is compared to."""
    a, b, elements = torch.randn(BLAS, BLAS), torch.randn(BLAS, BLAS), torch.randn(ELEMENTS)
    return {"blas": lambda: a @ b, "sigmoid": lambda: torch.sigmoid(elements)}


def flops_per_s(times: dict[str, float]) -> float:
    """The rate of products.  times: seconds of each of `parts`."""
    return 2 * BLAS**3 / times["blas"]


def floor_s(cell: str, T: int, B: int, I: int, H: int, times: dict[str, float]) -> float:
    """Seconds of a step of one run.  times: seconds of each of `parts`."""
    multiply_adds = T * B * H * (GATES[cell] * (2 * I + 3 * H) + 3)
    return 2 * multiply_adds / flops_per_s(times) + T * B * H * FUNCTIONS[cell] * times["sigmoid"] / ELEMENTS
