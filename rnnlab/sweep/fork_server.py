"""Processes that are forked from a server of our own, and that never import the script of whoever uses rnnlab.

multiprocessing has one fork server for all code of a process, and each process that it makes imports the user's
script again.  A script without `if __name__ == "__main__":` would then run a second time in every worker.  A worker of
ours needs nothing of the script, so it is told of none; and the server is our own, so that processes that somebody else
makes by multiprocessing stay as they are.

POSIX only.  multiprocessing offers no place to change either, so the names of multiprocessing that are used here are
those of Python 3.11 to 3.14.
"""

from __future__ import annotations

import io
import os
import signal
import tempfile
from collections.abc import Sequence
from multiprocessing import context, forkserver, popen_forkserver, reduction, resource_tracker, spawn, util
from multiprocessing.process import BaseProcess

LONGEST_FOLDER = 104 - len("/pymp-xxxxxxxx/listener-xxxxxxxx") - 1  # bytes: the address of a socket has 104 at most
PRELOADED = [f"rnnlab.sweep.{name}" for name in ("block_interrupt", "end_with_command", "serve", "preload")]


def _server_of(preloaded: Sequence[str]) -> forkserver.ForkServer:
    server = forkserver.ForkServer()
    server.set_forkserver_preload(list(preloaded))
    return server


_with_kernels = _server_of([*PRELOADED, "rnnlab.sweep.preload_kernels"])
_without_kernels = _server_of(PRELOADED)  # for workers that load them together with the vector forms of plugins


def start(kernels: bool = True) -> None:
    """Start the server unless it runs.  Does not wait until it is ready.

    kernels: whether the server loads them, once for all its workers."""
    _choose_folder_of_sockets()
    resource_tracker.ensure_running()  # it would lift the block below, so it is started before
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        (_with_kernels if kernels else _without_kernels).ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _choose_folder_of_sockets() -> None:
    """multiprocessing makes its sockets in a folder of its own in TMPDIR, once a process.  On clusters TMPDIR is often
    too long for the address of a socket; then that folder is in /tmp."""
    before = tempfile.tempdir
    if len(os.fsencode(tempfile.gettempdir())) > LONGEST_FOLDER:
        tempfile.tempdir = "/tmp"
    try:
        util.get_temp_dir()
    finally:
        tempfile.tempdir = before


class _Start(popen_forkserver.Popen):
    """How a process is started: as multiprocessing does it, but by our server and without the user's script."""

    server = _with_kernels

    def _launch(self, process: BaseProcess) -> None:
        prepared = spawn.get_preparation_data(process.name)
        for script in ("init_main_from_name", "init_main_from_path"):
            prepared.pop(script, None)
        message = io.BytesIO()
        context.set_spawning_popen(self)
        try:
            reduction.dump(prepared, message)
            reduction.dump(process, message)
        finally:
            context.set_spawning_popen(None)
        fds = self._fds  # type: ignore[attr-defined]  # those of duplicate_for_child
        self.sentinel, pipe = self.server.connect_to_new_process(fds)
        self.finalizer = util.Finalize(self, _close, (os.dup(pipe), self.sentinel))
        with open(pipe, "wb") as file:
            file.write(message.getbuffer())
        self.pid = forkserver.read_signed(self.sentinel)


def _close(*fds: int) -> None:
    for fd in fds:
        os.close(fd)


class _Process(context.ForkServerProcess):
    @staticmethod
    def _Popen(process: BaseProcess) -> _Start:
        return _Start(process)


class _StartWithoutKernels(_Start):
    server = _without_kernels


class _ProcessWithoutKernels(context.ForkServerProcess):
    @staticmethod
    def _Popen(process: BaseProcess) -> _Start:
        return _StartWithoutKernels(process)


class Context(context.ForkServerContext):
    """multiprocessing's context of method "forkserver", with such processes."""

    Process = _Process


class ContextWithoutKernels(context.ForkServerContext):
    """The same, by the server that has not loaded the kernels."""

    Process = _ProcessWithoutKernels
