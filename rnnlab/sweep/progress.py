"""The progress of a sweep: one live line on a terminal, else a line every few seconds.  A log file has each run."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rnnlab.sweep.execute import Delivery

LOG = "rnnlab.log"
PLAIN_EVERY_S = 5.0


class Progress:
    """Counts deliveries and shows the counts on one line.  The log file gets one line per run."""

    def __init__(self, n_runs: int, n_packs: int, n_done_before: int, folder: Path):
        self._n_total = n_runs
        self._counts: Counter[str] = Counter()
        self._n_running = 0
        self._log = (folder / LOG).open("a", encoding="utf-8", buffering=1)
        self._started = self._shown = time.monotonic()
        console = Console(file=sys.stdout)
        before = f", {n_done_before} done before" if n_done_before else ""
        console.print(
            f"{n_runs} runs to train in {n_packs} packs{before} -> {folder}",
            highlight=False,
            soft_wrap=True,
        )
        self._live = Live(console=console, refresh_per_second=4) if console.is_terminal else None

    def __enter__(self) -> Progress:
        if self._live:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._show(last=True)
        if self._live:
            self._live.stop()
        with suppress(OSError):
            self._log.close()

    def add(self, delivery: Delivery) -> None:
        finished = delivery.finished
        what = "failed" if finished.status == "failed" else "diverged" if finished.diverged else "completed"
        self._counts[what] += 1
        self._n_running = delivery.n_running
        line = (time.strftime("%Y-%m-%d %H:%M:%S"), what, delivery.run.folder, finished.summary)
        with suppress(OSError):  # a full disk: the record itself reports that
            print(*line, sep="\t", file=self._log)
        self._show()

    def tick(self) -> None:
        """Show the time that has passed, when nothing has finished."""
        self._show()

    def _show(self, last: bool = False) -> None:
        now = time.monotonic()
        if self._live:
            self._live.update(Text(self._line(now)))
        elif self._n_total and (last or now - self._shown >= PLAIN_EVERY_S):
            self._shown = now
            print(f"  {self._line(now)}", flush=True)

    def _line(self, now: float) -> str:
        n = self._counts.total()
        rate = n / max(now - self._started, 1e-9)
        parts = [f"{n}/{self._n_total} runs"]
        parts += [f"{self._counts[what]} {what}" for what in ("diverged", "failed") if self._counts[what]]
        if n < self._n_total:
            parts.append(f"{self._n_running} packs running")
            if n >= self._n_total / 20:  # the first packs wait for the workers to start
                parts.append(f"{(self._n_total - n) / rate:.0f} s left")
        parts.append(f"{rate:.3g} runs/s")
        return ", ".join(parts)
