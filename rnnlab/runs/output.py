"""How the subcommands show what they found: a table on a terminal, elsewhere lines with tabs, for other programs."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Sequence
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table
from rich.text import Text

from rnnlab.options import written


def show(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str = "") -> None:
    """Print a table.  Text that comes from files is shown as it is, without control characters."""
    texts = [[cell(value) for value in row] for row in rows]
    console = Console(file=sys.stdout)
    if not console.is_terminal:
        for line in [list(columns), *texts]:
            print("\t".join(line))
        return
    numeric = [all(_is_number(row[n]) for row in texts) for n in range(len(columns))]
    heading = Text(title) if title else None
    table = Table(title=heading, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for n, (name, right) in enumerate(zip(columns, numeric, strict=True)):
        table.add_column(Text(name), justify="right" if right else "left", overflow="fold", no_wrap=n == 0)
    for line in texts:
        table.add_row(*map(Text, line))
    console.print(table)


def cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    text = "" if value is None else written(value)
    return "".join(c if c.isprintable() else " " for c in text)


def size(n_bytes: int) -> str:
    """ "1.2 MB": 10^6 bytes are one MB."""
    return decimal(n_bytes)


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text)) or True
    except ValueError:
        return not text
