"""Importing this blocks Ctrl-C (SIGINT) in the importing thread and in every process forked from it.

The server that workers are forked from imports it first, see server.py.
"""

import signal

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
