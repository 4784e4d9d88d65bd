"""The random numbers of a training step, beside those of its batch: dropout and gradient noise, drawn lane by lane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rnnlab import portable
from rnnlab.nets.backends import Recipe
from rnnlab.nets.network import Architecture
from rnnlab.training.lane import Lane

NOISE_DECAY = 0.55  # the exponent by which the variance of gradient noise decays


def dropout_factors(lanes: Sequence[Lane], recipe: Recipe, n: int) -> list[np.ndarray] | None:
    """For n updates the factors by which states are multiplied before the next layer reads them, each 0 or
    1 / (1 - rate): for each layer but the top one (R, n, T, B, H), and last of what the readout reads (R, n, A, B, .).
    None without dropout.

    Srivastava et al., JMLR 15 (2014), in the inverted form.  Dropout acts between layers only, never from step to step:
    Zaremba, Sutskever, Vinyals, arXiv 1409.2329 (2014)."""
    if not recipe.drops:
        return None
    a, B = recipe.architecture, recipe.batch_size
    below_top = max(a.num_layers - 1, 0)
    shapes = [(a.seq_len, B, a.hidden_size)] * below_top + [(a.n_answers, B, a.read_size)]
    drawn = [np.empty((len(lanes), n, *shape), np.float32) for shape in shapes]
    for slot, lane in enumerate(lanes):
        rates = [lane.run.cell.dropout] * below_top + [lane.run.readout.dropout]
        for k in range(n):
            for factors, shape, rate in zip(drawn, shapes, rates, strict=True):
                kept = lane.dropout.random(shape, dtype=np.float32) >= rate
                factors[slot, k] = kept / np.float32(1 - rate)
    return drawn


def gradient_noise(lanes: Sequence[Lane], architecture: Architecture, step: int, n: int) -> np.ndarray | None:
    """N(0, s^2 / (1 + t)^0.55) for every entry of the gradients of updates t = step ... step + n - 1, (R, n, P), with
    s = training.gradient_noise.  None if s is zero.

    Neelakantan et al., arXiv 1511.06807 (2015), eq. 1."""
    s = lanes[0].run.training.gradient_noise
    if not s:
        return None
    noise = np.empty((len(lanes), n, architecture.n_parameters), np.float32)
    for slot, lane in enumerate(lanes):
        for k in range(n):
            decay = portable.exp(-NOISE_DECAY / 2 * portable.log(1 + step + k))
            noise[slot, k] = s * decay * lane.noise.normal(size=noise.shape[2])
    return noise
