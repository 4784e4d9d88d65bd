"""The rule that says whether a run has diverged at an update.  Every backend asks it, the compiled one too."""

from __future__ import annotations

import math

REASONS = (
    "",  # it has not
    "the training loss is not finite",
    "the training loss exceeds divergence.loss_factor times the naive loss",
    "the gradient is not finite",
    "the update of the weights is not finite",
)


def judge(loss: float, grad_norm: float, largest_update: float, loss_limit: float) -> int:
    """The number of the reason in REASONS; 0 if the run goes on.  A cause comes before its consequences.

    loss, grad_norm: at the weights before the update.  largest_update: the largest entry of the update."""
    if not math.isfinite(loss):
        return 1
    if loss > loss_limit:
        return 2
    if not math.isfinite(grad_norm):
        return 3
    if not math.isfinite(largest_update):
        return 4
    return 0
