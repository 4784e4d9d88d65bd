"""The figures of a report.  Each module has `draw_...` (data -> Figure) and `plate...` (study and view -> Plate).

    scores        final score by activation, every run a dot
    curves        loss against optimiser steps, every seed
    predictions   the truth against one-step and closed-loop forecasts
    confusion     label against prediction, pooled over seeds
    divergence    how many runs diverged

A figure of a later report (sensitivity, gradient through time, performance profile ...) is one more module and
one more line in `plates_of`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlab.report.figures import confusion, curves, divergence, predictions, scores
from rnnlab.report.figures.plate import Plate
from rnnlab.report.palette import styles
from rnnlab.report.read import Study
from rnnlab.report.view import View


def plates_of(study: Study, view: View) -> tuple[Plate, ...]:
    """Every figure that the study has data for, in the order of the page."""
    return tuple(plate for plate in _all(study, view) if plate is not None)


def _all(study: Study, view: View) -> Iterator[Plate | None]:
    style_of = styles(view.design.labels)
    yield scores.plate(view, style_of)
    for task in view.tasks:
        yield curves.plate(study, task, style_of)
    for task in view.tasks:
        yield predictions.plate(study, task, style_of)
    for task in view.tasks:
        yield confusion.plate(study, task)
    yield divergence.plate(view, style_of)
