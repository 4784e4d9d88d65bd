"""The process that this machine's workers are forked from: it imports torch once, while the command still composes."""

import multiprocessing
import os
import signal
from multiprocessing import forkserver, resource_tracker

PRELOADED = ["rnnlab.sweep.engines.local"]


def start() -> None:
    """Start it unless it runs.  Does not wait until it is ready."""
    if os.name != "posix":
        return
    multiprocessing.get_context("forkserver").set_forkserver_preload(PRELOADED)
    resource_tracker.ensure_running()  # before the block, which it would lift
    # Ctrl-C on a terminal reaches every process of the command, and is for the main process alone, which then ends its
    # workers.  They inherit the block, so that there is no moment at which it could reach them.
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
