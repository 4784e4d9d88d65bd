"""The progress of a sweep on one line: runs, steps, time left.  A log file has a line for each run that has ended.

    12 of 240 runs, 2 diverged, 8 running at step 3,400 of 10,000, 2 min 10 s left

The steps are read from the small files of the workers (rnnlab.records.progress), by a thread of its own: so the line
is the same whatever engine computes, in this process too.
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from rnnlab.config.run import RunConfig
from rnnlab.options import counted
from rnnlab.records.progress import CommandProgress, PackProgress, read_packs, tell
from rnnlab.sweep.displays import Nowhere, display_for
from rnnlab.sweep.execute import Delivery
from rnnlab.sweep.planner import pack_cost_s
from rnnlab.sweep.reckoning import Reckoning, duration, running_in_words

LOG = "rnnlab.log"
LOOK_EVERY_S = 0.5
SHARE = 20  # at most this part of the time of the thread is spent on looking


class Looks:
    """A thread that calls `look` again and again, until the block ends."""

    def __init__(self, look: Callable[[], None]) -> None:
        self._look, self._ended = look, threading.Event()
        self._thread = threading.Thread(target=self._go_on, daemon=True)

    def __enter__(self) -> Looks:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def _go_on(self) -> None:
        pause_s = LOOK_EVERY_S
        while not self._ended.wait(pause_s):
            started = time.monotonic()
            self._look()
            pause_s = max(LOOK_EVERY_S, SHARE * (time.monotonic() - started))


class Progress:
    """Counts deliveries and steps, and shows them on one line.  The log file gets one line for each run.

    runs: that are to be computed, in n_packs packs.  folder: the study's, in which this process is at work."""

    def __init__(self, runs: Sequence[RunConfig], n_packs: int, n_done_before: int, folder: Path):
        self._folder, self._n_before, self._n_total = folder, n_done_before, n_done_before + len(runs)
        self._counts: Counter[str] = Counter()
        self._log = (folder / LOG).open("a", encoding="utf-8", buffering=1)
        self._started = time.monotonic()
        self._reckoning, self._lock = Reckoning(_costs(runs), self._started), threading.Lock()
        self._running = ""  # what the last look has found, in words
        self._waiting = {run.run_id for run in runs}
        before = f", {n_done_before} done before" if n_done_before else ""
        print(f"{counted(len(runs), 'run')} to train in {counted(n_packs, 'pack')}{before} -> {folder}", flush=True)
        self._display = display_for() if runs else Nowhere()
        self._looks = Looks(self.look)

    def __enter__(self) -> Progress:
        self._looks.__enter__()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._looks.__exit__()
        self._show(last=True)
        with suppress(OSError):
            self._log.close()

    def add(self, delivery: Delivery) -> None:
        """A run has ended."""
        finished = delivery.finished
        what = "failed" if finished.status == "failed" else "diverged" if finished.diverged else "completed"
        line = (time.strftime("%Y-%m-%d %H:%M:%S"), what, delivery.run.folder, finished.summary)
        with suppress(OSError):  # a full disk: the record itself reports that
            print(*line, sep="\t", file=self._log)
        with self._lock:
            self._counts[what] += 1
            self._waiting.discard(delivery.run.run_id)
            self._reckoning.finish(delivery.run.run_id)
            self._show()

    def look(self) -> None:
        """Look how far the workers are."""
        packs = read_packs(self._folder)
        with self._lock:
            waiting = [tuple(run for run in pack.runs if run.run_id in self._waiting) for pack in packs]
            ours = [PackProgress(pack.steps, runs) for pack, runs in zip(packs, waiting, strict=True)]
            self._reckoning.see(ours, time.monotonic())
            self._running = running_in_words(ours)
            tell(self._folder, CommandProgress(self._show()))

    def _show(self, last: bool = False) -> str:
        line = self._line(time.monotonic(), last)
        self._display.show(line, self._reckoning.share, last)
        return line

    def _line(self, now: float, last: bool) -> str:
        n = self._n_before + self._counts.total()
        parts = [f"{n:,} of {counted(self._n_total, 'run')}"]
        parts += [f"{self._counts[what]:,} {what}" for what in ("diverged", "failed") if self._counts[what]]
        if last:
            return ", ".join([*parts, f"after {duration(now - self._started)}"])
        left_s = self._reckoning.left_s(now)
        parts += [self._running] if self._running else []
        parts += [f"{duration(left_s)} left"] if left_s is not None and n < self._n_total else []
        return ", ".join(parts)


def _costs(runs: Sequence[RunConfig]) -> dict[str, float]:
    """By run_id, the expected time of a run.  Runs that share their sections cost the same."""
    of_parts: dict[int, float] = {}
    for run in runs:
        if id(run.parts) not in of_parts:
            of_parts[id(run.parts)] = pack_cost_s([run])
    return {run.run_id: of_parts[id(run.parts)] for run in runs}
