"""The progress of a sweep: one live line on a terminal, a bar in a notebook, else a line every few seconds.  A log file
has each run."""

from __future__ import annotations

import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from rnnlab.sweep.execute import Delivery

LOG = "rnnlab.log"
LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.25


class Display(Protocol):
    """Where a sweep shows how far it is."""

    def show(self, line: str, n_done: int, last: bool) -> None:
        """The line of now; the last one is shown in any case."""


class Terminal:
    """One line that is written over again and again."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, refresh_per_second=4)
        self._live.start()

    def show(self, line: str, n_done: int, last: bool) -> None:
        self._live.update(Text(line))
        if last:
            self._live.stop()


class Lines:
    """A line every few seconds: for a file or a pipe."""

    def __init__(self) -> None:
        self._shown = time.monotonic()

    def show(self, line: str, n_done: int, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._shown >= LINE_EVERY_S:
            self._shown = now
            print(f"  {line}", flush=True)


class Bar:
    """A bar with the line beside it, in the output of a notebook's cell."""

    def __init__(self, n_total: int) -> None:
        from IPython.display import display  # a notebook has it; nothing else of rnnlab needs it

        self._n_total, self._shown = n_total, 0.0
        self._place = display({"text/plain": ""}, raw=True, display_id=True)

    def show(self, line: str, n_done: int, last: bool) -> None:
        now = time.monotonic()
        if last or now - self._shown >= BAR_EVERY_S:
            self._shown = now
            bar = f'<progress value="{n_done}" max="{self._n_total}"></progress>'
            self._place.update({"text/plain": line, "text/html": f"{bar} {line}"}, raw=True)


def display_for(n_total: int) -> Display:
    """What fits the place where this process writes."""
    if _in_a_notebook():
        return Bar(n_total)
    console = Console(file=sys.stdout)
    return Terminal(console) if console.is_terminal else Lines()


def _in_a_notebook() -> bool:
    """Whether IPython runs this process as the kernel of a notebook, and not in a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


class Progress:
    """Counts deliveries and shows the counts on one line.  The log file gets one line per run."""

    def __init__(self, n_runs: int, n_packs: int, n_done_before: int, folder: Path):
        self._n_total = n_runs
        self._counts: Counter[str] = Counter()
        self._n_running = 0
        self._log = (folder / LOG).open("a", encoding="utf-8", buffering=1)
        self._started = time.monotonic()
        before = f", {n_done_before} done before" if n_done_before else ""
        print(f"{n_runs} runs to train in {n_packs} packs{before} -> {folder}", flush=True)
        self._display = display_for(n_runs) if n_runs else None

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._show(last=True)
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
        if self._display:
            self._display.show(self._line(time.monotonic()), self._counts.total(), last)

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
