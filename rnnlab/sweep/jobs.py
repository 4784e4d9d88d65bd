"""One run from its config to the files of its record, whoever computes it."""

from __future__ import annotations

import math
import os
import platform
import shlex
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from rnnlab import __version__
from rnnlab.config.run import RunConfig
from rnnlab.records.run import Record, RunResult, render, write_files
from rnnlab.training.checkpoints import LaneState, read_checkpoints
from rnnlab.training.loop import Checkpoints, train


class RunFailed(Exception):
    """One or more runs of a command failed; their records hold the tracebacks."""


@dataclass(frozen=True)
class FinishedRun:
    """What a worker hands back: the record's files as text, made where there is time for it, and what to count."""

    run_id: str
    files: Mapping[str, str]
    status: str
    diverged: bool
    objective: float
    summary: str  # one line for a person

    def write(self, folder: Path, provenance: Mapping[str, Any]) -> None:
        write_files(folder, self.files, provenance)


def run_alone(run: RunConfig, folder: Path, device: str) -> FinishedRun:
    """Train a run as a pack of one and write its record.  Raises RunFailed after the record of a failed run."""
    started = time.monotonic()
    finished = finish(run, compute([run], device)[0])
    finished.write(folder, provenance() | {"wall_s": time.monotonic() - started, "pack_width": 1, "device": device})
    if finished.status == "failed":
        raise RunFailed(f"the run failed: {finished.summary}; its traceback is in {folder / 'run.json'}")
    return finished


def compute(
    pack: Sequence[RunConfig], device: str, folder: Path | None = None, every_s: float = math.inf
) -> list[RunResult]:
    """Train a pack, from its checkpoints in `folder` where there are any, written every `every_s` seconds.

    When training raises, the pack is halved until the run that raises is alone; only that one has failed."""
    states = read_checkpoints(folder, [run.run_id for run in pack]) if folder else {}
    results: dict[str, RunResult] = {}
    for step, part in _by_step(pack, states).items():
        part_states = None if step is None else [states[run.run_id] for run in part]
        checkpoints = Checkpoints(folder / f"{part[0].run_id}-{len(part)}.npz", every_s) if folder else None
        try:
            found = train(part, device, states=part_states, checkpoints=checkpoints)
        except Exception:
            middle = len(part) // 2
            if middle:  # the halves go on from the latest checkpoint
                found = [r for half in (part[:middle], part[middle:]) for r in compute(half, device, folder, every_s)]
            else:
                found = [RunResult(status="failed", steps_done=0, error=traceback.format_exc())]
        results |= {run.run_id: result for run, result in zip(part, found, strict=True)}
    return [results[run.run_id] for run in pack]


def _by_step(pack: Sequence[RunConfig], states: Mapping[str, LaneState]) -> dict[int | None, list[RunConfig]]:
    """The runs that stand at one step, by that step; None for those at the beginning."""
    parts: dict[int | None, list[RunConfig]] = {}
    for run in pack:
        parts.setdefault(states[run.run_id].step if run.run_id in states else None, []).append(run)
    return parts


def finish(run: RunConfig, result: RunResult) -> FinishedRun:
    """Put a result into the form in which it travels.  One that cannot be written down has failed."""
    try:
        return _finish(run, result)
    except Exception:
        return _finish(run, RunResult(status="failed", steps_done=0, error=traceback.format_exc()))


def _finish(run: RunConfig, result: RunResult) -> FinishedRun:
    record = Record(run.run_id, run.condition_id, run.as_dict(), run.task.facts, result)
    failed = result.status == "failed"
    return FinishedRun(
        run_id=run.run_id,
        files=render(record),
        status=result.status,
        diverged=result.diverged,
        objective=objective(result.status, result.diverged, result.metrics),
        summary=(result.error or "").strip().splitlines()[-1] if failed else _summary(run, result),
    )


def killed(run: RunConfig) -> FinishedRun:
    """The record of a run whose worker process dies whenever it is computed."""
    error = "killed: the worker process died each time it computed this run (out of memory, a signal, a crash)"
    return finish(run, RunResult(status="failed", steps_done=0, error=error))


def objective(status: str, diverged: bool, metrics: Mapping[str, float]) -> float:
    """What a sweeper that optimises gets to see: the validation loss, +inf when the run diverged or failed."""
    loss = math.inf if status == "failed" or diverged else metrics["eval_loss"]
    return loss if math.isfinite(loss) else math.inf


def _summary(run: RunConfig, result: RunResult) -> str:
    metrics = result.metrics
    text = f"{run.task.name}, {run.cell.name} {run.cell.activation.name}, seed {run.seed}: {result.outcome}"
    if result.diverged:
        text += f" at step {result.diverged_at_step} ({result.divergence_reason})"
    text += f"; eval_loss {metrics['eval_loss']:.4g} (naive {metrics['naive_loss']:.4g})"
    score = run.task.facts.score
    return text + (f", {score} {metrics[score]:.4g}" if score in metrics else "")


def provenance() -> dict[str, Any]:
    """When, where and with what: everything about a record that does not follow from its config."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"finished": now, **_surroundings(), "command": command(), "pid": os.getpid()}


@cache
def _surroundings() -> dict[str, Any]:
    import numpy
    import torch

    from rnnlab.nets.activations import TANH

    return {
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "rnnlab": __version__,
        "tanh": TANH,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


def command() -> str:
    """The command line as it could be typed again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])
