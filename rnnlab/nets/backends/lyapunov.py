"""The Lyapunov exponents of a layer, by the reverse step of its cell: training/dynamics.py says what they are.

Axis letters: R run, N trajectory, K direction, S state (h, and of an LSTM c), H hidden.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from rnnlab.nets.backends.base import MOST_STEPS, SETTLING
from rnnlab.nets.cells.base import Cell, Kept, Weights


def exponents(cell: Cell, trace: Sequence[Kept], w: Weights, directions: Tensor) -> Tensor:
    """The first K exponents of a layer, the mean over its trajectories, (R, K).

    trace: what the cell kept of each step, of batches of N.  w: the weights of the layer.
    directions (R, N, K, S, H): where the K vectors begin.
    An exponent is -inf if a change dies out completely on one of the trajectories."""
    N, K, S = directions.shape[1:4]
    Q, _ = _orthonormal(directions)
    unused = {name: torch.zeros_like(weight) for name, weight in w.items()}
    log_lengths, n_counted = Q.new_zeros(Q.shape[:3]), 0
    steps = trace[-MOST_STEPS:]
    for n, kept in enumerate(reversed(steps)):
        repeated = tuple(values.repeat_interleave(K, dim=1) for values in kept)
        gradient = tuple(Q[..., s, :].flatten(1, 2) for s in range(S))
        _, pulled_back = cell.reverse_step(gradient, repeated, w, unused)
        Q, lengths = _orthonormal(torch.stack([state.unflatten(1, (N, K)) for state in pulled_back], dim=3))
        if n >= SETTLING * len(steps):
            log_lengths += lengths.log()
            n_counted += 1
    return (log_lengths / n_counted).mean(1) if n_counted else log_lengths.mean(1) * math.nan


def _orthonormal(vectors: Tensor) -> tuple[Tensor, Tensor]:
    """vectors (R, N, K, S, H) -> the K vectors made orthonormal by Gram-Schmidt, and their lengths before they were
    normalised, (R, N, K).

    A remainder that is no larger than rounding errors becomes a zero vector of length 0."""
    rounding = 10 * torch.finfo(vectors.dtype).eps * vectors.square().sum((3, 4)).sqrt()
    found: list[Tensor] = []
    lengths = []
    for k in range(vectors.shape[2]):
        q = vectors[:, :, k]
        for other in found:
            q = q - (other * q).sum((2, 3), keepdim=True) * other
        length = q.square().sum((2, 3)).sqrt()
        length = torch.where(length > rounding[:, :, k], length, 0)
        found.append(q * torch.where(length > 0, 1 / length, 0)[..., None, None])
        lengths.append(length)
    return torch.stack(found, dim=2), torch.stack(lengths, dim=2)
