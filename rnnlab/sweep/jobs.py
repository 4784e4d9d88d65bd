"""One run from its config to its record, whoever computed it."""

from __future__ import annotations

import math
import os
import platform
import shlex
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rnnlab import __version__
from rnnlab.config import RunConfig
from rnnlab.records import Record, RunResult, write_record
from rnnlab.training import train


class RunFailed(Exception):
    """One or more runs of a command failed; their records hold the tracebacks."""


def run_alone(run: RunConfig, folder: Path, device: str) -> RunResult:
    """Train a run as a pack of one, write its record, say how it ended.  Raises RunFailed after a failed record."""
    started = time.monotonic()
    result = compute([run], device)[0]
    save(run, result, folder, {"wall_s": time.monotonic() - started, "pack_width": 1})
    if result.status == "failed":
        raise RunFailed(f"the run failed: {last_line(result)}; its traceback is in {folder / 'run.json'}")
    print(f"{summary(run, result)}\n{folder}")
    return result


def compute(pack: list[RunConfig], device: str) -> list[RunResult]:
    """Train a pack.  When that raises, the pack is halved until the run that raises is alone; only it has failed."""
    try:
        return train(pack, device)
    except Exception:
        if len(pack) == 1:
            return [RunResult(status="failed", steps_done=0, error=traceback.format_exc())]
    middle = len(pack) // 2
    return compute(pack[:middle], device) + compute(pack[middle:], device)


def save(run: RunConfig, result: RunResult, folder: Path, circumstances: dict[str, Any]) -> None:
    """Write the record of a run into its folder."""
    record = Record(run.run_id, run.condition_id, run.as_dict(), run.task.facts, result)
    write_record(folder, record, provenance() | circumstances)


def provenance() -> dict[str, Any]:
    """When, where and with what: everything about a record that does not follow from its config."""
    import numpy
    import torch

    return {
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "rnnlab": __version__,
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "command": command(),
        "pid": os.getpid(),
    }


def command() -> str:
    """The command line as it could be typed again."""
    return shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]])


def objective(result: RunResult) -> float:
    """What a sweeper that optimises gets to see: the validation loss, +inf when the run diverged or failed."""
    if result.status == "failed" or result.diverged:
        return math.inf
    return result.metrics["eval_loss"]


def summary(run: RunConfig, result: RunResult) -> str:
    """One line for a person."""
    metrics = result.metrics
    text = f"{run.task.name}, {run.cell.name} {run.cell.activation}, seed {run.seed}: {result.outcome}"
    if result.diverged:
        text += f" at step {result.diverged_at_step} ({result.divergence_reason})"
    text += f"; eval_loss {metrics['eval_loss']:.4g} (naive {metrics['naive_loss']:.4g})"
    score = run.task.facts.score
    return text + (f", {score} {metrics[score]:.4g}" if score in metrics else "")


def last_line(result: RunResult) -> str:
    """The last line of a failed run's traceback: the exception and its message."""
    return (result.error or "").strip().splitlines()[-1]
