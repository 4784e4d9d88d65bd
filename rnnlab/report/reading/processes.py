"""Work that this process and copies of it share: each takes the next piece as soon as it has done one.

A copy is forked, so that it has at once everything that this process has read and imported, and shares its memory.
Where that is not safe (other threads may hold locks) or not possible, this process does everything: the results are
the same.  A copy ends at once when this process does, also where this one was killed.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
import warnings
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from multiprocessing.context import ForkContext
from typing import Any, TypeVar

Result = TypeVar("Result")

MOST = 4  # processes: each has some memory of its own
PR_SET_PDEATHSIG = 1  # of Linux's prctl: the signal that a process gets when the one that forked it ends
THREADED = ("torch", "ray")  # whoever has imported one of these may have threads that Python does not know


def shared_out(pieces: Sequence[Callable[[], Result]]) -> list[Result]:
    """The results of the pieces, in their order.  They must be picklable.  What a piece raises is raised here."""
    n_copies = min(_n_processes(), len(pieces)) - 1
    if n_copies < 1:
        return [piece() for piece in pieces]
    context = multiprocessing.get_context("fork")
    following = context.Value("q", 0)

    def next_piece() -> int:
        with following.get_lock():
            following.value += 1
            return following.value - 1

    def some() -> dict[int, Result]:
        found = {}
        while (n := next_piece()) < len(pieces):
            found[n] = pieces[n]()
        return found

    copies = [_copy(context, some) for _ in range(n_copies)]
    try:
        found = some()
        for _, answer in copies:
            found |= _received(answer)
    finally:
        for process, answer in copies:
            answer.close()
            process.kill()  # one that has answered is at its end
            process.join()
    for n, piece in enumerate(pieces):
        if n not in found:  # its copy has failed, as this process does now, or was killed
            found[n] = piece()
    return [found[n] for n in range(len(pieces))]


def _copy(context: ForkContext, some: Callable[[], Any]) -> tuple[Any, Connection]:
    answer, send = context.Pipe(duplex=False)
    process = context.Process(target=_answer, args=(send, some, os.getpid()), daemon=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of Python 3.12 on: numpy's idle threads are known to it
        process.start()
    send.close()
    return process, answer


def _answer(send: Connection, some: Callable[[], Any], parent: int) -> None:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it had ended before
        os._exit(0)
    try:
        send.send(some())
    except BaseException:  # what is lacking is done by the process that waits, which raises what there is to raise
        send.close()
    os._exit(0)


def _received(answer: Connection) -> dict[int, Any]:
    try:
        return dict(answer.recv())
    except (EOFError, OSError):
        return {}


def _n_processes() -> int:
    """One where it is not safe to fork."""
    if not sys.platform.startswith("linux") or threading.active_count() > 1 or any(map(sys.modules.get, THREADED)):
        return 1
    return min(MOST, len(os.sched_getaffinity(0)))
