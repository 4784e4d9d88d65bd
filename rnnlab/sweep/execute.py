"""Get packs computed, whatever happens to those who compute them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rnnlab.config import RunConfig
from rnnlab.sweep.engine import Done, Engine, Pack
from rnnlab.sweep.jobs import FinishedRun, killed


@dataclass(frozen=True)
class Delivery:
    """A finished run and how it came about."""

    run: RunConfig
    finished: FinishedRun
    pack_width: int
    pack_wall_s: float | None
    n_running: int  # packs under way at that moment


def execute(packs: Iterable[Pack], engine: Engine) -> Iterator[Delivery]:
    """Every run of the packs once, as they finish.

    A pack whose worker died is tried once more, then in halves, until the run that kills its worker is alone; that one
    comes back as failed.  New packs are handed out before each delivery, so that no worker waits for the caller."""
    waiting = deque(packs)
    ready: deque[Delivery] = deque()
    n_running = 0
    while waiting or n_running or ready:
        for event in engine.wait(0 if ready else None) if n_running else []:
            n_running -= 1
            if isinstance(event, Done):
                width = len(event.runs)
                for run, finished in zip(event.pack.runs, event.runs, strict=True):
                    ready.append(Delivery(run, finished, width, event.wall_s, n_running))
            else:
                again, lost = _after_death(event.pack)
                waiting.extendleft(again)
                ready.extend(Delivery(run, killed(run), 1, None, n_running) for run in lost)
        while waiting and engine.n_free:
            engine.submit(waiting.popleft())
            n_running += 1
        if ready:
            yield ready.popleft()


def _after_death(pack: Pack) -> tuple[list[Pack], list[RunConfig]]:
    """What to try again, and what to give up."""
    if not pack.suspect:
        return [replace(pack, suspect=True)], []
    if len(pack.runs) == 1:
        return [], list(pack.runs)
    middle = len(pack.runs) // 2
    return [replace(pack, runs=pack.runs[:middle]), replace(pack, runs=pack.runs[middle:])], []
