"""Numbers and lists as a reader sees them: in sentences, tables, axis labels and alt texts."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Sequence

from rnnlab.options import counted
from rnnlab.records.metrics import title_of

CLOSEST = 1e-4  # of a score to 1: nobody asks which of two runs beyond it is better


def baseline_name(metric: str) -> str:
    """persistence_loss, persistence_test_loss -> "persistence"."""
    return title_of(metric).removesuffix(" loss").removesuffix(" test")


def number(value: float) -> str:
    """Three significant digits: 0.0161, 1,234, 1.23e-05, 4e+12."""
    if not math.isfinite(value):
        return {math.inf: "inf", -math.inf: "-inf"}.get(value, "nan")
    if 1000 <= abs(value) < 1e6:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def near_one(score: float) -> str:
    """A score between 0 and 1; close to 1, with enough digits to tell it from 1: 0.921, 0.9951, > 0.9999."""
    if not 0.99 < score < 1:
        return number(score)
    if score > 1 - CLOSEST:
        return f"> {1 - CLOSEST}"
    return f"{score:.{math.floor(-math.log10(1 - score)) + 2}f}"


def ranked(value: float, infinite: str = "diverged") -> str:
    """A value; an infinity stands for something without a number, usually for a run that diverged."""
    return infinite if math.isinf(value) else number(value)


def percent(rate: float) -> str:
    return f"{100 * rate:.0f}%"


def listed(words: Sequence[str], at_most: int = 6) -> str:
    """ "a", "a and b", "a, b and c", "a, b and 5 more"."""
    words = list(words)
    if len(words) > at_most:
        words = [*words[: at_most - 1], f"{len(words) - at_most + 1} more"]
    return " and ".join(filter(None, [", ".join(words[:-1]), *words[-1:]]))


def spanned(counts: Collection[int], noun: str) -> str:
    """ "1 run", "15 to 60 runs"."""
    low, high = min(counts), max(counts)
    return counted(high, noun) if low == high else f"{low:,} to {counted(high, noun)}"


def pieces(name: str) -> list[str]:
    """Where a long name may be broken: after a space, an underscore, a dot before a letter, and nowhere else.

    >>> pieces("temporal_order, cell.bias 0.1")
    ['temporal_', 'order, ', 'cell.', 'bias ', '0.1']
    """
    return re.split(r"(?<=[\s_])(?=[^\s_])|(?<=\.)(?=[^\W\d])", name)
