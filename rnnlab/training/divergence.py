"""The rules that say whether a run has diverged, and what the outcome of a finished run is."""

from __future__ import annotations

import math

from rnnlab.records.run import Outcome

REASONS = {
    "loss": "the training loss is not finite",
    "limit": "the training loss exceeds divergence.loss_factor times the naive loss",
    "gradient": "the gradient is not finite",
    "weights": "the update of the weights is not finite",
}


def judge(loss: float, grad_norm: float, update_norm: float, loss_limit: float) -> str | None:
    """The reason why a lane has diverged at this step, or None.  A cause comes before its consequences.

    loss, grad_norm: at the weights before the update.  update_norm: the largest entry of the update."""
    if not math.isfinite(loss):
        return REASONS["loss"]
    if loss > loss_limit:
        return REASONS["limit"]
    if not math.isfinite(grad_norm):
        return REASONS["gradient"]
    if not math.isfinite(update_norm):
        return REASONS["weights"]
    return None


def outcome(diverged: bool, eval_loss: float, naive_loss: float, margin: float) -> Outcome:
    """A run has learned if its validation loss is below (1 - margin) times the naive loss.  A loss of NaN is not."""
    if diverged:
        return "diverged"
    return "learned" if eval_loss < (1 - margin) * naive_loss else "not_learned"
