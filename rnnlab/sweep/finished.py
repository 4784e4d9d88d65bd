"""A finished run on its way from the worker that computed it to its folder."""

from __future__ import annotations

import math
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab.config.run import RunConfig
from rnnlab.lazy import torch
from rnnlab.records.run import Record, RunResult, Status, render, write_files
from rnnlab.sweep.options import KEY
from rnnlab.sweep.planner import lane_bytes


class RunFailed(Exception):
    """A run has failed, or cannot be written.  One line for a person."""


@dataclass(frozen=True)
class FinishedRun:
    """What a worker hands back: the content of the record's files, made in the worker, and what the command counts."""

    run_id: str
    files: Mapping[str, str | bytes]
    status: Status
    diverged: bool
    objective: float
    summary: str  # one line for a person
    refusal: str | None = None  # why the worker, which was to write the record, could not: one line for a person

    def write(self, folder: Path, provenance: Mapping[str, Any], beside: Mapping[str, str] | None = None) -> None:
        """Write the record into `folder`, and other files beside it: relative path -> text.  Raises OSError."""
        write_files(folder, self.files, provenance, beside)


def finish(run: RunConfig, result: RunResult) -> FinishedRun:
    """The record of a result as text.  A result that cannot be written as text counts as failed."""
    try:
        return _finish(run, result)
    except Exception as error:
        return _finish(run, failed(run, error))


def _finish(run: RunConfig, result: RunResult) -> FinishedRun:
    record = Record(run.run_id, run.condition_id, run.as_dict(), run.task.facts, result)
    failed = result.status == "failed"
    return FinishedRun(
        run_id=run.run_id,
        files=render(record),
        status=result.status,
        diverged=result.diverged,
        objective=objective(result.status, result.diverged, result.metrics.get("eval_loss")),
        summary=(result.error or "").strip().splitlines()[-1] if failed else _summary(run, result),
    )


def cannot_write(error: OSError, folder: Path) -> str:
    """Why a sweep stops: one line for a person."""
    return (
        f"{error.filename or folder}: cannot be written ({error.strerror}); the sweep has stopped, what was finished "
        "before is kept, and the same command goes on from there"
    )


def killed(run: RunConfig, how: str = "") -> FinishedRun:
    """The failed record of a run whose worker process dies whenever it computes the run.  how: it died, in a few
    words."""
    error = f"killed: the worker process died each time it computed this run{how and f' ({how})'}"
    error += f"; if the system has ended it for lack of memory: {memory_advice(run)}"
    return finish(run, RunResult(status="failed", steps_done=0, error=error))


def failed(run: RunConfig, error: Exception) -> RunResult:
    """The result of a run that has raised `error`, which is being handled.  Its last line says what a person needs."""
    text = traceback.format_exc()
    if is_out_of_memory(error):
        text += f"{type(error).__name__}: out of memory; {memory_advice(run)}\n"
    return RunResult(status="failed", steps_done=0, error=text)


def is_out_of_memory(error: Exception) -> bool:
    """Whether memory was asked for that there is not: by Python or numpy, or by torch on a GPU or, which has no class
    of its own, on a processor."""
    return isinstance(error, (MemoryError, torch.OutOfMemoryError)) or "can't allocate memory" in str(error)


def memory_advice(run: RunConfig) -> str:
    """How much memory a run needs, and what makes it less."""
    needed_gb = max(lane_bytes(run) / 1e9, 0.01)
    return (
        f"this run needs about {needed_gb:.3g} GB; it needs less with a smaller cell.hidden_size, "
        f"training.batch_size or task, and there is more for each run with fewer at once ({KEY}.n_workers)"
    )


def objective(status: str, diverged: bool, eval_loss: float | None) -> float:
    """What a sweeper that optimises gets to see: the validation loss, +inf when the run diverged or failed."""
    usable = status == "completed" and not diverged and eval_loss is not None and math.isfinite(eval_loss)
    return eval_loss if usable and eval_loss is not None else math.inf


def _summary(run: RunConfig, result: RunResult) -> str:
    metrics = result.metrics
    text = f"{run.task.name}, {run.cell.name} {run.cell.activation.name}, seed {run.seed}: {result.outcome}"
    if result.diverged:
        text += f" at step {result.diverged_at_step} ({result.divergence_reason})"
    text += f"; eval_loss {metrics['eval_loss']:.4g} (naive {metrics['naive_loss']:.4g})"
    score = run.task.facts.score
    return text + (f", {score} {metrics[score]:.4g}" if score in metrics else "")
