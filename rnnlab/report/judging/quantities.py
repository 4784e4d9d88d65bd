"""One number per run: what a claim, a score or a figure is about."""

from __future__ import annotations

import math

import numpy as np

from rnnlab.records.run import RecordError
from rnnlab.report.reading.read import Run, Study

ERRORS = ("loss", "mse", "error", "perplexity", "bits")  # parts of the names of metrics of which less is better
GRADIENT_REACH = "gradient_reach"


def score(run: Run) -> float:
    """statistics.bounded_score of one run, without arrays: it is asked for a hundred thousand times."""
    loss, naive = run.metrics.get("eval_loss", math.nan), run.metrics.get("naive_loss", math.nan)
    if not (math.isfinite(naive) and naive > 0):
        return math.nan
    if run.diverged or not math.isfinite(loss):
        return 0.0
    return min(max(1 - loss / naive, 0.0), 1.0)


def metric(run: Run, name: str) -> float:
    """A metric of run.json, the worst there is where the run diverged or left no number."""
    value = run.metrics.get(name, math.nan)
    if math.isnan(value) or run.diverged:
        return math.inf if lower_is_better(run, name) else -math.inf
    return value


def lower_is_better(run: Run, name: str) -> bool:
    if name == run.task.score:
        return not run.task.higher_is_better
    return any(part in name for part in ERRORS)


def quantity(study: Study, run: Run, name: str) -> float | None:
    """A quantity that a claim can be about; None where this run does not have it."""
    if name == "diverged":
        return float(run.diverged)
    if name == "learned":
        return float(run.outcome == "learned")
    if name == "score":
        value = score(run)
        return None if math.isnan(value) else value
    if name in run.metrics:
        return metric(run, name)
    if name == GRADIENT_REACH:
        return gradient_reach(study, run)
    return last(study.curves.get(run.run_id, {}).get(name))


def last(column: np.ndarray | None) -> float | None:
    """The last finite value: of a run that diverged, the one before it did."""
    known = column[np.isfinite(column)] if column is not None else np.empty(0)
    return float(known[-1]) if known.size else None


def gradient_reach(study: Study, run: Run) -> float | None:
    """log10(|dL/dh at the first time step| / |dL/dh at the last|) of the top layer, mean over the training steps that
    were measured: -3 says that a thousandth of the gradient arrives at the beginning of the sequence."""
    try:
        _, _, norms = top_layer_gradient(study, run)
    except (RecordError, KeyError, ValueError):
        return None
    first, final = norms[:, 0], norms[:, -1]
    usable = (first > 0) & (final > 0) & np.isfinite(first) & np.isfinite(final)
    return float(np.mean(np.log10(first[usable] / final[usable]))) if usable.any() else None


def top_layer_gradient(study: Study, run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Training steps (S,), times (T,) and the norms of dL/dh[t] (S, T), NaN where one was not measured.

    Raises RecordError, KeyError or ValueError where the run has no such table."""
    table = study.gradients(run.run_id)
    top = table["layer"] == np.max(table["layer"])
    step, t, norm = (np.asarray(table[column][top], float) for column in ("step", "t", "grad_norm"))
    steps, times = np.unique(step), np.unique(t)
    norms = np.full((len(steps), len(times)), np.nan)
    norms[np.searchsorted(steps, step), np.searchsorted(times, t)] = norm
    return steps, times, norms
