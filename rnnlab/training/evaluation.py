"""Evaluation of the networks of a pack without training: losses, outputs, closed-loop forecasts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlab.nets.backends import LEAST_CHUNK, Backend
from rnnlab.tasks import Split
from rnnlab.training.batches import Pool


class Evaluator:
    """Evaluates the networks of a backend; the Predictor that tasks get.  Lists and arrays have one entry per lane."""

    def __init__(self, backend: Backend):
        self.backend = backend

    def mean_loss(self, splits: Sequence[Split]) -> np.ndarray:
        """One split per lane -> the mean loss over it, (R,) float64."""
        return self.pool_loss(Pool(splits))

    def pool_loss(self, pool: Pool, n_samples: int | None = None) -> np.ndarray:
        """The mean loss over a split, or over its first n_samples, (R,) float64."""
        n = min(n_samples or pool.n_samples, pool.n_samples)
        size = max(self.backend.recipe.chunk, LEAST_CHUNK)
        order = pool.streams(n, size) if self.backend.recipe.carries else pool.chunks(n, size)
        return self.backend.losses(pool.samples, order)

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """One (N, T, I) array, or tokens (N, T), per lane -> outputs (R, N, O), or (R, N, T, O) if every step is
        answered.  Every sequence begins with a state of zero."""
        a = self.backend.recipe.architecture
        no_answers = np.zeros((len(inputs[0]), a.seq_len) if a.answers == "every" else len(inputs[0]), dtype=np.int64)
        pool = Pool([Split(lane, no_answers) for lane in inputs])
        outputs = self.backend.outputs(pool.samples, pool.first(pool.n_samples))
        return outputs if a.answers == "every" else outputs[:, :, 0]

    def closed_loop(self, windows: Sequence[np.ndarray], steps: int) -> np.ndarray:
        """One window (T, I) per lane -> (R, steps, O): each answer becomes the newest value of the next window.

        Raises ValueError for a network whose outputs cannot be inputs, or that answers every step."""
        a = self.backend.recipe.architecture
        if a.input_size != a.output_size or a.answers != "last":
            raise ValueError("a closed loop needs outputs that can be inputs, answered at the last step")
        return self.backend.closed_loop(np.stack(windows), steps)
