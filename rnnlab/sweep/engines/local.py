"""engine=local: worker processes on this machine."""

from __future__ import annotations

import contextlib
import os
import signal
import tempfile
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import IO, Self, cast

from rnnlab import plugins
from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import SweepOptions
from rnnlab.sweep.serve import CANNOT, FINISHED, READY, serve

START_PAUSES_S = (0.05, 0.2, 1.0)  # between attempts to start a worker: a killed server takes a moment to be gone
MOST_STILLBORN = 3  # workers in a row that end before they are ready: somebody may have killed one
LAST_LINES = 5  # of what a worker has said before it ended


@dataclass(eq=False)
class Worker:
    """A worker process.  said: what it writes to stderr until it is ready.  pack: what it computes, or is to."""

    process: BaseProcess
    said: IO[bytes]
    pack: Pack | None = None
    is_ready: bool = False


@register("local")
class LocalEngine:
    """Worker processes.  They are started when they are needed, by a server that has imported torch already.

    gpus: the GPUs, as CUDA_VISIBLE_DEVICES names them; the workers take them in turns."""

    shares_folder = True
    writes_records = True
    pack_overhead_s = 0.002

    def __init__(self, n_workers: int, memory_gb: float, gpus: Sequence[str] = ()) -> None:
        self.n_workers, self.pack_memory_gb = n_workers, memory_gb / n_workers
        self._gpus = gpus
        self._n_started = self._n_stillborn = 0
        self._preloaded = not _plugins_have_kernels()  # no server has loaded the vector forms of plugins
        self._context = server.context(self._preloaded)
        server.start(self._preloaded)  # does not wait for it
        self._workers: dict[Connection, Worker] = {}

    @classmethod
    def start(cls, settings: None, options: SweepOptions, device: str, folder: Path) -> Self:
        from rnnlab.sweep.machine import available_cores, check_device, half_of_memory_gb, visible_gpus

        check_device(device)
        gpus = visible_gpus()[: options.gpus] if device == "cuda" else []
        n_workers = options.n_workers or len(gpus) or available_cores()
        return cls(n_workers, options.memory_gb or half_of_memory_gb(), gpus)

    @property
    def n_free(self) -> int:
        return self.n_workers - sum(worker.pack is not None for worker in self._workers.values())

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # the workers of an earlier command ended with it

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        idle = [connection for connection, worker in self._workers.items() if worker.pack is None]
        connection = idle[0] if idle else self._start()
        self._workers[connection].pack = pack
        with contextlib.suppress(OSError):  # the worker has died while it was idle: wait() notices that
            connection.send(pack)

    def _start(self) -> Connection:
        reason: Exception | None = None
        for pause in (0.0, *START_PAUSES_S):
            time.sleep(pause)
            ours, theirs = self._context.Pipe()
            gpu = self._gpus[self._n_started % len(self._gpus)] if self._gpus else None
            said = tempfile.TemporaryFile()  # noqa: SIM115  it stays open; it has no name, so nothing is left of it
            process = self._context.Process(target=serve, args=(theirs, _for_writing(said), gpu), daemon=True)
            try:
                server.start(self._preloaded)
                process.start()
            except (EOFError, OSError) as error:  # the server was killed at this moment: another one is started
                reason = error
                ours.close()
                said.close()
            else:
                self._workers[ours] = Worker(process, said)
                self._n_started += 1
                return ours
            finally:
                theirs.close()
        raise EngineError(f"no worker process can be started ({reason!r})")

    def wait(self, timeout_s: float | None) -> list[Event]:
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        while True:
            left_s = None if deadline is None else max(0.0, deadline - time.monotonic())
            ready = cast(list[Connection], wait(list(self._workers), left_s))
            events = [event for connection in ready for event in self._take(connection)]
            if events or not ready or not self._workers:
                return events

    def _take(self, connection: Connection) -> list[Event]:
        """What a worker has said, or that it has ended."""
        worker = self._workers[connection]
        try:
            what, value = connection.recv()
        except (EOFError, OSError):
            return self._ended(connection, worker)
        if what == READY:
            worker.is_ready, self._n_stillborn = True, 0
            worker.said.close()
            return []
        if what == CANNOT:
            raise EngineError(f"a worker process cannot compute: {value}")
        assert what == FINISHED and worker.pack is not None
        pack, worker.pack = worker.pack, None
        return [Done(pack, *value)]

    def _ended(self, connection: Connection, worker: Worker) -> list[Event]:
        worker.process.join(1.0)  # its pipe is closed a moment before
        words = "" if worker.is_ready else _text(worker.said)
        self._end(connection)
        if worker.is_ready:
            return [Died(worker.pack, _how(worker.process))] if worker.pack else []
        self._n_stillborn += 1
        if self._n_stillborn == MOST_STILLBORN:
            raise EngineError(f"worker processes end before they are ready ({_how(worker.process)}){words}")
        if worker.pack:
            self.submit(worker.pack)
        return []

    def close(self) -> None:
        for connection in list(self._workers):
            self._end(connection)

    def _end(self, connection: Connection) -> None:
        worker = self._workers.pop(connection)
        worker.process.kill()  # before its pipe is closed, or a worker that is sending prints a BrokenPipeError
        worker.process.join()
        worker.said.close()
        connection.close()


def _for_writing(file: IO[bytes]) -> Connection | None:
    """The file as multiprocessing can hand it to another process; None where it cannot."""
    return Connection(os.dup(file.fileno()), readable=False) if os.name == "posix" else None


def _text(said: IO[bytes]) -> str:
    """The last lines of what a worker has said, as the end of a line."""
    said.seek(0)
    lines = said.read().decode(errors="replace").split("\n")
    last = [line.strip() for line in lines if line.strip()][-LAST_LINES:]
    return f": {' | '.join(last)}" if last else ""


def _how(process: BaseProcess) -> str:
    """How a process has ended.  255 is also the exit code of one whose server has died and cannot tell."""
    code = process.exitcode
    if code is not None and code < 0:
        return f"signal {-code}, {signal.strsignal(-code)}"
    return f"exit code {code}"


def _plugins_have_kernels() -> bool:
    if find_spec("numba") is None or not plugins.loaded():
        return False
    from rnnlab.nets.kernels.forms import of_plugins

    return bool(of_plugins())
