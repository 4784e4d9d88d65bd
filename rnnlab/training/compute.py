"""The update that a batch asks for, of every lane of a pack: forward, backward, clip, optimiser.

This is the one place that another way to compute replaces; drawing before it and judging after it stay.
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
    """What one update would do.  No weight changes, but the optimiser's state does.

    recording: also what diagnostics measure."""
    losses, measured, through_time = _passes(pack, batch, recording)
    grads = pack.workspace.gather_grads()
    norms = torch.linalg.vector_norm(grads, dim=1)
    if recording:
        measured |= diagnostics.of_gradients(pack.network, grads)
    largest_grads = _clip(pack, grads, norms)
    add_gradient_noise(grads, pack.slots, pack.network, pack.step)
    update = pack.optimizer.update(grads, pack.network.flat)
    return Computed(losses, norms, largest_grads, update, measured, through_time)


def _passes(pack: Pack, batch: Batch, recording: bool) -> tuple[Tensor, dict[str, Tensor], Tensor | None]:
    """Forward and backward, chunk by chunk: losses, and of a recorded step what the states show and the squared norms
    of the gradients through time.  The gradients are left in the workspace."""
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
    """Clip what is to be clipped; the largest entry of the gradients before that, where values are clipped."""
    if any(lane.clip_norm < math.inf for lane in pack.lanes):
        clip_by_global_norm(grads, norms, pack.clip_norm)
    if not any(lane.clip_value < math.inf for lane in pack.lanes):
        return torch.zeros_like(norms)
    largest = grads.abs().amax(1)
    clip_by_value(grads, pack.clip_value)
    return largest
