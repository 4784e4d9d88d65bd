"""What is measured of a network beside its loss, at the training steps whose evaluation goes into curves.csv.

    grad_norm_layer<n>        the norm of the gradient at a layer's parameters; also grad_norm_readout, _embedding
    hidden_norm_layer<n>      |h[t]|, its mean over time and batch
    saturated_frac_layer<n>   the share of pre-activations where |phi'| is below a tenth of its largest value: there the
                              gradient hardly passes.  Near 1 means vanishing; of relu it is the share that is off
    dead_frac_layer<n>        the share of units whose slope is zero at every step and sample of the batch: they have
                              stopped learning

Of cells with gates, phi is the candidate's.  All are taken from the training batch (its last chunk) that the step uses,
before the update, and cost no pass of their own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnlab.nets.activations import Activation
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.network import Network

SATURATED = 0.1  # of the largest slope


def of_states(workspace: Workspace, n_real: int) -> dict[str, Tensor]:
    """What the states of the last forward pass show, (R,) each.  To be called before its reverse pass.

    n_real: how many samples of the batch count."""
    found: dict[str, Tensor] = {}
    R, T, _, _ = workspace.shape
    H = workspace.network.architecture.hidden_size
    threshold = SATURATED * _largest_slopes(workspace.network.activations, workspace.grads["readout.weight"])
    for n, cell in enumerate(workspace.cells):
        saturated = threshold.new_zeros(R)
        alive = threshold.new_zeros(R, H)
        for t in range(T):
            slope = cell.slope(t)[:, :n_real, :H].abs()
            saturated += (slope < threshold).sum((1, 2))
            alive = torch.maximum(alive, slope.amax(1))
        found[f"hidden_norm_layer{n}"] = cell.outputs[:, :, :n_real, :H].square().sum(3).sqrt().mean((1, 2))
        found[f"saturated_frac_layer{n}"] = saturated / (T * n_real * H)
        found[f"dead_frac_layer{n}"] = (alive == 0).to(threshold).mean(1)
    return found


def of_gradients(network: Network, grads: Tensor) -> dict[str, Tensor]:
    """The norm of each layer's share of the gradients (R, P), (R,) each."""
    return {f"grad_norm_{layer}": norm for layer, norm in network.layer_norms(grads).items()}


def _largest_slopes(activations: Sequence[Activation], like: Tensor) -> Tensor:
    """(R, 1, 1)"""
    return like.new_tensor([activation.largest_slope for activation in activations])[:, None, None]
