"""The table of random streams: what is drawn from a run's seed, each from a generator of its own.

A seed is the root of a tree of generators (numpy.random.SeedSequence).  A stream is a branch of it, so that drawing
more of one thing changes no other.  Nothing is ever drawn from a global generator.
"""

from enum import IntEnum

import numpy as np


class Stream(IntEnum):
    """The numbers are part of what a seed means: one that has been used is never used for something else."""

    TASK = 1  # sequences and noise of the data; a further branch per split
    INIT = 2  # first weights; a further branch per matrix
    BATCHES = 3  # the order of samples, or fresh samples
    DROPOUT = 4
    GRADIENT_NOISE = 5
    DIRECTIONS = 6  # first directions of Lyapunov exponents


def generator(seed: int, stream: Stream, *branch: int) -> np.random.Generator:
    """The generator of a stream, or of one of its branches, made anew."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(stream, *branch)))
