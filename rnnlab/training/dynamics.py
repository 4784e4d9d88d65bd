"""A recurrent network as a dynamical system: how strongly its weights, and its steps, stretch a change of the state.

    spectral_radius_layer<n>          the largest |eigenvalue| of W_hh; in gated cells, of the candidate's block.  Above
                                      1 a linear network explodes, below 1 it forgets
    largest_singular_value_layer<n>   the largest factor by which W_hh stretches a vector in one step
    lyapunov_<k>_layer<n>             the k-th Lyapunov exponent: the mean logarithm of the factor by which one step of
                                      the trained network stretches a change of its state, along its trajectories on
                                      validation data.  Below 0 gradients vanish as exp(t * exponent); above 0 they
                                      explode, and the network is chaotic; near 0 the network remembers

The values of the first two before training have the prefix initial_.

The exponents are computed with the reverse step.  k gradients are pulled back through the Jacobians, step by step, and
made orthonormal again after each step; the logarithms of their lengths are added up (Benettin et al., Meccanica 15
(1980); for recurrent networks Engelken, Wolf, Abbott, Physical Review Research 5 (2023)).  Backwards in time the
exponents are the same.  The Jacobian of stacked layers is block triangular, so its exponents are those of the layers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnnlab.nets.backends import Backend
from rnnlab.training.batches import Pool

N_EXPONENTS = 3
N_TRAJECTORIES = 4


def of_weights(backend: Backend) -> list[dict[str, float]]:
    """The spectral radius and the largest singular value of each layer's recurrent weights, for every lane."""
    a, weights = backend.recipe.architecture, backend.weights()
    measured: list[dict[str, float]] = [{} for _ in weights]
    for name, (start, (n_rows, n_columns)) in a.places().items():
        layer, _, short = name.partition(".")
        if short == ("weight_hn" if f"{layer}.weight_hn" in a.places() else "weight_hh"):
            matrices = weights[:, start : start + n_rows * n_columns].reshape(-1, n_rows, n_columns)
            for of_lane, matrix in zip(measured, matrices[:, :, -a.hidden_size :], strict=True):
                radius, stretch = stretches(matrix)
                of_lane |= {f"spectral_radius_{layer}": radius, f"largest_singular_value_{layer}": stretch}
    return measured


def stretches(matrix: np.ndarray) -> tuple[float, float]:
    """The spectral radius and the largest singular value of an (H, H) matrix; NaN where it is not finite.

    Six digits are kept: the last digits that LAPACK computes depend on the processor, and on where in memory the matrix
    lies (docs/bits.md)."""
    if not np.isfinite(matrix).all():
        return math.nan, math.nan
    W = matrix.astype(np.float64)
    radius = np.abs(np.linalg.eigvals(W)).max()
    singular_value = np.sqrt(np.linalg.eigvalsh(W.T @ W)[-1])  # sooner than by a singular value decomposition
    return float(f"{radius:.6g}"), float(f"{singular_value:.6g}")


def lyapunov_exponents(
    backend: Backend, pool: Pool, directions: Sequence[np.random.Generator]
) -> list[dict[str, float]]:
    """The first exponents of every layer on the first samples of `pool`, for every lane.

    directions: for each lane the generator of the initial directions.  An exponent is -inf if a change dies out
    completely on one of the trajectories."""
    a = backend.recipe.architecture
    n, K = min(N_TRAJECTORIES, pool.n_samples), min(N_EXPONENTS, a.hidden_size)
    shape = (a.num_layers, n, K, a.cell.n_states, a.hidden_size)
    drawn = np.stack([generator.normal(size=shape) for generator in directions])
    exponents = backend.exponents(pool.samples, pool.first(n), drawn)
    return [
        {f"lyapunov_{k + 1}_layer{layer}": of_lane[layer, k].item() for layer in range(a.num_layers) for k in range(K)}
        for of_lane in exponents
    ]
