"""Handwritten digits, read row by row: 8 steps of 8 pixels, then the class.

The 1797 images of 8 x 8 that ship with scikit-learn: Alpaydin, Kaynak, Optical recognition of handwritten digits,
UCI machine learning repository (1998), its test part.  Pixels are divided by 16, their greatest value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from rnnlab.tasks.base import Data, Finding, Predictor, Split, Task, register

SPLIT_SEED = 0  # the split is part of the task: the same for every run
N_TRAIN, N_EVAL = 1197, 300  # the remaining 300 are the test set


@register("digits")
@dataclass(frozen=True)
class Digits(Task):
    """Ten classes, answered at the last row; the split is fixed, so the data do not depend on the seed."""

    name: str = "digits"

    loss = "cross_entropy"
    predictions_kind = "classes"
    score = "accuracy"
    higher_is_better = True
    input_size = 8
    output_size = 10
    seq_len = 8
    n_train = N_TRAIN

    def data(self, seed: int) -> Data:
        return load_digits()

    def naive(self, data: Data) -> dict[str, float]:
        """The majority class of the training part, always."""
        majority = np.bincount(data.train.targets).argmax()
        return super().naive(data) | {"naive_accuracy": float((data.test.targets == majority).mean())}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        on_eval = network.outputs([lane.eval.inputs for lane in data])
        on_test = network.outputs([lane.test.inputs for lane in data])
        return [_finding(*lane) for lane in zip(data, on_eval, on_test, strict=True)]


def _finding(data: Data, on_eval: np.ndarray, on_test: np.ndarray) -> Finding:
    predicted = on_test.argmax(axis=1)
    metrics = {
        "accuracy": float((predicted == data.test.targets).mean()),
        "eval_accuracy": float((on_eval.argmax(axis=1) == data.eval.targets).mean()),
    }
    columns = {
        "index": np.arange(len(predicted)),
        "label": data.test.targets,
        "predicted": predicted,
        "output": on_test.max(axis=1),
    }
    return Finding(metrics, columns)


@cache
def load_digits() -> Data:
    """The images in a fixed order, cut into train, eval and test."""
    from sklearn.datasets import load_digits as sklearn_digits  # slow to import, and not every run needs it

    images, labels = sklearn_digits(return_X_y=True)
    order = np.random.default_rng(SPLIT_SEED).permutation(len(labels))
    inputs = (images[order] / 16).astype(np.float32).reshape(-1, 8, 8)
    parts = np.split(np.arange(len(labels)), [N_TRAIN, N_TRAIN + N_EVAL])
    return Data(*(Split(inputs[part], labels[order][part].astype(np.int64)) for part in parts))
