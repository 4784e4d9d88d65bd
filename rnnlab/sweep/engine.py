"""What all places that compute packs have in common: an engine takes packs and says what became of them.

An engine knows nothing about sweeps.  Which packs are tried again, and how, is decided in execute.py.  The engines are
in engines/, a file each.  This module is light: it imports neither torch nor numpy.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from rnnlab import plugins
from rnnlab.sweep.options import SweepOptions

if TYPE_CHECKING:
    from rnnlab.config.run import RunConfig
    from rnnlab.sweep.finished import FinishedRun


class EngineError(Exception):
    """An engine cannot go on.  One line for a person."""


@dataclass(frozen=True)
class Pack:
    """A unit of work: runs that are trained together.  Wherever and however often it is computed, the result is the
    same."""

    runs: Sequence[RunConfig]
    device: str
    backend: str = "auto"  # a name of rnnlab.nets.backends.BACKENDS
    checkpoint_folder: Path | None = None  # None: the worker writes no checkpoints
    checkpoint_s: float = math.inf  # seconds between two checkpoints
    watched: Path | None = None  # the study's folder, where the worker writes how far it is; None: it does not
    suspect: bool = False  # a worker has died while it computed these runs
    folder: Path | None = None  # of the study: the worker writes the records there; None: it hands them back
    beside: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # run_id -> files beside its record, as text
    command: str = ""  # for the provenance of the records; empty: that of the process that computes the pack

    def __getstate__(self) -> dict[str, Any]:
        """With the plugins of its runs first: to unpickle a pack is to import them before the runs, which need them."""
        return {"plugins": self.used_plugins(), **vars(self)}

    def used_plugins(self) -> list[plugins.Plugin]:
        """Those of which a run uses an entry."""
        used = {name for run in self.runs for name in run.code}
        return [plugin for plugin in plugins.loaded() if plugin.name in used]


@dataclass(frozen=True)
class Done:
    """The runs of a pack are finished, in its order.  provenance: where, when and with what they were computed."""

    pack: Pack
    runs: Sequence[FinishedRun]
    provenance: Mapping[str, Any]


@dataclass(frozen=True)
class Died:
    """The worker that computed a pack is gone.  how: what is known of its end, in a few words."""

    pack: Pack
    how: str = field(default="", compare=False)


@dataclass(frozen=True)
class Cancelled:
    """Somebody has taken a pack out of the engine's queue: this command does not try it again."""

    pack: Pack


Event = Done | Died | Cancelled


class Engine(Protocol):
    n_workers: int  # how many packs are computed side by side, as far as the engine knows
    pack_memory_gb: float  # how much memory a pack may take, in 10^9 bytes
    pack_overhead_s: float  # the time that a pack takes beside its runs: docs/scaling.md
    shares_folder: bool  # whether the workers see this machine's files: then they can write checkpoints there
    writes_records: bool  # whether the workers end with the command: then they write the records of its runs

    @classmethod
    def start(cls, settings: Any, options: SweepOptions, device: str, folder: Path) -> Self:
        """The engine for one sweep.  settings: an instance of its own dataclass.  folder: the study's.

        Raises ConfigError when it is not available here."""

    @property
    def n_free(self) -> int:
        """How many more packs the engine takes now."""

    def resume(self, everything: Pack) -> list[Pack]:
        """Those parts of `everything` that an earlier command has submitted and that are still queued or running."""

    def forget(self, run_ids: Collection[str]) -> None:
        """The records of these runs are written: the engine need not keep anything of them."""

    def submit(self, pack: Pack) -> None:
        """Take a pack.  Only called while n_free is above 0.  Raises EngineError."""

    def wait(self, timeout_s: float | None) -> list[Event]:
        """What has happened since the last call.  Waits until something has, or for timeout_s seconds (None: without
        limit).  Raises EngineError."""

    def close(self) -> None:
        """Release everything, whatever is still running."""
