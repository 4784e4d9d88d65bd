"""What is measured of a network beside its loss, at every training step that has a row in curves.csv.

    grad_norm_layer<n>        the norm of the gradient of a layer's parameters; also grad_norm_readout, _embedding
    hidden_norm_layer<n>      the mean of |h[t]| over time and batch
    saturated_frac_layer<n>   the share of pre-activations where |phi'| is below a tenth of its largest value: there the
                              gradient hardly passes.  Near 1 the gradient vanishes; of relu it is the share that is off
    dead_frac_layer<n>        the share of units whose slope is zero at every step and sample of the batch: these units
                              have stopped learning

In cells with gates, phi is the activation of the candidate.  Everything is measured on the last chunk of the step's
training batch, before the update, and needs no pass of its own.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from rnnlab.nets.activations import Activation
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.network import Network

SATURATED = 0.1  # a unit is saturated below this share of the largest slope


def of_states(workspace: Workspace, n_real: int) -> dict[str, Tensor]:
    """The diagnostics of the states of the last forward pass, (R,) each.  Must be called before its reverse pass.

    n_real: how many samples of the batch are not padding."""
    measured: dict[str, Tensor] = {}
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
        measured[f"hidden_norm_layer{n}"] = cell.outputs[:, :, :n_real, :H].square().sum(3).sqrt().mean((1, 2))
        measured[f"saturated_frac_layer{n}"] = saturated / (T * n_real * H)
        measured[f"dead_frac_layer{n}"] = (alive == 0).to(threshold).mean(1)
    return measured


def of_gradients(network: Network, grads: Tensor) -> dict[str, Tensor]:
    """grads (R, P) -> the norm of each layer's share of them, (R,) each."""
    return {f"grad_norm_{layer}": norm for layer, norm in network.layer_norms(grads).items()}


def _largest_slopes(activations: Sequence[Activation], like: Tensor) -> Tensor:
    """max |phi'| of each lane's activation, (R, 1, 1)."""
    return like.new_tensor([activation.largest_slope for activation in activations])[:, None, None]
