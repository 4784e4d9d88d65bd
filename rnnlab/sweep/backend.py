"""What computes the runs of a sweep: the key `backend`, checked before anything is computed."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError, counted
from rnnlab.records.files import RecordError, read_json
from rnnlab.records.run import PROVENANCE
from rnnlab.sweep.checks import one_of_each_condition
from rnnlab.training.construction import no_kernel


def check_backend(runs: Sequence[RunConfig], device: str, backend: str) -> None:
    """Raise ConfigError where kernels are asked for and a run has none."""
    if backend != "compiled":
        return
    seeds = Counter(id(run.parts) for run in runs)
    reasons: Counter[str] = Counter()
    for run in one_of_each_condition(runs):
        if reason := no_kernel(run, device):
            reasons[reason] += seeds[id(run.parts)]
    for reason, n in reasons.most_common(1):
        raise ConfigError(f"backend: 'compiled'; {reason} ({n} of {counted(len(runs), 'run')}); one of auto, torch")


def expected_backend(run: RunConfig, device: str, backend: str) -> str:
    """The backend that computes a run on a machine where kernels can be compiled."""
    return "torch" if backend == "torch" or no_kernel(run, device) else "compiled"


def say_if_computed_otherwise(folder: Path, done: Sequence[RunConfig], device: str, backend: str) -> None:
    """Say on stderr how many of the finished runs another backend computed than the one that goes on now."""
    others: Counter[str] = Counter()
    for run in done:
        try:
            found = read_json(folder / run.folder / PROVENANCE).get("backend")
        except (RecordError, AttributeError):
            continue
        if found in ("compiled", "torch") and found != expected_backend(run, device, backend):
            others[found] += 1
    for name, n in others.items():
        print(
            f"rnnlab: {n} of the runs that are done were computed with backend={name}; the others are computed "
            "otherwise now, and the last digits of their numbers may differ",
            file=sys.stderr,
        )
