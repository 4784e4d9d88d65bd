"""The server process that this machine's workers are forked from: it imports torch and
loads the kernels once, while the command composes.

A terminal sends Ctrl-C to every process of the command, but only the main process is to act on it: it ends the workers
itself.  So SIGINT is blocked in the server, and each worker inherits the block when it is forked.  The block is set in
two places, because neither holds for all of the server's life:

- `start` blocks SIGINT while it starts the server, which inherits the block and so has it from its first moment on.
- multiprocessing starts a server that has died again by itself, without asking `start`.  Whoever starts it, the server
  imports block_interrupt.py before anything that takes time.
"""

import multiprocessing
import os
import signal
from multiprocessing import forkserver, resource_tracker

PRELOADED = ["rnnlab.sweep.block_interrupt", "rnnlab.sweep.worker", "rnnlab.sweep.preload_kernels"]


def start() -> None:
    """Start the server unless it runs.  Does not wait until it is ready."""
    if os.name != "posix":
        return
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # it would lift the block below, so it is started before
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
