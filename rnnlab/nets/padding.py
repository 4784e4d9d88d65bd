"""Why a run's numbers do not depend on who shares its pack.

Two things would make them depend (both seen): torch applies an elementwise function to a contiguous buffer in blocks of
two vector registers and finishes the rest by a formula whose last bit can differ; and a small matrix product can differ
in its last bits with the alignment of its operands in memory.  So every matrix of a lane fills whole blocks, and all
lanes are aligned alike: the hidden axis is padded to a multiple of 8, input and output to multiples of 4, the batch to
a multiple of 8.  The padding is zero and is never read back.  Products are bit-equal for any pack width from two up,
and a pack of one is padded to two.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

BLOCK = 32  # floats in two AVX-512 registers; 8 x 4, the least matrix there is after padding
HIDDEN_UNIT = BATCH_UNIT = 8
FEATURE_UNIT = 4
MIN_WIDTH = 2  # lanes; a batched product of one takes another kernel


def padded(size: int, unit: int) -> int:
    """The least multiple of `unit` from `size` up."""
    return -(-size // unit) * unit


def lanewise(function: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
    """function(x), elementwise, for x (R, ...), padding each lane to whole blocks for the call."""
    lanes, size = x.shape[0], x[0].numel()
    missing = -size % BLOCK
    if not missing:
        return function(x.contiguous())
    filled = torch.zeros(lanes, size + missing, dtype=x.dtype, device=x.device)
    filled[:, :size] = x.reshape(lanes, size)
    return function(filled)[:, :size].reshape(x.shape)
