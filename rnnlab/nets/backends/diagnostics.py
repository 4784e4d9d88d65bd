"""What is measured of a network beside its loss, at every update that has a row in curves.csv.  Here in plain torch.

    grad_norm_layer<n>        the norm of the gradient of a layer's parameters; also grad_norm_readout, _embedding
    hidden_norm_layer<n>      the mean of |h[t]| over time and batch
    saturated_frac_layer<n>   the share of pre-activations where |phi'| is below a tenth of its largest value: there the
                              gradient hardly passes.  Near 1 the gradient vanishes; of relu it is the share that is off
    dead_frac_layer<n>        the share of units whose slope is zero at every step and sample of the batch: these units
                              have stopped learning

In cells with gates, phi is the activation of the candidate.  Gradients are those of the whole batch before clipping.
States are those of the last chunk of the batch, before the update.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from rnnlab.nets.activations import Activation, PackActivation
from rnnlab.nets.backends.base import SATURATED
from rnnlab.nets.reference import Pass


class Watched(PackActivation):
    """phi, with a list of what it was applied to."""

    def __init__(self, activations: Sequence[Activation]):
        super().__init__(activations)
        self.activations = activations
        self.arguments: list[Tensor] = []

    def __call__(self, a: Tensor) -> Tensor:
        self.arguments.append(a)
        return super().__call__(a)


def of_states(passed: Pass, phi: Watched) -> dict[str, Tensor]:
    """The diagnostics of the states of a forward pass with phi, (R,) each by name; before its reverse pass.

    The pre-activation of a cell is what its step applies phi to first: in cells with gates, the candidate's."""
    measured = {}
    n_steps = sum(map(len, passed.states))
    first = phi.arguments[:: len(phi.arguments) // n_steps] if n_steps else []
    for n, states in enumerate(passed.states):
        T = len(states)
        slopes = torch.stack([phi.slope(a) for a in first[n * T : (n + 1) * T]], dim=1).abs()  # (R, T, B, H)
        largest = slopes.new_tensor([activation.largest_slope for activation in phi.activations])
        threshold = SATURATED * largest[:, None, None, None]
        h = torch.stack([state[0] for state in states], dim=1)
        measured[f"hidden_norm_layer{n}"] = h.square().sum(3).sqrt().mean((1, 2))
        measured[f"saturated_frac_layer{n}"] = (slopes < threshold).to(h.dtype).mean((1, 2, 3))
        measured[f"dead_frac_layer{n}"] = (slopes == 0).all(2).all(1).to(h.dtype).mean(1)
    return measured


def of_gradients(grads: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The gradients by full name -> the norm of each layer's gradient, (R,) each by name."""
    squares: dict[str, Tensor] = {}
    for name, grad in grads.items():
        layer = f"grad_norm_{name.partition('.')[0]}"
        squares[layer] = squares.get(layer, torch.zeros_like(grad[:, 0, 0])) + grad.square().sum((1, 2))
    return {layer: square.sqrt() for layer, square in squares.items()}
