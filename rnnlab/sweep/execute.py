"""Get packs computed, whatever happens to the workers that compute them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from rnnlab.config.run import RunConfig
from rnnlab.records.progress import forget_pack, pack_name
from rnnlab.sweep.engine import Cancelled, Died, Done, Engine, Event, Pack
from rnnlab.sweep.finished import FinishedRun, killed
from rnnlab.sweep.provenance import provenance

TICK_S = 0.5  # how long to wait for an event before saying that there is none


@dataclass(frozen=True)
class Delivery:
    """A finished run, on its way from the engine to its folder."""

    run: RunConfig
    finished: FinishedRun
    provenance: Mapping[str, Any]
    n_running: int  # packs that were being computed at that moment


class Execution:
    """Packs on their way through an engine.

    A pack whose worker died is tried once more, then in halves, until the run that kills its worker is alone; that run
    is delivered as failed.  New packs are submitted before each delivery, so that no worker waits for the caller.

    n_running: how many packs the engine has already, from an earlier command.  prepare: gives the pack that is
    submitted, with what is better made at the last moment."""

    def __init__(
        self, packs: Iterable[Pack], engine: Engine, n_running: int = 0, prepare: Callable[[Pack], Pack] = lambda p: p
    ):
        self._waiting, self._engine, self._prepare = deque(packs), engine, prepare
        self._ready: deque[Delivery] = deque()
        self._n_running = n_running

    def deliveries(self) -> Iterator[Delivery | None]:
        """Every run of the packs once, as it finishes, without cancelled packs.  None: nothing has happened for
        a while."""
        while self._waiting or self._n_running or self._ready:
            for event in self._engine.wait(0 if self._ready else TICK_S) if self._n_running else []:
                self._take(event)
            while self._waiting and self._engine.n_free:
                self._engine.submit(self._prepare(self._waiting.popleft()))
                self._n_running += 1
            if not self._ready:
                yield None
                continue
            yield self._ready.popleft()

    def undelivered(self) -> list[Delivery]:
        """What has been computed and not been delivered, when the caller has stopped taking deliveries."""
        return list(self._ready)

    def _take(self, event: Event) -> None:
        self._n_running -= 1
        match event:
            case Done(pack, runs, origin):
                for run, finished in zip(pack.runs, runs, strict=True):
                    self._ready.append(Delivery(run, finished, origin, self._n_running))
            case Died(pack, how):
                _forget_progress(pack)
                again, lost = _after_death(pack)
                self._waiting.extendleft(again)
                self._ready.extend(Delivery(run, killed(run, how), provenance(), self._n_running) for run in lost)
            case Cancelled(pack):  # its runs are neither delivered nor tried again
                _forget_progress(pack)


def _forget_progress(pack: Pack) -> None:
    """A worker that is gone leaves the file that says how far it is."""
    if pack.watched is not None:
        forget_pack(pack.watched, pack_name(pack.runs[0].run_id, len(pack.runs)))


def _after_death(pack: Pack) -> tuple[list[Pack], list[RunConfig]]:
    """What to try again, and what to give up."""
    if not pack.suspect:
        return [replace(pack, suspect=True)], []
    if len(pack.runs) == 1:
        return [], list(pack.runs)
    middle = len(pack.runs) // 2
    return [replace(pack, runs=pack.runs[:middle]), replace(pack, runs=pack.runs[middle:])], []
