"""Evaluation of the networks of a pack without training: losses, outputs, closed-loop forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.losses import Loss
from rnnlab.nets.network import Network
from rnnlab.nets.padding import BATCH_UNIT, FEATURE_UNIT, padded
from rnnlab.tasks import Split
from rnnlab.training.batches import Pool


class Evaluator:
    """Evaluates the networks of a pack; the Predictor that tasks get.  Lists and arrays have one entry per lane."""

    def __init__(self, network: Network, loss: Loss, chunk: int = 256, *, carries_state: bool = False):
        """chunk: the number of samples computed at once.  carries_state: the samples of a split are consecutive windows
        of a stream, so the state passes from one to the next."""
        self.network, self.loss, self.carries_state = network, loss, carries_state
        self.workspace = Workspace(network, padded(chunk, BATCH_UNIT))

    def mean_loss(self, splits: Sequence[Split]) -> np.ndarray:
        """One split per lane -> the mean loss over it, (R,) float64."""
        return self.pool_loss(Pool(splits, self.network.flat))

    def pool_loss(self, pool: Pool, n_samples: int | None = None) -> np.ndarray:
        """The mean loss over a split, or over its first n_samples, (R,) float64."""
        workspace = self.workspace
        n = min(n_samples or pool.n_samples, pool.n_samples)
        size = workspace.batch_size
        chunks = pool.stream_chunks(n, size) if self.carries_state else pool.chunks(pool.first_indices(n), size)
        total, count = np.zeros(self.network.width), 0.0
        workspace.start_from_zero()
        for chunk in chunks:
            losses, _ = self.loss(workspace.forward(chunk.x), chunk.target, chunk.sample_weight)
            total += losses.double().numpy(force=True)
            count += float(chunk.sample_weight.sum())
            if self.carries_state:
                workspace.start_from(workspace.last_states())
        return total / count

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """One (N, T, I) array, or tokens (N, T), per lane -> outputs (R, N, O), or (R, N, T, O) if every step is
        answered.  Every sequence begins with a state of zero."""
        a = self.network.architecture
        no_targets = np.zeros(len(inputs[0]), dtype=np.int64)
        pool = Pool([Split(lane, no_targets) for lane in inputs], self.network.flat)
        workspace = self.workspace
        workspace.start_from_zero()
        steps = a.seq_len if a.answers == "every" else 1
        parts = []
        for chunk in pool.chunks(pool.first_indices(pool.n_samples), workspace.batch_size):
            y = self.loss.outputs(workspace.forward(chunk.x))
            parts.append(y.unflatten(2, (steps, workspace.batch_size)).permute(0, 3, 2, 1).numpy(force=True))
        outputs = np.concatenate(parts, axis=1)[:, : pool.n_samples]
        return outputs if a.answers == "every" else outputs[:, :, 0]

    def closed_loop(self, windows: Sequence[np.ndarray], steps: int) -> np.ndarray:
        """One window (T, I) per lane -> (R, steps, O): each answer becomes the newest value of the next window.

        T windows read the same value, each at another of their steps.  They are computed together as a batch of T
        streams.  So an answer costs one step of the cell, and not T.

        Raises ValueError for a network whose outputs cannot be inputs, or that answers every step.
        """
        a = self.network.architecture
        if a.input_size != a.output_size or a.answers != "last":
            raise ValueError("a closed loop needs outputs that can be inputs, answered at the last step")
        T = a.seq_len
        stepper = _Stepper(self.network, n_streams=T)
        known = torch.from_numpy(np.stack(windows, axis=1)).to(self.network.flat)  # (T, R, I)
        answers: list[torch.Tensor] = []
        for n in range(T - 1 + steps):
            value = known[n] if n < T else answers[n - T]
            stepper.restart(n % T)
            stepper.step(value)
            if n >= T - 1:
                answers.append(self.loss.outputs(stepper.read((n + 1) % T)).squeeze(2))
        empty = np.zeros((self.network.width, 0, a.output_size), dtype=np.float32)
        return torch.stack(answers, dim=1).numpy(force=True) if answers else empty


class _Stepper:
    """Runs the networks one step at a time over n_streams streams, which all read the same value."""

    def __init__(self, network: Network, n_streams: int):
        self._workspace = Workspace(network, padded(n_streams, BATCH_UNIT), seq_len=1)
        self._states = [torch.zeros_like(state) for state in self._workspace.last_states()]

    def restart(self, stream: int) -> None:
        """Set the state of a stream to zero."""
        for state in self._states:
            state[:, stream] = 0

    def step(self, value: torch.Tensor) -> None:
        """One step of all streams.  value: (R, I)"""
        x = torch.nn.functional.pad(value, (0, -value.shape[1] % FEATURE_UNIT))
        self._workspace.start_from(self._states)
        self._z = self._workspace.forward(x[:, None, None].expand(-1, 1, self._workspace.batch_size, -1).contiguous())
        self._states = self._workspace.last_states()

    def read(self, stream: int) -> torch.Tensor:
        """The output of the linear readout for one stream after the last step, (R, O, 1)."""
        return self._z[:, :, stream : stream + 1]
