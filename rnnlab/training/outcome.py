"""The outcome of a finished run: diverged, learned or not learned."""

from __future__ import annotations

from rnnlab.records.run import Outcome


def outcome(diverged: bool, test_loss: float, naive_test_loss: float, margin: float) -> Outcome:
    """A run has learned if its test loss is below (1 - margin) times that of the best constant answer.  A run with a
    test loss of NaN has not learned."""
    if diverged:
        return "diverged"
    return "learned" if test_loss < (1 - margin) * naive_test_loss else "not_learned"
