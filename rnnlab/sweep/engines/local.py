"""engine=local: worker processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Pack, work_on

START_ATTEMPTS = 3


class LocalEngine:
    """Worker processes, started when they are needed, from a server that has torch imported already."""

    def __init__(self, n_workers: int):
        self._n_workers = n_workers
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        server.start()  # does not wait: the caller goes on composing
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
        reason: Exception | None = None
        for _ in range(START_ATTEMPTS):
            ours, theirs = self._context.Pipe()
            process = self._context.Process(target=_serve, args=(theirs,), daemon=True)
            try:
                server.start()
                process.start()
            except (EOFError, OSError) as error:  # the server was killed in this moment: another one is started
                reason = error
                ours.close()
            else:
                self._processes[ours] = process
                return ours
            finally:
                theirs.close()
        raise EngineError(f"no worker process can be started ({reason!r})")

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
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            pack = connection.recv()
        except EOFError:
            return
        connection.send(work_on(pack))


def _end_with_parent() -> None:
    """However the main process ended, no worker outlives it."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
