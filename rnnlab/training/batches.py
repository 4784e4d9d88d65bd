"""The data of a pack, and the order in which each lane reads its samples.

Lanes with the same arrays share one copy.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np

from rnnlab.nets.backends import Order, Samples
from rnnlab.tasks import Split, Task

TRACE_LIMIT = 2**19  # floats; a batch is cut into chunks if the traces of a layer of one lane would be larger
UNIT = 8  # samples: chunks are not smaller, and multiples of it, because a register tile has 8 rows


def chunk_size(n_samples: int, seq_len: int, hidden_size: int, traces: int) -> int:
    """How many samples of a batch are computed at once.  traces: see Cell.traces.

    This follows from the run alone, never from the pack: another chunk size would be another order of summation."""
    most = max(UNIT, TRACE_LIMIT // (seq_len * hidden_size * traces) // UNIT * UNIT)
    size = math.ceil(n_samples / math.ceil(n_samples / most))
    return min(math.ceil(size / UNIT) * UNIT, n_samples)


class Pool:
    """One split of every lane.

    samples: the different arrays of all lanes, one after the other.  Lanes with the same array share its rows."""

    def __init__(self, splits: Sequence[Split]):
        """splits: one per lane, all of one shape.  Raises ValueError for splits of different shapes."""
        first = splits[0]
        self.n_samples = len(first)
        if any(split.inputs.shape != first.inputs.shape for split in splits):
            raise ValueError("the lanes of a pack must have data of one shape")
        sources = {id(split.inputs): split for split in splits}
        place = {key: n * self.n_samples for n, key in enumerate(sources)}
        self._offsets = np.array([place[id(split.inputs)] for split in splits], np.int64)
        inputs = _joined([split.inputs for split in sources.values()])
        targets = _joined([split.targets for split in sources.values()])
        answers_every = targets.ndim - (targets.dtype.kind == "f") > 1
        self.samples = Samples(inputs, targets if answers_every else targets[:, None])

    def rows(self, indices: np.ndarray) -> np.ndarray:
        """Indices into each lane's split, (R, ...) -> rows of the samples."""
        return indices + self._offsets.reshape(-1, *[1] * (indices.ndim - 1))

    def first(self, n: int) -> np.ndarray:
        """The rows of the first n samples of each lane, (R, n)."""
        return self.rows(np.arange(n)[None])

    def chunks(self, n: int, size: int) -> Order:
        """The first n samples in order, in chunks of `size`."""
        n_chunks = math.ceil(n / size)
        indices = np.minimum(np.arange(n_chunks * size), n - 1).reshape(1, n_chunks, size)
        return Order(self.rows(indices), np.minimum(size, n - size * np.arange(n_chunks)))

    def streams(self, n: int, size: int) -> Order:
        """The first n samples as `size` streams side by side, whose states are carried on.

        Stream c reads the W windows from number c * W on, one per chunk, with W = ceil(n / size)."""
        W = math.ceil(n / size)
        indices = np.minimum(np.arange(size) * W + np.arange(W)[:, None], self.n_samples - 1)
        sizes = -((np.arange(W) - n) // W)  # the last streams can be shorter, or empty
        return Order(self.rows(indices[None]), sizes, carries=True)


def _joined(arrays: Sequence[np.ndarray]) -> np.ndarray:
    """Arrays one after the other, as float32 or int64 in rows."""
    joined = arrays[0] if len(arrays) == 1 else np.concatenate(arrays)
    return np.ascontiguousarray(joined, np.float32 if joined.dtype.kind == "f" else np.int64)


class BatchOrder:
    """The samples of one lane's batches: in every epoch a new permutation, cut into batches.

    The last batch of an epoch is dropped if it is incomplete.  A batch of all samples is read in order.
    Like StreamOrder and FreshBatches it has `begins`: whether the states start from zero at the next batch."""

    begins: ClassVar[bool] = True

    def __init__(self, n_samples: int, batch_size: int | None, generator: np.random.Generator):
        self._n_samples, self._generator = n_samples, generator
        self._batch_size = batch_size or n_samples
        self._left = np.empty(0, dtype=np.int64)

    def next(self) -> np.ndarray:
        """The indices of the next batch, (batch_size,)."""
        if self._batch_size == self._n_samples:
            return np.arange(self._n_samples)
        if len(self._left) < self._batch_size:
            self._left = self._generator.permutation(self._n_samples)
        batch, self._left = self._left[: self._batch_size], self._left[self._batch_size :]
        return batch

    def state(self) -> dict[str, Any]:
        """How far the order has been read, as plain data for `resume`."""
        return {"left": self._left.tolist(), "generator": self._generator.bit_generator.state}

    def resume(self, state: dict[str, Any]) -> None:
        self._left = np.array(state["left"], dtype=np.int64)
        self._generator.bit_generator.state = state["generator"]


class StreamOrder:
    """Truncated back-propagation through time: batch_size streams are read side by side, again and again.

    A stream is n_windows // batch_size windows long, and the state passes from one window to the next."""

    def __init__(self, n_windows: int, batch_size: int | None):
        self._batch_size = batch_size or n_windows
        self._length = n_windows // self._batch_size
        self._position = 0

    @property
    def begins(self) -> bool:
        """Whether the next batch has the first windows of the streams."""
        return self._position == 0

    def next(self) -> np.ndarray:
        """The indices of the next batch, (batch_size,)."""
        batch = np.arange(self._batch_size) * self._length + self._position
        self._position = (self._position + 1) % self._length
        return batch

    def state(self) -> dict[str, Any]:
        return {"position": self._position}

    def resume(self, state: dict[str, Any]) -> None:
        self._position = state["position"]


class FreshBatches:
    """Batches of new sequences, each of which is seen once."""

    begins: ClassVar[bool] = True

    def __init__(self, task: Task, batch_size: int, generator: np.random.Generator):
        self._task, self._batch_size, self._generator = task, batch_size, generator

    def next(self) -> Split:
        return self._task.fresh_batch(self._generator, self._batch_size)

    def state(self) -> dict[str, Any]:
        return {"generator": self._generator.bit_generator.state}

    def resume(self, state: dict[str, Any]) -> None:
        self._generator.bit_generator.state = state["generator"]
