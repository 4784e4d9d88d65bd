"""Ctrl-C as a flag, for code that an exception at any moment would harm.

Python raises KeyboardInterrupt wherever the program is: also between the arrival of a result and the moment when it is
noted, or inside a destructor, where the exception is printed and forgotten.
"""

from __future__ import annotations

import signal
import threading
from types import FrameType


class Interrupt:
    """A block in which the first Ctrl-C only sets `requested`.  The second one raises KeyboardInterrupt as usual."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interrupt:
        ignored = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # a shell starts a background command like this
        self._handles = not ignored and threading.current_thread() is threading.main_thread()  # Python allows no other
        if self._handles:
            self._before = signal.signal(signal.SIGINT, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        if self._handles:
            signal.signal(signal.SIGINT, self._before)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)
