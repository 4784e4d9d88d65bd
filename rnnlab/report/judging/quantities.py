"""One number per run: what a claim, a score or a figure is about."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from rnnlab.records.claims import OUTCOMES
from rnnlab.records.files import RecordError
from rnnlab.records.metrics import FIRST, Side, metric_of, score_of
from rnnlab.records.run import TaskFacts
from rnnlab.report.reading.study import Run, Study

GRADIENT_REACH = "gradient_reach"
CLOSED_LOOP = "mse_closed_loop"  # of forecasts, what the eye follows


def score(run: Run) -> float:
    """The score of a run on its task: 1 is perfect, 0 is no better than the task's naive answer, or diverged.

        score = 1 - test_loss / test loss of the naive answer, kept within 0 and 1
        score = 0 where the run diverged or test_loss is not finite

    The naive answer is the one that the task names, TaskFacts.scored_against.  NaN where its loss is not a positive
    number: there is nothing to measure against.  A record from before test losses has its validation score."""
    if not run.has_test_loss:
        return validation_score(run)
    return _score(run, "test_loss", f"{run.task.scored_against}_test_loss")


def validation_score(run: Run) -> float:
    """The same as `score`, of the losses on the validation split."""
    return _score(run, "eval_loss", f"{run.task.scored_against}_loss")


def tuning_score(run: Run) -> float:
    """By what settings such as a learning rate are chosen: 1 is perfect, 1/2 as good as the naive answer, 0 diverged.

        tuning_score = naive loss / (naive loss + eval_loss)

    Unlike the score it goes on falling where the loss is above the naive one, so that settings are told apart that are
    all worse.  NaN where the naive loss is not a positive number."""
    naive = run.metrics.get(f"{run.task.scored_against}_loss", math.nan)
    if not (math.isfinite(naive) and naive > 0):
        return math.nan
    loss = run.metrics.get("eval_loss", math.nan)
    return 0.0 if run.diverged or not math.isfinite(loss) else naive / (naive + loss)


def _score(run: Run, loss_name: str, naive_name: str) -> float:
    return score_of(run.metrics.get(loss_name, math.nan), run.metrics.get(naive_name, math.nan), run.diverged)


def metric(run: Run, name: str) -> float:
    """A metric of run.json.  Where the run diverged or left no number, it is the worst there is, +inf or -inf; of a
    metric without a better side it is what was measured, NaN where that is no number."""
    value, better = run.metrics.get(name, math.nan), better_side(name, run.task)
    if better is None or not (math.isnan(value) or run.diverged):
        return value
    return math.inf if better == "lower" else -math.inf


def better_side(name: str, task: TaskFacts) -> Side | None:
    """Which side of a quantity is better.  The table of metrics says it; of a metric that is not in the table and is
    the task's score, the task does; of any other one nobody knows."""
    if name in OUTCOMES:
        return "lower" if name == "diverged" else "higher"
    known = metric_of(name)
    if known is not None:
        return known.better
    if name == task.score:
        return "higher" if task.higher_is_better else "lower"
    return None


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
        value = metric(run, name)
        return None if math.isnan(value) else value
    if name == GRADIENT_REACH:
        return gradient_reach(study, run)
    curves = study.curves.get(run.run_id, {})
    if name.startswith(FIRST):
        return first(curves.get(name.removeprefix(FIRST)))
    return last(curves.get(name))


def updates(study: Study, run: Run, to: Mapping[str, float]) -> float | None:
    """The step of the first row of curves.csv in which a column is at a threshold or beyond; +inf where none is.

    to: one entry, such as {"eval_loss": 0.1}, or {"score": 0.5}, the validation score.  A run that got there counts
    from then on, also if it is lost again or diverges later.  None where the run has no such column."""
    ((name, threshold),) = to.items()
    curves = study.curves.get(run.run_id, {})
    column, steps = curves.get("eval_loss" if name == "score" else name), curves.get("step")
    if column is None or steps is None:
        return None
    if name == "score":
        naive = run.metrics.get(f"{run.task.scored_against}_loss", math.nan)
        if not (math.isfinite(naive) and naive > 0):
            return None
        column = 1 - column / naive
    is_lower = name != "score" and better_side(name, run.task) == "lower"
    with np.errstate(invalid="ignore"):  # NaN is at no threshold
        there = np.flatnonzero(column <= threshold if is_lower else column >= threshold)
    return float(steps[there[0]]) if there.size else math.inf


def first(column: np.ndarray | None) -> float | None:
    """The first finite value."""
    known = column[np.isfinite(column)] if column is not None else np.empty(0)
    return float(known[0]) if known.size else None


def last(column: np.ndarray | None) -> float | None:
    """The last finite value; of a run that diverged it is the last one before it did."""
    known = column[np.isfinite(column)] if column is not None else np.empty(0)
    return float(known[-1]) if known.size else None


def gradient_reach(study: Study, run: Run) -> float | None:
    """log10(|dL/dh at the first time step| / |dL/dh at the last|) of the top layer, mean over the training steps that
    were measured.  -3: a thousandth of the gradient arrives at the beginning of the sequence; -inf: nothing does."""
    try:
        _, _, norms = top_layer_gradient(study, run)
    except (RecordError, KeyError, ValueError):
        return None
    first, final = norms[:, 0], norms[:, -1]
    usable = (first >= 0) & (final > 0) & np.isfinite(first) & np.isfinite(final)
    with np.errstate(divide="ignore"):
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
