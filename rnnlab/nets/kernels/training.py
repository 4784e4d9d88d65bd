"""Training a lane after the other, compiled: forward, backward, clipping, update, and whether the lane goes on."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlab.nets.divergence import judge
from rnnlab.nets.kernels.lane import Carried, Data, Net, Own, cell_phi, gate_phi, pass_over
from rnnlab.nets.kernels.layer import Sizes, sizes_of
from rnnlab.nets.kernels.library import Memory, Whole, compiled, entry
from rnnlab.nets.kernels.loops import fill, subtract
from rnnlab.nets.kernels.mode import enter, leave
from rnnlab.nets.kernels.network import backward, gather_gradients, lay_out
from rnnlab.nets.kernels.optimizers import update
from rnnlab.nets.kernels.states import measure
from rnnlab.nets.kernels.vectors import WIDTH

judged = compiled(judge)
_f32 = np.float32


class Rule(NamedTuple):
    """How the lanes are updated: a number of optimizers.py, whether weight decay stands apart from the gradient
    (decoupled), and numbers of each lane: limits (R, 5), which are clip_norm, clip_value (inf: none), weight_decay,
    loss_limit, and the slope below which a unit is saturated; numbers (R, n, .), the optimiser's at each update."""

    kind: int
    decoupled: bool
    limits: np.ndarray
    numbers: np.ndarray
    chunk: int  # samples of a batch that are computed at once


class Drawn(NamedTuple):
    """What was drawn for n updates: backends.base.Updates.  Dropout's factors are one array after the other."""

    rows: Whole  # (R, n, B)
    begins: np.ndarray  # (n,)
    live: np.ndarray  # (R,)
    keep: Memory  # (R, n, all factors of an update)
    drops: bool
    noise: np.ndarray  # (R, n, P)
    noisy: bool


class Found(NamedTuple):
    """What became of the updates: backends.base.Taken."""

    n_taken: Whole
    reasons: Whole
    numbers: np.ndarray  # (R, 2): the last loss and the norm of its gradient
    n_clipped: Whole
    measured: np.ndarray  # (R, L, N_MEASURED)
    through: np.ndarray  # (R, L, T), squared
    gradients: np.ndarray  # (R, P): of the last update, before clipping


@entry
def train(m: Memory, net: Net, own: Own, data: Data, carried: Carried, rule: Rule, drawn: Drawn, found: Found,
          recording: bool) -> None:  # fmt: skip
    """All updates of all lanes that are live."""
    before = enter(m)
    s, n_updates = sizes_of(net.sizes), drawn.rows.shape[1]
    for lane in range(len(drawn.live)):
        if not drawn.live[lane]:
            continue
        w, g, u = net.lanes.w + lane * net.row, net.lanes.g + lane * net.row, net.lanes.u + lane * net.row
        for k in range(n_updates):
            records = recording and k == n_updates - 1
            loss = _gradients(m, net, s, own, data, carried, rule, drawn, found, lane, k, records)
            if records:
                for i in range(found.gradients.shape[1]):
                    found.gradients[lane, i] = m[g + i]
                for n in range(s.L):
                    for t in range(s.T):
                        found.through[lane, n, t] = m[s.through + n * s.T + t]
            if drawn.noisy:
                for i in range(drawn.noise.shape[2]):
                    m[s.noise + i] = drawn.noise[lane, k, i]
            norm, largest_gradient, largest_update = update(
                m, rule.kind, g, w, net.lanes.s + lane * net.row, net.lanes.v + lane * net.row, u, net.row,
                _f32(rule.limits[lane, 0]), _f32(rule.limits[lane, 1]), _f32(rule.limits[lane, 2]), rule.decoupled,
                rule.numbers[lane, k], s.noise, drawn.noisy,
            )  # fmt: skip
            found.numbers[lane, 0], found.numbers[lane, 1] = loss, norm
            reason = judged(loss, np.float64(norm), np.float64(largest_update), rule.limits[lane, 3])
            if reason:
                found.reasons[lane] = reason
                break
            subtract(m, w, net.row, u, net.row, w, net.row, 1, net.row)
            found.n_taken[lane] += 1
            if norm > rule.limits[lane, 0] or largest_gradient > rule.limits[lane, 1]:
                found.n_clipped[lane] += 1
    leave(m, before)


@compiled
def _gradients(m: Memory, net: Net, s: Sizes, own: Own, data: Data, carried: Carried, rule: Rule, drawn: Drawn,
               found: Found, lane: int, k: int, records: bool) -> float:  # fmt: skip
    """The mean loss of one update; its gradients come to stand in the lane's."""
    w, g, row = net.lanes.w + lane * net.row, net.lanes.g + lane * net.row, net.row
    n_samples = drawn.rows.shape[2]
    n_answers = n_samples * (s.T if s.every else 1)
    which = lane * drawn.rows.shape[1] + k
    from_zero, drops = 1 if drawn.begins[k] or carried.size == 0 else 0, 1 if drawn.drops else 0
    lay_out(m, net.copies, w)
    fill(m, s.grads, WIDTH, 0, (s.end_of_grads - s.grads) // WIDTH, WIDTH)
    fill(m, g, row, 0, 1, row)
    if records:
        fill(m, s.through, WIDTH, 0, -(-s.L * s.T // WIDTH), WIDTH)
    total = 0.0
    for start in range(0, n_samples, rule.chunk):
        n = min(rule.chunk, n_samples - start)
        if drawn.drops:
            _put_factors(m, s, drawn.keep, which, n_samples, start, n)
        total += pass_over(
            m, net, own, data, carried, lane, drawn.rows.ravel(), which * n_samples + start, n, start, from_zero, drops,
            n_answers,
        )  # fmt: skip
        if records and start + n == n_samples:
            measure(m, s, net.layers, cell_phi(own, lane), _f32(rule.limits[lane, 4]), found.measured, lane)
        backward(m, s, net.layers, cell_phi(own, lane), gate_phi(own, lane), g, net.tokens, drawn.drops, n, records)
    gather_gradients(m, net.copies, g)
    return total / n_answers


@compiled
def _put_factors(m: Memory, s: Sizes, keep: Memory, which: int, B: int, start: int, n: int) -> None:
    """The dropout factors of a chunk, n samples from `start` on, to where the network reads them.

    keep: those of update `which` stand after those of all before it; layer after layer (T, B, H), then (A, B, n_read).
    """
    n_steps = s.T if s.every else 1
    H = s.n_read
    size = max(s.L - 1, 0) * s.T * B * H + n_steps * B * H
    source, place = which * size, s.keep
    for layer in range(max(s.L, 1)):
        steps = n_steps if layer >= s.L - 1 else s.T
        for t in range(steps):
            for b in range(n):
                for j in range(H):
                    m[place + (t * n + b) * s.n16 + j] = keep[source + (t * B + start + b) * H + j]
        source += steps * B * H
        place += steps * n * s.n16
