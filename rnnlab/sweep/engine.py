"""What every place to compute packs has in common: an engine takes packs and hands back what became of them.

An engine knows nothing of sweeps: what to try again, and how, is execute.py's.  The engines are in engines/.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError
from rnnlab.sweep.jobs import FinishedRun, compute, finish, provenance


class EngineError(Exception):
    """An engine cannot go on.  One line for a person."""


@dataclass(frozen=True)
class Pack:
    """A unit of work.  It can be computed again anywhere, any number of times, and comes out the same."""

    runs: Sequence[RunConfig]
    device: str
    checkpoint_folder: Path | None
    checkpoint_s: float
    suspect: bool = False  # a worker has died over these runs


@dataclass(frozen=True)
class Done:
    """A pack and the runs it became, in its order.  provenance: where, when and with what it was computed."""

    pack: Pack
    runs: Sequence[FinishedRun]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Died:
    """A pack whose worker is gone."""

    pack: Pack


@dataclass(frozen=True)
class Cancelled:
    """A pack that somebody has taken out of the engine's queue: not to be tried again by this command."""

    pack: Pack


Event = Done | Died | Cancelled


class Engine(Protocol):
    n_workers: int  # packs computed side by side, as far as the engine knows
    pack_memory_gb: float  # what a pack may take, in 10^9 bytes
    pack_overhead_s: float  # what a pack costs beside its runs: docs/scaling.md
    shares_folder: bool  # whether those who compute see this machine's files: then packs can leave checkpoints

    @property
    def n_free(self) -> int:
        """How many packs it would take up at once."""

    def resume(self, everything: Pack) -> list[Pack]:
        """Parts of everything there is to do that an earlier command has submitted, and that are on their way still."""

    def forget(self, run_ids: Collection[str]) -> None:
        """These runs have been written down: nothing need be kept of them."""

    def submit(self, pack: Pack) -> None: ...

    def wait(self, timeout_s: float | None) -> list[Event]:
        """What happened since, waiting for something to happen (None: as long as it takes).  Raises EngineError."""

    def close(self) -> None:
        """Let go of everything, whatever is under way."""


def work_on(pack: Pack) -> tuple[list[FinishedRun], dict[str, Any]]:
    """What a worker does with a pack: its runs, finished, and their provenance."""
    started = time.monotonic()
    results = compute(pack.runs, pack.device, pack.checkpoint_folder, pack.checkpoint_s)
    runs = [finish(run, result) for run, result in zip(pack.runs, results, strict=True)]
    circumstances = {"pack_wall_s": time.monotonic() - started, "pack_width": len(runs), "device": pack.device}
    if "CUDA_VISIBLE_DEVICES" in os.environ:
        circumstances["cuda_visible_devices"] = os.environ["CUDA_VISIBLE_DEVICES"]
    return runs, provenance() | circumstances


def work_elsewhere(pack: Pack) -> tuple[list[FinishedRun], dict[str, Any]]:
    """work_on, on a node that may lack the files that tasks name, or hold others there.

    Raises ConfigError: it is the node that is wrong and not the runs, and none of them counts as failed."""
    for run in pack.runs:
        try:
            run.task.fingerprinted()
        except ConfigError as error:
            raise ConfigError(f"{platform.node()}: {error}; data files must lie on every node") from None
    return work_on(pack)
