"""Which conditions a figure shows when it has not room for all of them."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlab.report.view import ConditionView
from rnnlab.report.wording import counted

MAX_SHOWN = 16


def shown_conditions(views: Sequence[ConditionView], room: int) -> tuple[list[ConditionView], str]:
    """All of them where there is room; else of each activation the best one.  And a sentence on what was left out."""
    completed = [view for view in views if view.n_completed]
    if len(completed) <= room:
        return completed, ""
    best: dict[str, ConditionView] = {}
    for view in completed:
        held = best.setdefault(view.condition.label, view)
        if view.eval_loss.median < held.eval_loss.median:
            best[view.condition.label] = view
    shown = list(best.values())[:MAX_SHOWN]
    if len(completed) == len(shown):
        return shown, ""
    kept = "the one with the lowest median evaluation loss per activation"
    cut = f", cut to {counted(MAX_SHOWN, 'activation')}" if len(best) > MAX_SHOWN else ""
    return shown, f" Of {len(completed)} conditions this shows {kept}{cut}."
