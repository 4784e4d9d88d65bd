"""The random numbers of a training step, beside those of its batch: dropout and gradient noise, drawn lane by lane."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.network import Network
from rnnlab.training.lane import Lane

NOISE_DECAY = 0.55  # the exponent by which the variance of gradient noise decays


def drops(lane: Lane) -> bool:
    """Whether the lane has dropout anywhere."""
    return lane.run.cell.dropout > 0 or lane.run.readout.dropout > 0


def dropout_factors(lanes: Sequence[Lane], workspace: Workspace) -> list[Tensor]:
    """For every layer the factors by which its states are multiplied before the next layer reads them, each 0 or
    1 / (1 - rate): (R, T*B, H), and (R, N, H) for the top layer.

    A lane that is there twice, to fill a pack of one, is drawn once.

    Srivastava et al., JMLR 15 (2014), in the inverted form.  Dropout acts between layers only, never from step to step:
    Zaremba, Sutskever, Vinyals, arXiv 1409.2329 (2014)."""
    _, T, B, H = workspace.shape
    below_top = max(len(workspace.cells) - 1, 0)
    shapes = [(T * B, H)] * below_top + [(workspace.n_answers, workspace.read_size)]
    drawn = {}
    for lane in dict.fromkeys(lanes):
        rates = [lane.run.cell.dropout] * below_top + [lane.run.readout.dropout]
        drawn[lane] = [
            (lane.dropout.random(shape, dtype=np.float32) >= rate).astype(np.float32) / np.float32(1 - rate)
            for shape, rate in zip(shapes, rates, strict=True)
        ]
    layers = zip(*(drawn[lane] for lane in lanes), strict=True)
    return [torch.from_numpy(np.stack(layer)).to(workspace.flat_grads) for layer in layers]


def add_gradient_noise(grads: Tensor, lanes: Sequence[Lane], network: Network, step: int) -> None:
    """Add N(0, s^2 / (1 + step)^0.55) to every entry of grads (R, P), in place; s = training.gradient_noise.

    Neelakantan et al., arXiv 1511.06807 (2015), eq. 1."""
    scale = lanes[0].run.training.gradient_noise / (1 + step) ** (NOISE_DECAY / 2)
    if not scale:
        return
    for slot, lane in enumerate(dict.fromkeys(lanes)):
        for name, matrix in network.matrices(grads).items():
            grad = network.unpadded(name, matrix)[slot]
            grad += scale * torch.from_numpy(lane.noise.normal(size=grad.shape)).to(grad)
