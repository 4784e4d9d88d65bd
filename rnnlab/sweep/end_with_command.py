"""Importing this module ends the server of the workers soon after its command has ended, however that did.

multiprocessing's server notices that too, but not before it has imported everything, and not while a worker is stopped;
then it takes Python's own way to the end, which collects all that torch and numba have made.  On a busy machine each of
these takes many seconds.  And the folder of its socket is removed by the command, if that is not killed.

The server that workers are forked from imports this module early, see server.py.  Workers inherit no timer.
"""

import atexit
import os
import select
import signal
import socket
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

LOOK_S = 0.5  # seconds between two looks at the command


def _arguments_of_the_server() -> dict[str, Any]:
    """multiprocessing calls it main(listener_fd, alive_r, ...), and imports this module there; else nothing."""
    frame: FrameType | None = sys._getframe()
    while frame is not None and "listener_fd" not in frame.f_locals:
        frame = frame.f_back
    return frame.f_locals if frame is not None else {}


def _begin(listener_fd: int, alive_r: int) -> None:
    """Look at the command now, and from time to time.

    alive_r: a pipe that is closed when the command and all its workers have ended."""
    command = os.getppid()
    with socket.socket(fileno=os.dup(listener_fd)) as listener:
        address = listener.getsockname()

    def look(number: int = 0, frame: FrameType | None = None) -> None:
        if os.getppid() != command or select.select([alive_r], [], [], 0)[0]:
            end()

    def end() -> None:
        if isinstance(address, str) and Path(address).parent.name.startswith("pymp-"):
            with suppress(OSError):  # the command has removed it, or another server's is there
                Path(address).unlink(missing_ok=True)
                Path(address).parent.rmdir()
        os._exit(0)

    atexit.register(end)  # the first one that is registered is the last one that is called
    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, LOOK_S, LOOK_S)
    look()


_given = _arguments_of_the_server()
if _given:
    _begin(_given["listener_fd"], _given["alive_r"])
