"""What Python calls."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from rnnlab.nets.kernels.layer import Lanes, Phi, Sizes
from rnnlab.nets.kernels.library import Memory, Whole, compiled
from rnnlab.nets.kernels.losses import MSE, cross_entropy, squared_error
from rnnlab.nets.kernels.network import backward, forward, gather_gradients, lay_out, put_inputs, read
from rnnlab.nets.kernels.optimizers import update


class Kinds(NamedTuple):
    """What all lanes have in common beside sizes: numbers of losses.py and optimizers.py."""

    loss: int
    readout: int
    optimizer: int
    decoupled: bool  # weight decay, from the gradient
    B: int  # samples that are computed at once


class Own(NamedTuple):
    """What every lane has of its own, a row each."""

    phis: Whole  # the numbers of the activations of cell and gates
    phi_numbers: Memory  # the parameters p and q of both
    clips: Memory  # clip_norm and clip_value, inf where there is none, and weight decay
    numbers: Memory  # of the optimiser, at this step


class Data(NamedTuple):
    """The samples of all lanes.  Of inputs and tokens one is used, and of targets and classes."""

    inputs: Memory  # (n, T, I)
    tokens: Whole  # (n, T)
    targets: Memory  # (n, answers, O)
    classes: Whole  # (n, answers)


class Batch(NamedTuple):
    """What was drawn for an update."""

    which: Whole  # (R, samples)
    keep: int  # where dropout's factors lie
    drops: bool
    noise: int  # where gradient noise lies
    noisy: bool
    tokens: Whole  # (T * B,), to work in
    answers: Whole  # (answers * B,), to work in


@compiled
def step(
    m: Memory, s: Sizes, layers: Whole, copies: Whole, lanes: Lanes, row: int, kinds: Kinds, own: Own, data: Data,
    batch: Batch, found: np.ndarray,
) -> None:  # fmt: skip
    """One update of every lane, which is not taken yet.

    found (R, 4) float64: the loss, the gradient's norm before clipping, its largest entry, the update's."""
    n_lanes, n_samples = batch.which.shape
    n_steps = s.T if s.every else 1
    n_answers = n_samples * n_steps
    for lane in range(n_lanes):
        w, g = lanes.w + lane * row, lanes.g + lane * row
        phi = Phi(own.phis[lane, 0], own.phi_numbers[lane, 0], own.phi_numbers[lane, 1])
        gate_phi = Phi(own.phis[lane, 1], own.phi_numbers[lane, 2], own.phi_numbers[lane, 3])
        lay_out(m, copies, w)
        m[s.grads : s.end_of_grads] = 0
        m[g : g + row] = 0
        total = 0.0
        for start in range(0, n_samples, kinds.B):
            n = min(kinds.B, n_samples - start)
            layers[:, 2] = n
            chosen = batch.which[lane, start : start + n]
            for t in range(n_steps):
                for b in range(n):
                    batch.answers[t * n + b] = chosen[b] * n_steps + t
            put_inputs(m, s, layers, w, data.inputs, data.tokens, chosen, batch.tokens)
            forward(m, s, layers, phi, gate_phi, w, batch.tokens, batch.keep, batch.drops)
            read(m, s, layers, w, batch.keep, batch.drops, n)
            N = n * n_steps
            if kinds.loss == MSE:
                total += squared_error(m, kinds.readout, s, data.targets, batch.answers, n_answers, N, s.O, s.O16)
            else:
                total += cross_entropy(m, kinds.readout, s, data.classes, batch.answers, n_answers, N, s.O, s.O16)
            backward(m, s, layers, phi, gate_phi, g, batch.tokens, batch.keep, batch.drops, n)
        gather_gradients(m, copies, g)
        found[lane, 0] = total / n_answers
        found[lane, 1], found[lane, 2], found[lane, 3] = update(
            m, kinds.optimizer, g, w, lanes.s + lane * row, lanes.v + lane * row, lanes.u + lane * row, row,
            own.clips[lane, 0], own.clips[lane, 1], own.clips[lane, 2], kinds.decoupled, own.numbers[lane],
            batch.noise, batch.noisy,
        )  # fmt: skip
