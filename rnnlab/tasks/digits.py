"""Handwritten digits, read row by row: 8 steps of 8 pixels, then the class.

The 1797 images of 8 x 8 that ship with scikit-learn: Alpaydin, Kaynak, Optical recognition of handwritten digits,
UCI machine learning repository (1998), its test part.  Pixels are divided by 16, their greatest value.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from rnnlab.tasks.base import Data, Split, register
from rnnlab.tasks.classes import Classification
from rnnlab.tasks.preprocessing import Pixels

SPLIT_SEED = 0  # the split is part of the task: the same for every run
N_TRAIN, N_EVAL = 1197, 300  # the remaining 300 are the test set
BRIGHTEST = 16


@register("digits")
@dataclass(frozen=True)
class Digits(Classification):
    """scikit-learn's handwritten digits, 8 rows of 8 pixels in, the class out.

    The split is fixed, so the data do not depend on the seed."""

    input_size = 8
    output_size = 10
    seq_len = 8
    n_train = N_TRAIN

    def data(self, seed: int) -> Data:
        return load_digits()

    def preprocessing(self) -> Pixels:
        return Pixels((8, 8), BRIGHTEST, (8, 8))


@cache
def load_digits() -> Data:
    """The images in a fixed order, cut into train, eval and test; a row is a step."""
    from sklearn.datasets import load_digits as sklearn_digits  # slow to import, and not every run needs it

    images, labels = sklearn_digits(return_X_y=True)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    inputs = (images[order] / BRIGHTEST).astype(np.float32).reshape(-1, 8, 8)
    parts = np.split(np.arange(len(labels)), [N_TRAIN, N_TRAIN + N_EVAL])
    return Data(*(Split(inputs[part], labels[order][part].astype(np.int64)) for part in parts))
