"""Get packs computed, whatever happens to those who compute them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from rnnlab.config import RunConfig
from rnnlab.sweep.engine import Died, Done, Engine, Pack
from rnnlab.sweep.jobs import FinishedRun, killed

TICK_S = 0.5  # how long to wait for something to happen before saying that nothing has


@dataclass(frozen=True)
class Delivery:
    """A finished run and how it came about."""

    run: RunConfig
    finished: FinishedRun
    pack_width: int
    pack_wall_s: float | None
    n_running: int  # packs under way at that moment


class Execution:
    """Packs on their way through an engine.

    A pack whose worker died is tried once more, then in halves, until the run that kills its worker is alone; that one
    comes back as failed.  New packs are handed out before each delivery, so that no worker waits for the caller."""

    def __init__(self, packs: Iterable[Pack], engine: Engine):
        self._waiting, self._engine = deque(packs), engine
        self._ready: deque[Delivery] = deque()
        self._n_running = 0

    def deliveries(self) -> Iterator[Delivery | None]:
        """Every run of the packs once, as they finish; None when for a while nothing has."""
        while self._waiting or self._n_running or self._ready:
            for event in self._engine.wait(0 if self._ready else TICK_S) if self._n_running else []:
                self._take(event)
            while self._waiting and self._engine.n_free:
                self._engine.submit(self._waiting.popleft())
                self._n_running += 1
            if not self._ready:
                yield None
                continue
            yield self._ready.popleft()

    def undelivered(self) -> list[Delivery]:
        """What has been computed and not been taken, after an interruption."""
        return list(self._ready)

    def _take(self, event: Done | Died) -> None:
        self._n_running -= 1
        if isinstance(event, Done):
            width = len(event.runs)
            for run, finished in zip(event.pack.runs, event.runs, strict=True):
                self._ready.append(Delivery(run, finished, width, event.wall_s, self._n_running))
        else:
            again, lost = _after_death(event.pack)
            self._waiting.extendleft(again)
            self._ready.extend(Delivery(run, killed(run), 1, None, self._n_running) for run in lost)


def _after_death(pack: Pack) -> tuple[list[Pack], list[RunConfig]]:
    """What to try again, and what to give up."""
    if not pack.suspect:
        return [replace(pack, suspect=True)], []
    if len(pack.runs) == 1:
        return [], list(pack.runs)
    middle = len(pack.runs) // 2
    return [replace(pack, runs=pack.runs[:middle]), replace(pack, runs=pack.runs[middle:])], []
