"""Readout activations and losses, lane by lane, with their gradients by hand.

z (R, N, O) is what the linear readout says, and y = f(z) its output.  N runs over the answers: over the batch, or over
batch and time where every step is answered.  A loss is a sum over N.

To add a loss: a class under `@register("name")`, made with the name of the readout's activation; tasks name it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from rnnlab.lazy import torch
from rnnlab.registry import Registry

if TYPE_CHECKING:
    from torch import Tensor

CLIP = 1e-7  # Keras: backend.epsilon()


class Loss(Protocol):
    def __call__(self, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """-> the lanes' losses summed over the answers, (R,) in double precision, and d loss / d z (R, N, O)."""

    def outputs(self, z: Tensor) -> Tensor:
        """y, as a new tensor."""


LOSSES: Registry[Callable[[str], Loss]] = Registry("a loss")
register = LOSSES.register


@register("mse")
class MeanSquaredError:
    """(y - target)^2, averaged over outputs;   target (R, N, O)"""

    def __init__(self, readout_activation: str):
        self.activation = readout_activation

    def outputs(self, z: Tensor) -> Tensor:
        return readout(self.activation, z)

    def __call__(self, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        y = self.outputs(z)
        error = y - target
        losses = error.double().square().sum((1, 2)) / y.shape[-1]
        return losses, readout_backward(self.activation, error * (2 / y.shape[-1]), y)


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

    def __call__(self, z: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        index = target.unsqueeze(-1)
        is_target = torch.zeros_like(z).scatter(-1, index, 1)
        if self.activation in ("linear", "softmax"):
            log_p = torch.log_softmax(z, -1)
            losses = -log_p.gather(-1, index)
            grad = log_p.exp() - is_target
        else:
            y = self.outputs(z)
            total = y.sum(-1, keepdim=True)
            raw = y.gather(-1, index) / total
            p = raw.clamp(CLIP, 1 - CLIP)
            losses = -torch.log(p)
            # d(-log p)/dy[j] = 1/total - [j is the target]/y[target], and nothing where the clip holds
            inside = (raw == p).to(z.dtype)
            grad = readout_backward(self.activation, inside / total - is_target * (inside / (p * total)), y)
        return losses.double().sum((1, 2)), grad


READOUT_ACTIVATIONS = ("linear", "softmax", "sigmoid", "relu", "tanh")


def readout(activation: str, z: Tensor) -> Tensor:
    """y = f(z); softmax over O."""
    if activation == "linear":
        return z.clone()
    if activation == "softmax":
        return torch.softmax(z, -1)
    return {"sigmoid": torch.sigmoid, "relu": torch.relu, "tanh": torch.tanh}[activation](z)


def readout_backward(activation: str, g: Tensor, y: Tensor) -> Tensor:
    """d loss / d z from g = d loss / d y."""
    if activation == "linear":
        return g
    if activation == "softmax":
        return y * (g - (g * y).sum(-1, keepdim=True))
    if activation == "sigmoid":
        return g * y * (1 - y)
    if activation == "relu":
        return g * (y > 0).to(g.dtype)
    return g * (1 - y * y)
