"""The recurrence as a dynamical system: how strongly a network's own weights and trajectory stretch or shrink a change.

    spectral_radius_layer<n>          the largest |eigenvalue| of W_hh, of gated cells the candidate's block.  Above 1
                                      a linear network explodes, below 1 it forgets
    largest_singular_value_layer<n>   the largest factor by which W_hh stretches a vector in one step
    lyapunov_<k>_layer<n>             the k-th Lyapunov exponent: the mean logarithm, per step, by which the trained
                                      network stretches a change of its state along the trajectories it takes on
                                      validation data.  Below 0 gradients vanish at exp(t * exponent), above 0 they
                                      explode and the network is chaotic, near 0 it remembers

Before training the first two are called initial_...  Exponents come from the reverse step: k gradients are pulled back
through the Jacobians step by step and made orthonormal again each time; their logarithmic lengths add up (Benettin et
al., Meccanica 15 (1980); for recurrent networks Engelken, Wolf, Abbott, Physical Review Research 5 (2023)).  Backwards
in time the exponents are the same.  The Jacobian of stacked layers is block triangular: its exponents are its layers'.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.buffered import BufferedCell
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.network import Network
from rnnlab.nets.padding import BATCH_UNIT, padded
from rnnlab.training.batches import Pool

N_EXPONENTS = 3
N_TRAJECTORIES = 4
MOST_STEPS = 200  # of a trajectory, its last ones
SETTLING = 0.25  # the share of steps after which the directions have settled and lengths count


def of_weights(network: Network, lane: int) -> dict[str, float]:
    """Spectral radius and largest singular value of each layer's recurrent weights.

    To six digits: a linear algebra library may round the last ones by where in memory a matrix lies."""
    found = {}
    for n in range(network.architecture.num_layers):
        matrix = _recurrent_matrix(network, lane, n)
        if matrix is None:
            continue
        finite = bool(matrix.isfinite().all())
        # By torch, which keeps to one thread here; numpy's would wait for each other longer than they work.
        radius = torch.linalg.eigvals(matrix).abs().max().item() if finite else math.nan
        stretch = torch.linalg.matrix_norm(matrix, 2).item() if finite else math.nan
        found[f"spectral_radius_layer{n}"] = float(f"{radius:.6g}")
        found[f"largest_singular_value_layer{n}"] = float(f"{stretch:.6g}")
    return found


def _recurrent_matrix(network: Network, lane: int, layer: int) -> Tensor | None:
    """(H, H) in double precision, or None where there is no recurrence."""
    for name in ("weight_hn", "weight_hh"):
        full = f"layer{layer}.{name}"
        if full in network.specs:
            return network.get_weight(lane, full)[:, -network.architecture.hidden_size :].double().cpu()
    return None


def lyapunov_exponents(network: Network, pool: Pool, directions: Sequence[np.random.Generator]) -> dict[str, Tensor]:
    """The first exponents of every layer, (R,) each, from the first samples of `pool`.

    directions: each lane's generator, from which the first directions are drawn.  -inf where a change dies out on one
    of the trajectories."""
    workspace = Workspace(network, padded(N_TRAJECTORIES, BATCH_UNIT))
    n = min(N_TRAJECTORIES, pool.n_samples)
    (chunk,) = pool.chunks(pool.first_indices(n), workspace.batch_size)
    workspace.forward(chunk.x)
    found = {}
    for layer, cell in enumerate(workspace.cells):
        exponents = _of_layer(network, workspace, layer, cell, n, directions)
        found |= {f"lyapunov_{k + 1}_layer{layer}": exponents[:, k] for k in range(exponents.shape[1])}
    return found


def _of_layer(
    network: Network,
    workspace: Workspace,
    layer: int,
    cell: BufferedCell,
    n: int,
    directions: Sequence[np.random.Generator],
) -> Tensor:
    """(R, K)"""
    R, T, _, H = workspace.shape
    real = network.architecture.hidden_size
    K = min(N_EXPONENTS, real)
    steps = range(T - 1, max(T - MOST_STEPS, 0) - 1, -1)
    states, pre = [trace[:, :, :n] for trace in cell.states], _pre_activations(workspace, layer, n)
    one = Workspace(network, padded(n * K, BATCH_UNIT), seq_len=1).cells[layer]
    # Q (R, n * K, S): K directions for each trajectory, in the space of all its states
    Q = cell.h.new_zeros(R, n, K, len(states), H)
    for lane, generator in enumerate(directions):
        Q[lane, ..., :real] = torch.from_numpy(generator.normal(size=(n, K, len(states), real))).to(Q)
    lengths = Q.new_zeros(R, n, K)
    counted = 0
    _orthonormalise(Q)
    for t in steps:
        one.start_from([_repeated(trace[:, t], K, one) for trace in states])
        one.pre[:, 0] = _repeated(pre[:, t], K, one)
        one.step(0)
        one.begin_reverse()
        one.beyond = _filled(Q[..., 1, :], one) if len(states) > 1 else None
        one.reverse_step(0, _filled(Q[..., 0, :], one))
        pulled = [gradient[:, : n * K].unflatten(1, (n, K)) for gradient in one.initial_gradients()]
        Q = torch.stack(pulled, dim=3)
        stretched = _orthonormalise(Q)
        if T - 1 - t >= SETTLING * len(steps):
            lengths += stretched.log()
            counted += 1
    return (lengths / counted).mean(1) if counted else lengths.mean(1) * math.nan


def _pre_activations(workspace: Workspace, layer: int, n: int) -> Tensor:
    """The input's share once more, since a step writes over it: (R, T, n, blocks * H)"""
    cell = workspace.cells[layer]
    share = torch.empty_like(cell.pre)
    workspace.project(layer, workspace.read_by(layer), out=share.flatten(1, 2))
    return share[:, :, :n]


def _repeated(x: Tensor, K: int, cell: BufferedCell) -> Tensor:
    """(R, n, H) -> each K times, filled up to the cell's batch"""
    return _filled(x.unsqueeze(2).expand(-1, -1, K, -1), cell)


def _filled(x: Tensor, cell: BufferedCell) -> Tensor:
    """(R, n, K, H) -> (R, B, H)"""
    rows = x.flatten(1, 2)
    return torch.nn.functional.pad(rows, (0, 0, 0, cell.gradient.shape[1] - rows.shape[1]))


def _orthonormalise(Q: Tensor) -> Tensor:
    """Gram-Schmidt over K of (R, n, K, S, H), in place; the lengths (R, n, K) that were left before normalising.

    What is left by rounding alone is zero, vector and length."""
    rounding = 10 * torch.finfo(Q.dtype).eps * Q.square().sum((3, 4)).sqrt()
    lengths = []
    for k in range(Q.shape[2]):
        q = Q[:, :, k]
        for j in range(k):
            q -= (Q[:, :, j] * q).sum((2, 3), keepdim=True) * Q[:, :, j]
        length = q.square().sum((2, 3)).sqrt()
        length[length <= rounding[:, :, k]] = 0
        q *= torch.where(length > 0, 1 / length, 0)[..., None, None]
        lengths.append(length)
    return torch.stack(lengths, dim=2)
