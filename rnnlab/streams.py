"""The table of random streams: each kind of draw in a run has a generator of its own, derived from the run's seed.

The seed is the root of a tree of generators (numpy.random.SeedSequence), and a stream is a branch of this tree.  So
more draws from one stream change nothing in the others.  No code draws from a global generator.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """The number of a stream is part of what a seed means.  Never give an old number to a new stream."""

    TASK = 1  # sequences and noise of the data; a further branch per split
    INIT = 2  # first weights; a further branch per matrix
    BATCHES = 3  # the order of samples, or fresh samples
    DROPOUT = 4
    GRADIENT_NOISE = 5
    DIRECTIONS = 6  # first directions of Lyapunov exponents


def generator(seed: int, stream: Stream, *branch: int) -> np.random.Generator:
    """A new generator at the start of a stream, or of a branch of it."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, *branch)))
