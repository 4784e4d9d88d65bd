"""Clipping, weight decay and optimisers on one lane's parameters, compiled: nets/optimizers has the formulas.

Parameters, gradients and state are rows of a whole number of vectors; what fills them up is zero and stays zero.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from rnnlab.nets.kernels.library import Memory, compiled
from rnnlab.nets.kernels.loops import add, largest, rowwise, sum_of_squares
from rnnlab.nets.kernels.vectors import Formula, Vector, at_least, at_most, fma, sqrt
from rnnlab.portable import power

_f32 = np.float32
Updates = tuple[Vector, Vector, Vector]  # the update, and the two states


def _sgd(g: Vector, s: Vector, v: Vector, rate: Vector, momentum: Vector, *_: Vector) -> Updates:
    s = fma(s, momentum, g)
    return s * rate, s, v


def _nesterov(g: Vector, s: Vector, v: Vector, rate: Vector, momentum: Vector, *_: Vector) -> Updates:
    s = fma(s, momentum, g)
    return fma(s, momentum, g) * rate, s, v


def _adagrad(g: Vector, s: Vector, v: Vector, rate: Vector, eps: Vector, *_: Vector) -> Updates:
    s = fma(g, g, s)
    return g * rate / (sqrt(s) + eps), s, v


def _rmsprop(
    g: Vector, s: Vector, v: Vector, rate: Vector, eps: Vector, decay: Vector, share: Vector, *_: Vector
) -> Updates:
    s = fma(g * g, share, s * decay)
    return g * rate / (sqrt(s) + eps), s, v


def _adadelta(
    g: Vector, s: Vector, v: Vector, rate: Vector, eps: Vector, rho: Vector, share: Vector, *_: Vector
) -> Updates:
    s = fma(g * g, share, s * rho)
    d = sqrt(v + eps) / sqrt(s + eps) * g
    return d * rate, s, fma(d * d, share, v * rho)


def _adam(
    g: Vector, s: Vector, v: Vector, rate: Vector, eps: Vector, beta1: Vector, share1: Vector, beta2: Vector,
    share2: Vector, correction: Vector,
) -> Updates:  # fmt: skip
    s = fma(g, share1, s * beta1)
    v = fma(g * g, share2, v * beta2)
    return s / fma(sqrt(v), correction, eps) * rate, s, v


FORMULAS: tuple[Formula, ...] = (_sgd, _nesterov, _adagrad, _rmsprop, _adadelta, _adam)  # as in coverage.RULES
N_NUMBERS = 7


def _numbers(options: Any, rate: float, t: int) -> list[float]:
    """The first numbers of a formula at update t, the rate first; with one number more, the share that is not kept."""
    name = options.name
    if name in ("adam", "adamw"):
        of_mean, of_squares = options.beta1, options.beta2
        rate, correction = rate / (1 - power(of_mean, t)), 1 / math.sqrt(1 - power(of_squares, t))
        return [rate, options.eps, of_mean, 1 - of_mean, of_squares, 1 - of_squares, correction]
    if name in ("rmsprop", "adadelta"):
        kept = options.decay if name == "rmsprop" else options.rho
        return [rate, options.eps, kept, 1 - kept]
    return [rate, options.eps if name == "adagrad" else options.momentum]


def numbers_of_update(options: Any, t: int, n_steps: int) -> list[float]:
    """What `update` takes of a lane's options at update t, from 1 to n_steps."""
    rate = options.rate(t, n_steps)
    numbers = _numbers(options, rate, t)
    return [*numbers, *[0.0] * (N_NUMBERS - len(numbers)), rate * options.weight_decay]


_update = rowwise("update", *FORMULAS, n_inputs=3, n_outputs=3, n_numbers=N_NUMBERS)
_scale = rowwise("scale", lambda g, factor: g * factor, n_numbers=1)
_limit = rowwise("limit", lambda g, limit: at_least(at_most(g, limit), -limit), n_numbers=1)
_add_scaled = rowwise("add_scaled", lambda g, w, factor: fma(w, factor, g), n_inputs=2, n_numbers=1)


@compiled
def update(
    m: Memory,
    kind: int,
    g: int,
    w: int,
    s: int,
    v: int,
    u: int,
    P: int,
    clip_norm: float,
    clip_value: float,
    decay: float,
    decoupled: bool,
    n: Memory,
    noise: int,
    noisy: bool,
) -> tuple[float, np.float32, float]:
    """Gradients at g -> at u the update to be subtracted.  P: the length of a row.  n: the numbers of this step: of the
    formula, the rate first, then rate times weight decay.  g may be overwritten.

    -> the norm of g, its largest entry after clipping by norm (0 where values are not clipped), and the update's."""
    norm, largest_g = np.sqrt(sum_of_squares(m, g, P, 1, P)), _f32(0)
    if clip_norm < np.inf:
        factor = clip_norm / (norm + _f32(1e-6))
        _scale(m, g, P, g, P, _f32(1) if factor > _f32(1) else factor, 1, P)
    if clip_value < np.inf:
        largest_g = largest(m, g, P, 1, P)
        _limit(m, g, P, g, P, clip_value, 1, P)
    if noisy:
        add(m, g, P, noise, P, g, P, 1, P)
    if decay != 0 and not decoupled:
        _add_scaled(m, g, P, w, P, g, P, decay, 1, P)
    _update(m, kind, g, P, s, P, v, P, u, P, s, P, v, P, n[0], n[1], n[2], n[3], n[4], n[5], n[6], 1, P)
    if decay != 0 and decoupled:
        _add_scaled(m, u, P, w, P, u, P, n[7], 1, P)
    return norm, largest_g, largest(m, u, P, 1, P)
