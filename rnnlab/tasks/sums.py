"""A text that needs no file and is the same everywhere: sums in words, "seven plus twelve is nineteen."

Every sum of two numbers below a hundred is there once, in an order that looks random.  So the sums at the end, which
are held out, are not among those at the beginning.  Grammar and spelling can be learned; to know the result as well, a
network must remember both numbers and add them.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

NAMES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"
)


@lru_cache(maxsize=1)
def sums() -> str:
    """The 10,000 sums, a line each, in the order of the digests of their two numbers."""
    pairs = [(a, b) for a in range(100) for b in range(100)]
    pairs.sort(key=lambda pair: hashlib.sha256(b"%d+%d" % pair).digest())
    return "".join(f"{in_words(a)} plus {in_words(b)} is {in_words(a + b)}.\n" for a, b in pairs)


def in_words(n: int) -> str:
    """n from 0 to 199: "forty-two", "one hundred and seven"."""
    names = NAMES.split()
    if n >= 100:
        return "one hundred" + (f" and {in_words(n - 100)}" if n > 100 else "")
    if n < 20:
        return names[n]
    return names[18 + n // 10] + (f"-{names[n % 10]}" if n % 10 else "")
