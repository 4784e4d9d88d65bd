"""Where packs are computed: an engine takes packs and hands back what became of them.

An engine knows nothing of sweeps: what to try again, and how, is execute.py's.  Here is the local one, worker processes
of this machine.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, Protocol

from rnnlab.config import RunConfig
from rnnlab.sweep.jobs import FinishedRun, compute, finish


@dataclass(frozen=True)
class Pack:
    """A unit of work.  It can be computed again anywhere, any number of times, and comes out the same."""

    runs: Sequence[RunConfig]
    device: str
    checkpoint_folder: Path
    checkpoint_s: float


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


class LocalEngine:
    """Worker processes, started at once, so that they import torch while the caller is still composing."""

    def __init__(self, n_workers: int):
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        if os.name == "posix":
            self._context.set_forkserver_preload(["rnnlab.sweep.engine", "sklearn.datasets"])
        self._workers = [self._start() for _ in range(n_workers)]
        self._packs: dict[Connection, Pack] = {}

    def _start(self) -> tuple[Any, Connection]:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        return process, ours

    @property
    def n_free(self) -> int:
        return len(self._workers) - len(self._packs)

    def submit(self, pack: Pack) -> None:
        connection = next(c for _, c in self._workers if c not in self._packs)
        self._packs[connection] = pack
        with contextlib.suppress(OSError):  # it died while idle: wait() will find out
            connection.send(pack)

    def wait(self, timeout_s: float | None) -> list[Done | Died]:
        ready = wait([connection for _, connection in self._workers], timeout_s)
        events: list[Done | Died] = []
        for n, (process, connection) in enumerate(self._workers):
            if connection not in ready:
                continue
            try:
                runs, wall_s = connection.recv()
                events.append(Done(self._packs.pop(connection), runs, wall_s))
            except (EOFError, OSError):
                if pack := self._packs.pop(connection, None):
                    events.append(Died(pack))
                connection.close()
                process.join()
                self._workers[n] = self._start()
        return events

    def close(self) -> None:
        for process, connection in self._workers:
            connection.close()
            process.kill()
        for process, _ in self._workers:
            process.join()


def _serve(connection: Connection) -> None:
    """A worker: packs in, finished runs out, until the other end is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the main process, which then ends its workers
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            pack = connection.recv()
        except EOFError:
            return
        started = time.monotonic()
        results = compute(pack.runs, pack.device, pack.checkpoint_folder, pack.checkpoint_s)
        runs = [finish(run, result) for run, result in zip(pack.runs, results, strict=True)]
        connection.send((runs, time.monotonic() - started))


def _end_with_parent() -> None:
    """However the main process ended, no worker outlives it."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
