"""When a run has diverged, and how a finished run came out."""

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
    """The reason why a lane has diverged at this step, or None.  The first that holds, in the order of cause.

    loss and grad_norm are of the weights before the update, update_norm is the update's largest entry."""
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
    """learned: the validation loss is below (1 - margin) times the naive loss.  NaN has not learned."""
    if diverged:
        return "diverged"
    return "learned" if eval_loss < (1 - margin) * naive_loss else "not_learned"
