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
import torch
from torch import Tensor

from rnnlab.nets.buffered import BufferedCell
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.network import Network
from rnnlab.nets.padding import BATCH_UNIT, padded
from rnnlab.training.batches import Pool

N_EXPONENTS = 3
N_TRAJECTORIES = 4
MOST_STEPS = 200  # only the last steps of a longer trajectory are used
SETTLING = 0.25  # the share of steps in which the directions settle, before their lengths count


def of_weights(network: Network, lane: int) -> dict[str, float]:
    """The spectral radius and the largest singular value of each layer's recurrent weights.

    Six digits are kept: in a linear algebra library the last ones can depend on where in memory a matrix lies."""
    measured = {}
    for n in range(network.architecture.num_layers):
        matrix = _recurrent_matrix(network, lane, n)
        if matrix is None:
            continue
        finite = bool(matrix.isfinite().all())
        # By torch, which uses one thread here.  The threads of numpy wait for each other longer than they compute.
        radius = torch.linalg.eigvals(matrix).abs().max().item() if finite else math.nan
        stretch = torch.linalg.matrix_norm(matrix, 2).item() if finite else math.nan
        measured[f"spectral_radius_layer{n}"] = float(f"{radius:.6g}")
        measured[f"largest_singular_value_layer{n}"] = float(f"{stretch:.6g}")
    return measured


def _recurrent_matrix(network: Network, lane: int, layer: int) -> Tensor | None:
    """The (H, H) matrix in double precision; None for a cell without recurrence."""
    for name in ("weight_hn", "weight_hh"):
        full = f"layer{layer}.{name}"
        if full in network.specs:
            return network.get_weight(lane, full)[:, -network.architecture.hidden_size :].double().cpu()
    return None


def lyapunov_exponents(network: Network, pool: Pool, directions: Sequence[np.random.Generator]) -> dict[str, Tensor]:
    """The first exponents of every layer, (R,) each, on the first samples of `pool`.

    directions: for each lane the generator of the initial directions.  An exponent is -inf if a change dies out
    completely on one of the trajectories."""
    workspace = Workspace(network, padded(N_TRAJECTORIES, BATCH_UNIT))
    n = min(N_TRAJECTORIES, pool.n_samples)
    (chunk,) = pool.chunks(pool.first_indices(n), workspace.batch_size)
    workspace.forward(chunk.x)
    measured: dict[str, Tensor] = {}
    for layer, cell in enumerate(workspace.cells):
        exponents = _exponents_of_layer(network, workspace, layer, cell, n, directions)
        measured |= {f"lyapunov_{k + 1}_layer{layer}": exponents[:, k] for k in range(exponents.shape[1])}
    return measured


def _exponents_of_layer(
    network: Network,
    workspace: Workspace,
    layer: int,
    cell: BufferedCell,
    n: int,
    directions: Sequence[np.random.Generator],
) -> Tensor:
    """The exponents of one layer, (R, K), the mean over n trajectories."""
    R, T, _, H = workspace.shape
    hidden_size = network.architecture.hidden_size
    K = min(N_EXPONENTS, hidden_size)
    steps = range(T - 1, max(T - MOST_STEPS, 0) - 1, -1)
    states, pre = [trace[:, :, :n] for trace in cell.states], _input_share(workspace, layer, n)
    one = Workspace(network, padded(n * K, BATCH_UNIT), seq_len=1).cells[layer]  # computes one step
    # Q (R, n, K, S, H): for each trajectory K directions, in the space of its S states (h, and of an LSTM c)
    Q = cell.h.new_zeros(R, n, K, len(states), H)
    for lane, generator in enumerate(directions):
        Q[lane, ..., :hidden_size] = torch.from_numpy(generator.normal(size=(n, K, len(states), hidden_size))).to(Q)
    log_lengths = Q.new_zeros(R, n, K)
    n_counted = 0
    _orthonormalise(Q)
    for t in steps:
        one.start_from([_repeated(trace[:, t], K, one) for trace in states])
        one.pre[:, 0] = _repeated(pre[:, t], K, one)
        one.step(0)
        one.begin_reverse()
        one.beyond = _filled(Q[..., 1, :], one) if len(states) > 1 else None
        one.reverse_step(0, _filled(Q[..., 0, :], one))
        pulled_back = [gradient[:, : n * K].unflatten(1, (n, K)) for gradient in one.initial_gradients()]
        Q = torch.stack(pulled_back, dim=3)
        lengths = _orthonormalise(Q)
        if T - 1 - t >= SETTLING * len(steps):
            log_lengths += lengths.log()
            n_counted += 1
    return (log_lengths / n_counted).mean(1) if n_counted else log_lengths.mean(1) * math.nan


def _input_share(workspace: Workspace, layer: int, n: int) -> Tensor:
    """The input's share of the pre-activations, (R, T, n, blocks * H), computed again: a step overwrites it."""
    cell = workspace.cells[layer]
    share = torch.empty_like(cell.pre)
    workspace.project(layer, workspace.layer_input(layer), out=share.flatten(1, 2))
    return share[:, :, :n]


def _repeated(x: Tensor, K: int, cell: BufferedCell) -> Tensor:
    """x (R, n, H) -> (R, B, H): every row K times, then zeros up to the batch size of the cell."""
    return _filled(x.unsqueeze(2).expand(-1, -1, K, -1), cell)


def _filled(x: Tensor, cell: BufferedCell) -> Tensor:
    """x (R, n, K, H) -> (R, B, H): its rows, then zeros up to the batch size of the cell."""
    rows = x.flatten(1, 2)
    return torch.nn.functional.pad(rows, (0, 0, 0, cell.gradient.shape[1] - rows.shape[1]))


def _orthonormalise(Q: Tensor) -> Tensor:
    """Make the K vectors of Q (R, n, K, S, H) orthonormal by Gram-Schmidt, in place.

    Returns their lengths before they were normalised, (R, n, K).  A remainder that is no larger than rounding errors
    becomes a zero vector of length 0."""
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
