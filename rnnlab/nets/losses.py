"""Readout activations and losses, per lane, with their gradients by hand.

z is what the linear readout says, and y = f(z) its output, both (R, O, N): outputs come before samples, because a
matrix product with few outputs is several times faster in this layout.  N runs over the batch, or over time and batch
where every step is answered.  A loss is a sum over samples; `sample_weight` (N,) is 1 for a sample and 0 for padding.

To add a loss: a class under `@register("name")`, made with the name of the readout's activation; tasks name it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from rnnlab.nets.padding import lanewise
from rnnlab.registry import Registry

CLIP = 1e-7  # Keras: backend.epsilon()


class Loss(Protocol):
    def __call__(self, z: Tensor, target: Tensor, sample_weight: Tensor) -> tuple[Tensor, Tensor]:
        """-> the lanes' losses summed over samples (R,), and d loss / d z (R, O, N)."""

    def outputs(self, z: Tensor) -> Tensor:
        """y, as a new tensor."""


LOSSES: Registry[Callable[[str], Loss]] = Registry("a loss")
register = LOSSES.register


@register("mse")
class MeanSquaredError:
    """(y - target)^2, averaged over outputs;   target (R, O, N)"""

    def __init__(self, readout_activation: str):
        self.activation = readout_activation

    def outputs(self, z: Tensor) -> Tensor:
        return readout(self.activation, z)

    def __call__(self, z: Tensor, target: Tensor, sample_weight: Tensor) -> tuple[Tensor, Tensor]:
        y = self.outputs(z)
        error = (y - target) * sample_weight
        losses = (error * error).sum((1, 2)) / y.shape[1]
        return losses, readout_backward(self.activation, error.mul_(2 / y.shape[1]), y)


@register("cross_entropy")
class CrossEntropy:
    """-log p[target] in nats;   target (R, N) classes

    linear, softmax: p = softmax(z), computed from the logits, so that no probability underflows.
    sigmoid, relu, tanh: Keras's categorical_crossentropy of outputs that are not logits: p = y / sum(y), clipped to
    [1e-7, 1 - 1e-7].  Outputs that are all zero give 0 / 0 = NaN, as in Keras.
    """

    def __init__(self, readout_activation: str):
        self.activation = readout_activation

    def outputs(self, z: Tensor) -> Tensor:
        return readout(self.activation, z)

    def __call__(self, z: Tensor, target: Tensor, sample_weight: Tensor) -> tuple[Tensor, Tensor]:
        index = target.unsqueeze(1)
        if self.activation in ("linear", "softmax"):
            shifted = z - z.amax(1, keepdim=True)
            exp = lanewise(torch.exp, shifted)
            total = exp.sum(1, keepdim=True)
            losses = lanewise(torch.log, total) - shifted.gather(1, index)
            grad = exp.div_(total)
            grad.scatter_add_(1, index, torch.full_like(losses, -1))
        else:
            y = self.outputs(z)
            total = y.sum(1, keepdim=True)
            raw = y.gather(1, index) / total
            p = raw.clamp(CLIP, 1 - CLIP)
            losses = -lanewise(torch.log, p)
            # d(-log p)/dy[j] = 1/total - [j is the target]/y[target], and nothing where the clip holds
            inside = (raw == p).to(z.dtype)
            grad = (inside / total).expand_as(y).clone()
            grad.scatter_add_(1, index, -inside / (p * total))
            grad = readout_backward(self.activation, grad, y)
            padding = sample_weight == 0  # there, too, y / sum(y) may be 0 / 0, and NaN times 0 is NaN
            losses, grad = losses.masked_fill(padding, 0), grad.masked_fill(padding, 0)
        weighted = losses.squeeze(1) * sample_weight
        return weighted.sum(1), grad.mul_(sample_weight)


READOUT_ACTIVATIONS = ("linear", "softmax", "sigmoid", "relu", "tanh")


def readout(activation: str, z: Tensor) -> Tensor:
    """y = f(z); softmax over O."""
    if activation == "linear":
        return z.clone()
    if activation == "softmax":
        exp = lanewise(torch.exp, z - z.amax(1, keepdim=True))
        return exp.div_(exp.sum(1, keepdim=True))
    return lanewise({"sigmoid": torch.sigmoid, "relu": torch.relu, "tanh": torch.tanh}[activation], z)


def readout_backward(activation: str, g: Tensor, y: Tensor) -> Tensor:
    """d loss / d z from g = d loss / d y."""
    if activation == "linear":
        return g
    if activation == "softmax":
        return y * (g - (g * y).sum(1, keepdim=True))
    if activation == "sigmoid":
        return g * y * (1 - y)
    if activation == "relu":
        return g * (y > 0).to(g.dtype)
    return g * (1 - y * y)
