"""engine=local: worker processes of this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Collection, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Event, Pack, work_on

START_PAUSES_S = (0.05, 0.2, 1.0)  # between attempts to start a worker: a killed server takes a moment to be gone


class LocalEngine:
    """Worker processes, started when they are needed, from a server that has torch imported already.

    gpus: those that workers take in turns, as CUDA_VISIBLE_DEVICES names them."""

    shares_folder = True
    pack_overhead_s = 0.002

    def __init__(self, n_workers: int, memory_gb: float, gpus: Sequence[str] = ()):
        self.n_workers, self.pack_memory_gb = n_workers, memory_gb / n_workers
        self._gpus = gpus
        self._n_started = 0
        self._context = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
        server.start()  # does not wait: the caller goes on composing
        self._processes: dict[Connection, BaseProcess] = {}
        self._packs: dict[Connection, Pack] = {}

    @property
    def n_free(self) -> int:
        return self.n_workers - len(self._packs)

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # its workers end with the command

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        idle = [connection for connection in self._processes if connection not in self._packs]
        connection = idle[0] if idle else self._start()
        self._packs[connection] = pack
        with contextlib.suppress(OSError):  # it died while idle: wait() will find out
            connection.send(pack)

    def _start(self) -> Connection:
        reason: Exception | None = None
        for pause in (0.0, *START_PAUSES_S):
            time.sleep(pause)
            ours, theirs = self._context.Pipe()
            gpu = self._gpus[self._n_started % len(self._gpus)] if self._gpus else None
            process = self._context.Process(target=_serve, args=(theirs, gpu), daemon=True)
            try:
                server.start()
                process.start()
            except (EOFError, OSError) as error:  # the server was killed in this moment: another one is started
                reason = error
                ours.close()
            else:
                self._processes[ours] = process
                self._n_started += 1
                return ours
            finally:
                theirs.close()
        raise EngineError(f"no worker process can be started ({reason!r})")

    def wait(self, timeout_s: float | None) -> list[Event]:
        events: list[Event] = []
        for connection in wait(list(self._processes), timeout_s):
            try:
                runs, provenance = connection.recv()
                events.append(Done(self._packs.pop(connection), runs, provenance))
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
        process.kill()  # before its pipe is closed, or a worker that is sending prints a BrokenPipeError
        process.join()
        connection.close()


def _serve(connection: Connection, gpu: str | None) -> None:
    """A worker: packs in, finished runs out, until the other end is gone."""
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before anything in this process has asked for a GPU
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            pack = connection.recv()
        except EOFError:
            return
        finished = work_on(pack)
        try:
            connection.send(finished)
        except OSError:  # the engine is closed, and could not kill this process: its server had died before
            return


def _end_with_parent() -> None:
    """However the main process ended, no worker outlives it."""
    wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
