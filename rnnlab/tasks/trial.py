"""Whether the data of a task have the sizes and types that the task states, and finite numbers."""

from __future__ import annotations

import numpy as np

from rnnlab.tasks.base import Data, Task


def check_data(task: Task, data: Data) -> None:
    """Raise ValueError for data that no network of the task could be trained on."""
    for name, part in (("train", data.train), ("eval", data.eval), ("test", data.test)):
        n = len(part)
        if not n:
            raise ValueError(f"{name} is empty")
        shape = (n,) if task.answers == "last" else (n, task.seq_len)
        if task.tokens:
            _check_classes(f"{name}.inputs", part.inputs, (n, task.seq_len), task.input_size, "input_size")
        else:
            _check_numbers(f"{name}.inputs", part.inputs, (n, task.seq_len, task.input_size))
        if task.loss == "cross_entropy":
            _check_classes(f"{name}.targets", part.targets, shape, task.output_size, "output_size")
        else:
            _check_numbers(f"{name}.targets", part.targets, (*shape, task.output_size))
    if task.n_train != len(data.train):
        raise ValueError(f"n_train: {task.n_train}, but there are {len(data.train)} samples")


def _check_array(what: str, array: np.ndarray, dtype: type, shape: tuple[int, ...]) -> None:
    if array.dtype != dtype or array.shape != shape:
        raise ValueError(f"{what}: {array.dtype} {array.shape}; must be {np.dtype(dtype)} {shape}")


def _check_numbers(what: str, array: np.ndarray, shape: tuple[int, ...]) -> None:
    _check_array(what, array, np.float32, shape)
    if not np.isfinite(array).all():
        raise ValueError(f"{what}: a number is not finite")


def _check_classes(what: str, array: np.ndarray, shape: tuple[int, ...], n: int, size: str) -> None:
    _check_array(what, array, np.int64, shape)
    least, greatest = array.min(), array.max()
    if least < 0 or greatest >= n:
        raise ValueError(f"{what}: from {least} to {greatest}; must be from 0 to below {size}, {n}")
