"""The data of a pack on the device, and the order in which each lane reads its samples.

Lanes with the same arrays share one copy.  A split is read in chunks of one size, so that the buffers have one shape
and fit into the cache.  The last chunk is filled up with copies of a sample, which have weight 0.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar, NamedTuple

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.padding import BATCH_UNIT, FEATURE_UNIT, padded
from rnnlab.tasks import Split, Task

LEAST_CHUNK = 32  # evaluation computes at least so many samples at once, also if the training batches are smaller
TRACE_LIMIT = 2**18  # floats; a batch is cut into chunks if one trace of one lane, (T, chunk, H), would be larger


def chunk_size(n_samples: int, seq_len: int, hidden_size: int) -> int:
    """How many samples of a batch are computed at once.

    This follows from the run alone, never from the pack: another chunk size would be another order of summation."""
    most = max(BATCH_UNIT, TRACE_LIMIT // (seq_len * hidden_size))
    n_chunks = math.ceil(n_samples / most)
    return padded(math.ceil(n_samples / n_chunks), BATCH_UNIT)


class Chunk(NamedTuple):
    """C samples of every lane, computed at once.

    x (R, T, C, I) with I padded, or tokens (R, T, C);  target (R, O, N), or classes (R, N);  sample_weight (N,), 1 or 0
    N is C if the last step is answered, and T * C if every step is answered."""

    x: Tensor
    target: Tensor
    sample_weight: Tensor


class Pool:
    """One split of every lane, on the device.

    inputs, targets: the different arrays of all lanes, one after the other along the first axis.  Lanes with the same
    array share it."""

    def __init__(self, splits: Sequence[Split], like: Tensor):
        """splits: one per lane, all of one shape.  like: a tensor of the device and dtype to use.

        Raises ValueError for splits of different shapes."""
        first = splits[0]
        self.n_samples = len(first)
        if any(split.inputs.shape != first.inputs.shape for split in splits):
            raise ValueError("the lanes of a pack must have data of one shape")
        sources = {id(split.inputs): split for split in splits}
        place = {key: n * self.n_samples for n, key in enumerate(sources)}
        offsets = [place[id(split.inputs)] for split in splits]
        self._offsets = torch.tensor(offsets, device=like.device).unsqueeze(1)
        inputs = np.concatenate([split.inputs for split in sources.values()])
        targets = np.concatenate([split.targets for split in sources.values()])
        if inputs.dtype.kind == "f":
            missing = -inputs.shape[-1] % FEATURE_UNIT
            self.inputs = torch.nn.functional.pad(torch.from_numpy(inputs), (0, missing)).to(like)
        else:
            self.inputs = torch.from_numpy(inputs).to(like.device)
        self._answers_every = targets.ndim - (targets.dtype.kind == "f") > 1
        if not self._answers_every:
            targets = targets[:, None]
        target = torch.from_numpy(targets)
        self.targets = target.to(like) if targets.dtype.kind == "f" else target.to(like.device)
        self._dtype = like.dtype

    def gather(self, indices: Tensor, n_real: int) -> Chunk:
        """The chunk of the samples with these indices (R, C).  The first n_real have weight 1, the others 0."""
        R, C = indices.shape
        rows = (indices + self._offsets).flatten()
        x = self.inputs.index_select(0, rows).unflatten(0, (R, C)).transpose(1, 2).contiguous()
        target = self.targets.index_select(0, rows).unflatten(0, (R, C))  # (R, C, T) classes or (R, C, T, O) numbers
        target = target.transpose(1, 2).flatten(1) if target.ndim == 3 else target.permute(0, 3, 2, 1).flatten(2)
        weight = (torch.arange(C, device=x.device) < n_real).to(self._dtype)
        return Chunk(x, target, weight.repeat(x.shape[1]) if self._answers_every else weight)

    def chunks(self, indices: Tensor, size: int) -> Iterator[Chunk]:
        """indices (R, B) -> chunks of `size` samples, which together read every index once, in order."""
        for start in range(0, indices.shape[1], size):
            part = indices[:, start : start + size]
            n_real = part.shape[1]
            if n_real < size:
                part = torch.nn.functional.pad(part, (0, size - n_real))
            yield self.gather(part, n_real)

    def stream_chunks(self, n_samples: int, size: int) -> Iterator[Chunk]:
        """The first n_samples as `size` streams side by side.

        Stream c reads the W windows from number c * W on, one per chunk, with W = ceil(n_samples / size)."""
        W = math.ceil(n_samples / size)
        first_of_streams = torch.arange(size, device=self._offsets.device) * W
        for k in range(W):
            n_real = math.ceil((n_samples - k) / W)  # the last streams can be shorter, or empty
            indices = (first_of_streams + k).clamp(max=self.n_samples - 1)
            yield self.gather(indices.expand(len(self._offsets), -1), n_real)

    def first_indices(self, n: int) -> Tensor:
        """The indices of the first n samples in order, (R, n)."""
        return torch.arange(n, device=self._offsets.device).expand(len(self._offsets), -1)


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
