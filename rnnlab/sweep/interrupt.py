"""Ctrl-C as something to look at, where an exception out of nowhere would do harm.

Python raises KeyboardInterrupt wherever it happens to be: between a result's arrival and its being noted, or inside a
destructor, where it is printed and forgotten.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupt:
    """Within the block the first Ctrl-C only sets `requested`; the second one stops at once, as everywhere else."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interrupt:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as a shell starts what it puts in the background
        self._handles = not ignored and threading.current_thread() is threading.main_thread()  # nobody else may
        if self._handles:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
