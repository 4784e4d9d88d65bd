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
from multiprocessing import forkserver
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

from rnnlab.config import RunConfig
from rnnlab.sweep.jobs import FinishedRun, compute, finish


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


class LocalEngine:
    """Worker processes of this machine, started when they are needed, from a server that imports torch meanwhile."""

    def __init__(self, n_workers: int):
        self._n_workers = n_workers
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        if os.name == "posix":
            # Imported once, by the server that workers are forked from; sklearn is where digits come from.
            self._context.set_forkserver_preload(["rnnlab.sweep.engine", "sklearn.datasets"])
            forkserver.ensure_running()  # does not wait: the caller goes on composing
        self._processes: dict[Connection, BaseProcess] = {}
        self._packs: dict[Connection, Pack] = {}

    @property
    def n_free(self) -> int:
        return self._n_workers - len(self._packs)

    def submit(self, pack: Pack) -> None:
        idle = [connection for connection in self._processes if connection not in self._packs]
        connection = idle[0] if idle else self._start()
        self._packs[connection] = pack
        with contextlib.suppress(OSError):  # it died while idle: wait() will find out
            connection.send(pack)

    def _start(self) -> Connection:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
        process.start()
        theirs.close()
        self._processes[ours] = process
        return ours

    def wait(self, timeout_s: float | None) -> list[Done | Died]:
        events: list[Done | Died] = []
        for connection in wait(list(self._processes), timeout_s):
            try:
                runs, wall_s = connection.recv()
                events.append(Done(self._packs.pop(connection), runs, wall_s))
            except (EOFError, OSError):
                if pack := self._packs.pop(connection, None):
                    events.append(Died(pack))
                self._end(connection)
        return events

    def close(self) -> None:
        for connection in list(self._processes):
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        process = self._processes.pop(connection)
        connection.close()
        process.kill()
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
