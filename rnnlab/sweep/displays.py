"""Where a command shows how far it is: a bar in a terminal or a notebook, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bars

LINE_EVERY_S = 5.0
BAR_EVERY_S = 0.25
BAR_WIDTH = 24


class Display(Protocol):
    """Where the line of progress is shown."""

    def show(self, line: str, share: float, last: bool = False) -> None:
        """The line of now, and the share of the work that is done, 0 to 1.  The last one is always shown."""


class Terminal:
    """A bar and the line beside it, drawn again and again at the same place.  keeps: it stays there at the end."""

    def __init__(self, console: Console, keeps: bool = True) -> None:
        columns = (BarColumn(BAR_WIDTH), TextColumn("{task.description}", markup=False))
        self._bars = Bars(*columns, console=console, transient=not keeps, refresh_per_second=4)
        self._task = self._bars.add_task("", total=1.0)
        self._bars.start()

    def show(self, line: str, share: float, last: bool = False) -> None:
        self._bars.update(self._task, completed=share, description=line)
        if last:
            self._bars.stop()


class Lines:
    """A line every few seconds: for a file or a pipe.  keeps: the last line is printed, too."""

    def __init__(self, keeps: bool = True, file: TextIO | None = None) -> None:
        self._keeps, self._file, self._shown = keeps, file, 0.0

    def show(self, line: str, share: float, last: bool = False) -> None:
        now = time.monotonic()
        self._shown = self._shown or now  # a moment after the first line could be told is too early
        if (last and self._keeps) or (not last and now - self._shown >= LINE_EVERY_S):
            self._shown = now
            print(f"  {line}", file=self._file, flush=True)


class Bar:
    """A bar with the line beside it, in the output of a notebook's cell."""

    def __init__(self) -> None:
        from IPython.display import display  # a notebook has it; nothing else of rnnlab needs it

        self._shown = 0.0
        self._place = display({"text/plain": ""}, raw=True, display_id=True)

    def show(self, line: str, share: float, last: bool = False) -> None:
        now = time.monotonic()
        if last or now - self._shown >= BAR_EVERY_S:
            self._shown = now
            bar = f'<progress value="{share:.4f}" max="1"></progress>'
            self._place.update({"text/plain": line, "text/html": f"{bar} {line}"}, raw=True)


class Nowhere:
    """Nothing is shown."""

    def show(self, line: str, share: float, last: bool = False) -> None:
        pass


def display_for(keeps: bool = True, quiet: bool = False) -> Display:
    """What fits the place where this process writes.

    keeps: what was shown last stays.  If it does not, stdout is for other things, and lines go to stderr.  quiet: in a
    file or a pipe nothing is shown."""
    if _in_a_notebook():
        return Bar()
    console = Console(file=sys.stdout)
    if console.is_terminal:
        return Terminal(console, keeps)
    return Nowhere() if quiet else Lines(keeps, None if keeps else sys.stderr)


def _in_a_notebook() -> bool:
    """Whether IPython runs this process as the kernel of a notebook, and not in a terminal."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")
