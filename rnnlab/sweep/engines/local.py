"""engine=local: worker processes on this machine."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Collection, Sequence
from importlib.util import find_spec
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Self, cast

from rnnlab import plugins
from rnnlab.sweep import server
from rnnlab.sweep.engine import Died, Done, EngineError, Event, Pack
from rnnlab.sweep.engines import register
from rnnlab.sweep.options import SweepOptions

START_PAUSES_S = (0.05, 0.2, 1.0)  # between attempts to start a worker: a killed server takes a moment to be gone


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
        self._n_started = 0
        self._preloaded = not _plugins_have_kernels()  # no server has loaded the vector forms of plugins
        self._context = server.context(self._preloaded)
        server.start(self._preloaded)  # does not wait for it
        self._processes: dict[Connection, BaseProcess] = {}
        self._packs: dict[Connection, Pack] = {}

    @classmethod
    def start(cls, settings: None, options: SweepOptions, device: str, folder: Path) -> Self:
        from rnnlab.sweep.machine import available_cores, check_device, half_of_memory_gb, visible_gpus

        check_device(device)
        gpus = visible_gpus()[: options.gpus] if device == "cuda" else []
        n_workers = options.n_workers or len(gpus) or available_cores()
        return cls(n_workers, options.memory_gb or half_of_memory_gb(), gpus)

    @property
    def n_free(self) -> int:
        return self.n_workers - len(self._packs)

    def resume(self, everything: Pack) -> list[Pack]:
        return []  # the workers of an earlier command ended with it

    def forget(self, run_ids: Collection[str]) -> None:
        pass

    def submit(self, pack: Pack) -> None:
        idle = [connection for connection in self._processes if connection not in self._packs]
        connection = idle[0] if idle else self._start()
        self._packs[connection] = pack
        with contextlib.suppress(OSError):  # the worker has died while it was idle: wait() notices that
            connection.send(pack)

    def _start(self) -> Connection:
        reason: Exception | None = None
        for pause in (0.0, *START_PAUSES_S):
            time.sleep(pause)
            ours, theirs = self._context.Pipe()
            gpu = self._gpus[self._n_started % len(self._gpus)] if self._gpus else None
            process = self._context.Process(target=_serve, args=(theirs, gpu), daemon=True)
            try:
                server.start(self._preloaded)
                process.start()
            except (EOFError, OSError) as error:  # the server was killed at this moment: another one is started
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
        for connection in cast(list[Connection], wait(list(self._processes), timeout_s)):
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


def _plugins_have_kernels() -> bool:
    if find_spec("numba") is None or not plugins.loaded():
        return False
    from rnnlab.nets.kernels.forms import of_plugins

    return bool(of_plugins())


def _serve(connection: Connection, gpu: str | None) -> None:
    """A worker process: receive packs and send finished runs, until the pipe is closed."""
    from rnnlab.sweep.worker import work_on

    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch asks for a GPU in this process
    threading.Thread(target=_end_with_parent, daemon=True).start()
    while True:
        try:
            pack = connection.recv()
        except (EOFError, OSError):  # OSError: the pipe was closed while something stood in it unread
            return
        finished = work_on(pack)
        try:
            connection.send(finished)
        except OSError:  # the engine is closed, and could not kill this process, as its server had died before
            return


def _end_with_parent() -> None:
    """End this process as soon as the main process has ended, however it did."""
    main = multiprocessing.parent_process()
    assert main is not None
    wait([main.sentinel])
    os._exit(1)
