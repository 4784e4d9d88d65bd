"""The server process that this machine's workers are forked from: it imports torch and
loads the kernels once, while the command composes.

A terminal sends Ctrl-C to every process of the command, but only the main process is to act on it: it ends the workers
itself.  So SIGINT is blocked in the server, and each worker inherits the block when it is forked.  The block is set in
two places, because neither holds for all of the server's life:

- `start` blocks SIGINT while it starts the server, which inherits the block and so has it from its first moment on.
- multiprocessing starts a server that has died again by itself, without asking `start`.  Whoever starts it, the server
  imports block_interrupt.py before anything that takes time.

Where there is no fork (Windows), each worker is a process that imports everything itself, the user's script included.
"""

from __future__ import annotations

import os
from multiprocessing.context import SpawnContext
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerContext


def start(kernels: bool = True) -> None:
    """Start the server unless it runs.  Does not wait until it is ready.

    kernels=False: another server, whose workers load the kernels themselves, with the vector forms of plugins."""
    if os.name == "posix":
        from rnnlab.sweep import fork_server

        fork_server.start(kernels)


def context(kernels: bool = True) -> ForkServerContext | SpawnContext:
    """The context of multiprocessing that makes the workers, by the server that `start` with the same argument
    starts."""
    if os.name != "posix":
        return SpawnContext()
    from rnnlab.sweep import fork_server

    return fork_server.Context() if kernels else fork_server.ContextWithoutKernels()
