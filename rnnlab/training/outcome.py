"""The outcome of a finished run: diverged, learned or not learned."""

from __future__ import annotations

from rnnlab.records.run import Outcome


def outcome(diverged: bool, eval_loss: float, naive_loss: float, margin: float) -> Outcome:
    """A run has learned if its validation loss is below (1 - margin) times the naive loss.  A loss of NaN is not."""
    if diverged:
        return "diverged"
    return "learned" if eval_loss < (1 - margin) * naive_loss else "not_learned"
