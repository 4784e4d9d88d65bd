"""The figures of a report.  Each module has `draw_...` (data -> Figure) and `plate` or `plates` (study, view -> Plate).

    scores        score by activation, every run a dot
    curves        loss against optimiser steps, seeds thin, median thick
    predictions   the truth against one-step and closed-loop forecasts
    confusion     label against prediction, pooled over seeds
    divergence    how many runs diverged, by activation and another axis
    gradients     the gradient through time
    dynamics      score against Lyapunov exponent, spectral radius, largest singular value
    diagnostics   saturated and dead units, norms, gradient against depth
    sensitivity   score against a swept number
    tuning        the expected best of k runs
    profile       the share of runs above tau, across tasks

A further figure is one more module and one more line in `_all`.
"""

from __future__ import annotations

from collections.abc import Iterator

from rnnlab.report.figures import (
    confusion,
    curves,
    diagnostics,
    divergence,
    dynamics,
    gradients,
    predictions,
    profile,
    scores,
    sensitivity,
    tuning,
)
from rnnlab.report.figures.palette import styles
from rnnlab.report.figures.plate import Plate
from rnnlab.report.judging.view import View
from rnnlab.report.reading.read import Study


def plates_of(study: Study, view: View) -> Iterator[Plate]:
    """Every figure that the study has data for, in the order of the page, one at a time: each takes some memory."""
    return (plate for plate in _all(study, view) if plate is not None)


def _all(study: Study, view: View) -> Iterator[Plate | None]:
    style_of = styles(view.design.labels)
    yield scores.plate(view, style_of)
    for task in view.tasks:
        yield curves.plate(study, task, style_of)
    for task in view.tasks:
        yield predictions.plate(study, task, style_of)
        yield confusion.plate(study, task)
    yield from divergence.plates(view, style_of)
    for task in view.tasks:
        yield from gradients.plates(study, task, style_of)
    for task in view.tasks:
        yield dynamics.plate(task, style_of)
    for task in view.tasks:
        yield from diagnostics.plates(study, task, style_of)
    yield from sensitivity.plates(view, style_of)
    yield tuning.plate(view, style_of)
    yield profile.plate(view.across, style_of)
