"""What every place to compute packs has in common: an engine takes packs and hands back what became of them.

An engine knows nothing of sweeps: what to try again, and how, is execute.py's.  The engines are in engines/.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from rnnlab.config import RunConfig
from rnnlab.sweep.jobs import FinishedRun, compute, finish


class EngineError(Exception):
    """An engine cannot go on.  One line for a person."""


@dataclass(frozen=True)
class Pack:
    """A unit of work.  It can be computed again anywhere, any number of times, and comes out the same."""

    runs: Sequence[RunConfig]
    device: str
    checkpoint_folder: Path
    checkpoint_s: float
    suspect: bool = False  # a worker has died over these runs


@dataclass(frozen=True)
class Done:
    """A pack and the runs it became, in its order.  wall_s: from taking up the pack to the last text of its records."""

    pack: Pack
    runs: Sequence[FinishedRun]
    wall_s: float


@dataclass(frozen=True)
class Died:
    """A pack whose worker is gone."""

    pack: Pack


class Engine(Protocol):
    @property
    def n_free(self) -> int:
        """How many packs it would take up at once."""

    def submit(self, pack: Pack) -> None: ...

    def wait(self, timeout_s: float | None) -> list[Done | Died]:
        """What happened since, waiting for something to happen (None: as long as it takes)."""

    def close(self) -> None:
        """Let go of everything, whatever is under way."""


def work_on(pack: Pack) -> tuple[list[FinishedRun], float]:
    """What a worker does with a pack: the finished runs, and the seconds they took."""
    started = time.monotonic()
    results = compute(pack.runs, pack.device, pack.checkpoint_folder, pack.checkpoint_s)
    runs = [finish(run, result) for run, result in zip(pack.runs, results, strict=True)]
    return runs, time.monotonic() - started
