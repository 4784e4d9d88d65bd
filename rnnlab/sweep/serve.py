"""What a worker process of this machine does: say that it is ready, then compute one pack after the other.

Whatever goes wrong outside of a run (an import that fails, a plugin that is another one here) is a fault of the
surroundings: the worker tells it to the engine in words, and no run has failed by it.

This module imports only what a worker cannot do without, so that what fails later is told.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import threading
import traceback
from multiprocessing.connection import Connection, wait
from typing import Any

READY, FINISHED, CANNOT = "ready", "finished", "cannot"  # what a worker says, each with a value


def serve(connection: Connection, said: Connection | None, gpu: str | None) -> None:
    """Receive packs and send finished runs, until the pipe is closed.

    said: a file that takes what this process writes to stderr until it is ready."""
    threading.Thread(target=_end_with_parent, daemon=True).start()
    stderr = os.dup(2)
    if said is not None:
        os.dup2(said.fileno(), 2)
    if gpu is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu  # before torch asks for a GPU in this process
    try:
        from rnnlab.sweep.worker import work_on
    except BaseException as error:
        _send(connection, CANNOT, _in_words(error))
        return
    os.dup2(stderr, 2)
    os.close(stderr)
    _send(connection, READY, None)
    while True:
        try:
            received = connection.recv_bytes()
        except (EOFError, OSError):  # OSError: the pipe was closed while something stood in it unread
            return
        try:
            finished = work_on(pickle.loads(received))
        except Exception as error:  # of a run that raises, work_on makes a record
            _send(connection, CANNOT, _in_words(error))
            return
        _send(connection, FINISHED, finished)


def _in_words(error: BaseException) -> str:
    """An exception, and where it was raised, in one line."""
    from rnnlab.options import ConfigError

    if isinstance(error, ConfigError):
        return str(error)
    frame = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {' '.join(str(error).split())} ({frame.filename}, line {frame.lineno})"


def _send(connection: Connection, what: str, value: Any) -> None:
    try:
        connection.send((what, value))
    except OSError:  # the engine is closed, and could not kill this process, as its server had died before
        os._exit(1)


def _end_with_parent() -> None:
    """End this process as soon as the main process has ended, however it did."""
    main = multiprocessing.parent_process()
    assert main is not None
    wait([main.sentinel])
    os._exit(1)
