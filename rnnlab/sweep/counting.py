"""How far the planning of a large sweep is, on stderr.  This module is light: every start of Hydra imports it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from typing import TypeVar

FIRST_S, EVERY_S = 2.0, 5.0
LOOK_EVERY = 1000  # things: a look at the clock takes as long as some of them

Thing = TypeVar("Thing")


def counted(things: Iterable[Thing], n_things: int, what: str) -> Iterator[Thing]:
    """The same things.  What takes longer than FIRST_S says every few seconds how many of them have passed.

    what: "runs checked"."""
    due = time.monotonic() + FIRST_S
    for n, thing in enumerate(things):
        if n % LOOK_EVERY == 0 and time.monotonic() >= due:
            due = time.monotonic() + EVERY_S
            print(f"rnnlab: {n} of {n_things} {what}", file=sys.stderr, flush=True)
        yield thing
