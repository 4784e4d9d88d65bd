"""The update of every lane of a pack for one batch: forward pass, backward pass, clipping, optimiser.

Another way to compute, such as compiled kernels, replaces this file alone.  What comes before it (draw a batch) and
after it (judge the update) stays.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from rnnlab.nets.optimizers import clip_by_global_norm, clip_by_value
from rnnlab.training import diagnostics
from rnnlab.training.draws import add_gradient_noise, dropout_factors, drops
from rnnlab.training.pack import Batch, Computed, Pack


def compute(pack: Pack, batch: Batch, *, recording: bool) -> Computed:
    """The update that follows from a batch.  It changes the optimiser's state, but not the weights.

    recording: compute also what diagnostics.py measures."""
    losses, measured, through_time = _forward_and_backward(pack, batch, recording)
    grads = pack.workspace.gather_grads()
    norms = torch.linalg.vector_norm(grads, dim=1)
    if recording:
        measured |= diagnostics.of_gradients(pack.network, grads)
    largest_grads = _clip(pack, grads, norms)
    add_gradient_noise(grads, pack.slots, pack.network, pack.step)
    update = pack.optimizer.update(grads, pack.network.flat)
    return Computed(losses, norms, largest_grads, update, measured, through_time)


def _forward_and_backward(pack: Pack, batch: Batch, recording: bool) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
    """Both passes over a batch, chunk by chunk.  The gradients stay in the workspace.

    Returns the losses (R,) and, at a recorded step, the diagnostics of the states and the squared norms of dL/dh[t],
    (R, layers, T)."""
    workspace, like = pack.workspace, pack.network.flat
    carries, carried = pack.task.carries_state, []
    losses = torch.zeros(len(pack.slots), dtype=torch.float64, device=like.device)
    measured: dict[str, Tensor] = {}
    through_time = None
    if recording and pack.n_recurrent_layers:
        through_time = like.new_zeros(len(pack.slots), pack.n_recurrent_layers, pack.task.seq_len)
    workspace.start_from_zero()
    for n, chunk in enumerate(batch.chunks):
        if carries and not batch.begins:
            workspace.start_from(pack.carried[n])
        n_answers = batch.n_samples * (chunk.sample_weight.numel() // workspace.batch_size)
        keep = dropout_factors(pack.slots, workspace) if drops(pack.lanes[0]) else None
        z = workspace.forward(chunk.x, keep)
        loss, dz = pack.loss(z, chunk.target, chunk.sample_weight)
        n_left = batch.n_samples - n * workspace.batch_size
        if recording and n_left <= workspace.batch_size:
            measured = diagnostics.of_states(workspace, n_left)
        if carries:
            carried.append([state.clone() for state in workspace.last_states()])
        workspace.backward(dz.div_(n_answers), accumulate=n > 0, through_time=through_time)
        losses = losses + loss.double() / n_answers
    pack.carried = carried
    return losses, measured, through_time


def _clip(pack: Pack, grads: Tensor, norms: Tensor) -> Tensor:
    """Clip the gradients by norm, then by value, where the lanes ask for it.

    Returns the largest entry of the gradients between the two, (R,); zero if no lane clips by value."""
    if any(lane.clip_norm < math.inf for lane in pack.lanes):
        clip_by_global_norm(grads, norms, pack.clip_norm)
    if not any(lane.clip_value < math.inf for lane in pack.lanes):
        return torch.zeros_like(norms)
    largest = grads.abs().amax(1)
    clip_by_value(grads, pack.clip_value)
    return largest
