"""Tasks whose sequences are made from a seed: a fixed set for each run, or fresh ones without end.

Their naive losses are exact, and the same on every split: the expected loss of the best answer that remembers nothing.
`success` is 1 where less than 1 % of the test sequences are answered wrongly (Pascanu, Mikolov, Bengio, ICML (2013),
section 4.1); each task says which answers are wrong.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from functools import lru_cache

import numpy as np

from rnnlab.options import ConfigError, number, unless_null
from rnnlab.streams import Stream, generator
from rnnlab.tasks.base import Data, Split, Task

ALLOWED_ERRORS = 0.01


@dataclass(frozen=True)
class Generated(Task):
    """Another seed gives other sequences.  Each split has a generator of its own, so that its size changes no other."""

    n_train: int = number(5000, at_least=1, about="sequences to learn from")
    n_eval: int = number(500, at_least=1, about="sequences for validation")
    n_test: int = number(1000, at_least=1, about="sequences for the test")
    longer: int | None = number(
        None, at_least=2, acts=unless_null("task.longer"), about="test also on sequences so many times as long"
    )

    generates = True

    def check(self) -> None:
        if self.longer is not None and all(f.name != "length" for f in fields(self)):
            raise ConfigError(f"task.longer: {self.longer}; task={self.name} has no option task.length to multiply")

    @property
    def with_longer_sequences(self) -> Task | None:
        if self.longer is None:
            return None
        lengthened = {"length": self.longer * getattr(self, "length")}  # noqa: B009, an option of every such task
        return replace(self, longer=None, n_train=1, n_eval=1, **lengthened)

    def data(self, seed: int) -> Data:
        return _drawn(self, seed)


@lru_cache(maxsize=16)  # the lanes of a pack that have one seed share their data
def _drawn(task: Generated, seed: int) -> Data:
    def split(branch: int, n: int) -> Split:
        return task.fresh_batch(generator(seed, Stream.TASK, branch), n)

    return Data(*(split(branch, n) for branch, n in enumerate((task.n_train, task.n_eval, task.n_test))))


def success(right: np.ndarray) -> float:
    """right: which sequences were answered rightly.  1.0 or 0.0"""
    return float((~right).mean() < ALLOWED_ERRORS)
