"""Clipping the gradients of a pack, each lane by a limit of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rnnlab.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


_CLIP_EPS = 1e-6  # torch.nn.utils.clip_grad_norm_; also Deep Learning from Scratch 2, section 6.1.4


def clip_by_global_norm(grads: Tensor, norm: Tensor, clip_norm: Tensor) -> None:
    """Multiply each lane's row of (R, P) by min(1, clip_norm / (norm + 1e-6)), in place.

    norm, clip_norm: (R,).  A limit of inf changes nothing."""
    grads.mul_((clip_norm / (norm + _CLIP_EPS)).clamp_(max=1).unsqueeze(1))


def clip_by_value(grads: Tensor, clip_value: Tensor) -> None:
    """Move each entry of (R, P) into [-clip_value, clip_value], in place.  NaN stays NaN.

    clip_value: (R,).  A limit of inf changes nothing."""
    limit = clip_value.unsqueeze(1)
    torch.clamp(grads, -limit, limit, out=grads)
