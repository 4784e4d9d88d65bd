"""Padding, so that a run's numbers do not depend on the other runs of its pack.

Without padding they would depend on them in two ways, both of which were seen.  First, torch applies an elementwise
function to a contiguous buffer in blocks of two vector registers, and computes the rest with a formula whose last bit
can differ.  Second, the last bits of a small matrix product can change with the alignment of its operands in memory.
So every matrix of a lane fills whole blocks, and all lanes have the same alignment: the hidden axis is padded to a
multiple of 8, input and output to multiples of 4, the batch to a multiple of 8.  The padding is zero and is never read
back.  Products have the same bits at every pack width from two on, and a pack of one is padded to two.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 32  # floats in two AVX-512 registers, and in the smallest padded matrix, 8 x 4
HIDDEN_UNIT = BATCH_UNIT = 8
FEATURE_UNIT = 4
MIN_WIDTH = 2  # lanes; torch computes a batched product of one lane with another kernel


def padded(size: int, unit: int) -> int:
    """The smallest multiple of `unit` that is not below `size`."""
    return -(-size // unit) * unit


def lanewise(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x) for an elementwise function and x (R, ...).  Each lane is padded to whole blocks for the call."""
    lanes, size = x.shape[0], x[0].numel()
    missing = -size % BLOCK
    if not missing:
        return function(x.contiguous())
    filled = torch.zeros(lanes, size + missing, dtype=x.dtype, device=x.device)
    filled[:, :size] = x.reshape(lanes, size)
    return function(filled)[:, :size].reshape(x.shape)
