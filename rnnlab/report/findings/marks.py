"""What a reader must know beside a verdict: a mark for each, and below the table what it means.

They are the remarks of the report's page (words/remarks.py) that can change how a verdict is read.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from rnnlab.report.page.tables import AT_EDGE
from rnnlab.report.words.intervals import ABOVE_ZERO
from rnnlab.report.words.remarks import could_be_reversed, is_small

Entry = Mapping[str, str]  # a row of claims.csv


def marked(verdict: str, rows: Sequence[Entry]) -> str:
    """The verdict with the marks of these rows: "✓ supported ¹ ²"."""
    return " ".join([verdict, *(mark for mark, (_, holds) in _MARKS.items() if any(map(holds, rows)))])


def legend(rows: Iterable[Entry]) -> str:
    """What the marks of these rows mean, and how their intervals are read; "" where there is nothing to say."""
    rows = list(rows)
    said = [f"{mark} {meaning}" for mark, (meaning, holds) in _MARKS.items() if any(map(holds, rows))]
    if any(ABOVE_ZERO in (abs(float(row["low"])), abs(float(row["high"]))) for row in rows):
        said.insert(0, 'An interval that ends at "above 0" or "below 0" excludes 0, and does not say by how much.')
    return " ".join(said)


def _could_be_reversed(row: Entry) -> bool:
    is_higher = row["is"] == "higher"
    threshold = _than(row) + (1 if is_higher else -1) * float(row["by"])
    interval, with_rare_events = (
        (float(row["low"]), float(row["high"])),
        (float(row["rare_low"]), float(row["rare_high"])),
    )
    return could_be_reversed(row["judgement"], is_higher, threshold, interval, with_rare_events)


def _is_small(row: Entry) -> bool:
    margin = float(row["margin"] or -math.inf)
    return is_small(row["judgement"], float(row["estimate"]), _than(row), margin)


def _than(row: Entry) -> float:
    return float(row["than"] or 0)


_MARKS: Mapping[str, tuple[str, Callable[[Entry], bool]]] = {
    "¹": ("A rare failure that these seeds did not show could still reverse it.", _could_be_reversed),
    "²": (
        "The best value of a tuned setting is the first or the last that was tried; a better one may lie beyond it.",
        lambda row: AT_EDGE in row["chosen"],
    ),
    "³": ("What was seen of the difference is below the margin of the claim.", _is_small),
}
