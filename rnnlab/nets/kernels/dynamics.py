"""The Lyapunov exponents of a lane after the other, compiled: training/dynamics.py has the method."""

from __future__ import annotations

import numpy as np

from rnnlab.nets.cells.lstm import LstmCell
from rnnlab.nets.kernels.coverage import CELLS
from rnnlab.nets.kernels.lane import Carried, Data, Net, Own, cell_phi, gate_phi, pass_over
from rnnlab.nets.kernels.layer import Layer, layer_of, sizes_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled, entry
from rnnlab.nets.kernels.loops import fill, logarithm
from rnnlab.nets.kernels.mode import enter, leave
from rnnlab.nets.kernels.network import backward_layer, forward_layer, initial_gradient, lay_out
from rnnlab.nets.kernels.vectors import WIDTH

LSTM = CELLS[LstmCell]
EPSILON = np.finfo(np.float32).eps
_f32 = np.float32


@entry
def exponents(m: Memory, net: Net, one: Memory, step: Net, own: Own, data: Data, carried: Carried, rows: Whole,
              Q: np.ndarray, totals: np.ndarray, n_steps: int, n_settling: int) -> None:  # fmt: skip
    """totals (R, L, N, K): the sums of the logarithms along the trajectories on samples `rows` (R, N).

    one, step: memory and tables of sequences of one step and N * K samples.  Q (R, L, N, K, S, H): the directions,
    which change.  n_steps: the last steps of the trajectories are used; after n_settling of them the lengths count."""
    before = enter(m)
    (R, L, N, K), row = Q.shape[:4], net.row
    scratch = sizes_of(step.sizes).scratch
    step.layers[:, 2] = N * K
    for lane in range(R):
        phi, gates, w = cell_phi(own, lane), gate_phi(own, lane), net.lanes.w + lane * row
        for i in range(row):
            one[step.lanes.w + i] = m[w + i]
        lay_out(m, net.copies, w)
        lay_out(one, step.copies, step.lanes.w)
        pass_over(m, net, own, data, carried, lane, rows.ravel(), lane * N, N, 0, 1, 0, 1)
        for n in range(L):
            layer, single = layer_of(net.layers, n), layer_of(step.layers, n)
            _orthonormalise(one, scratch, Q, lane, n)
            for t in range(layer.T - 1, layer.T - 1 - n_steps, -1):
                _copy_step(m, layer, t, one, single, N, K, net.tokens, step.tokens)
                forward_layer(
                    one, step.layers, n, phi.number, phi.p, phi.q, gates.number, gates.p, gates.q, step.lanes.w,
                    step.tokens,
                )  # fmt: skip
                _put_directions(one, single, Q, lane, n)
                backward_layer(
                    one, step.layers, n, phi.number, phi.p, phi.q, gates.number, gates.p, gates.q, 1, 0, step.lanes.g,
                    step.tokens, -1, 1,
                )  # fmt: skip
                initial_gradient(one, single, single.g)
                _take_directions(one, single, Q, lane, n)
                _orthonormalise(one, scratch, Q, lane, n)
                if layer.T - 1 - t >= n_settling:
                    for i in range(N):
                        for k in range(K):
                            totals[lane, n, i, k] += one[scratch + i * K + k]
    leave(m, before)


@compiled
def _copy_step(m: Memory, layer: Layer, t: int, one: Memory, single: Layer, N: int, K: int, tokens: Whole,
               tokens_of_one: Whole) -> None:  # fmt: skip
    """What the layer read at step t, and the state before it, K times each."""
    for r in range(N * K):
        source, place = layer.z + (t * layer.B + r // K) * layer.row, single.z + r * single.row
        for i in range(layer.row):
            one[place + i] = m[source + i]
        if layer.cell == LSTM:
            source, place = layer.c + (t * layer.B + r // K) * layer.H16, single.c + r * single.H16
            for i in range(layer.H16):
                one[place + i] = m[source + i]
        if layer.reads_tokens:
            tokens_of_one[r] = tokens[t * layer.B + r // K]


@compiled
def _put_directions(one: Memory, single: Layer, Q: np.ndarray, lane: int, n: int) -> None:
    """Q[lane, n] (N, K, S, H) to where gradients of the states after the step are read."""
    N, K, S, H = Q.shape[2:]
    fill(one, single.g, single.H16, 0, N * K, single.H16)
    fill(one, single.k, single.H16, 0, N * K, single.H16)
    for r in range(N * K):
        for j in range(H):
            one[single.g + r * single.H16 + j] = Q[lane, n, r // K, r % K, 0, j]
            if S > 1:
                one[single.k + r * single.H16 + j] = Q[lane, n, r // K, r % K, 1, j]


@compiled
def _take_directions(one: Memory, single: Layer, Q: np.ndarray, lane: int, n: int) -> None:
    """The gradients of the states before the step to Q[lane, n] (N, K, S, H)."""
    N, K, S, H = Q.shape[2:]
    for r in range(N * K):
        for j in range(H):
            Q[lane, n, r // K, r % K, 0, j] = one[single.g + r * single.H16 + j]
            if S > 1:
                Q[lane, n, r // K, r % K, 1, j] = one[single.k + r * single.H16 + j]


@compiled
def _orthonormalise(one: Memory, logs: int, Q: np.ndarray, lane: int, n: int) -> None:
    """Make the K vectors of each trajectory in Q[lane, n] (N, K, S, H) orthonormal by Gram-Schmidt.

    one[logs ...] (N * K,): the logarithms of their lengths before they were normalised.  A remainder that is no larger
    than rounding errors becomes a zero vector, with -inf."""
    N, K, S, H = Q.shape[2:]
    for i in range(N):
        for k in range(K):
            rounding = _f32(10 * EPSILON) * np.sqrt(_inner(Q, lane, n, i, k, k))
            for j in range(k):
                share = _inner(Q, lane, n, i, j, k)
                for a in range(S):
                    for h in range(H):
                        Q[lane, n, i, k, a, h] -= share * Q[lane, n, i, j, a, h]
            length = np.sqrt(_inner(Q, lane, n, i, k, k))
            if length <= rounding:
                length = _f32(0)
            scale = _f32(1) / length if length > 0 else _f32(0)
            for a in range(S):
                for h in range(H):
                    Q[lane, n, i, k, a, h] *= scale
            one[logs + i * K + k] = length
    n_vectors = -(-N * K // WIDTH)
    values = logs + n_vectors * WIDTH
    logarithm(one, logs, WIDTH, values, WIDTH, n_vectors, WIDTH)
    for r in range(N * K):
        one[logs + r] = _f32(-np.inf) if one[logs + r] == 0 else one[values + r]


@compiled
def _inner(Q: np.ndarray, lane: int, n: int, i: int, j: int, k: int) -> np.float32:
    """The inner product of two vectors of trajectory i."""
    total = _f32(0)
    for a in range(Q.shape[4]):
        for h in range(Q.shape[5]):
            total += Q[lane, n, i, j, a, h] * Q[lane, n, i, k, a, h]
    return total
