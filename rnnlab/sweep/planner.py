"""Which runs share a pack.

Runs that can share a program are put side by side.  A pack should be wide enough that the time of one torch call is
spent computing, and narrow enough that the states of one time step, which every call reads and writes, stay in the
second-level cache; and there should be work for every worker.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from rnnlab.batches import chunk_size
from rnnlab.config import RunConfig
from rnnlab.lanes import HIDDEN_UNIT, padded
from rnnlab.training import program_key

STATES = 2**15  # floats in the states of one time step of a pack, (R, B, H): benchmarks/pack_width.py
MAX_WIDTH = 256


def best_width(run: RunConfig) -> int:
    """How many lanes like this run make the best pack."""
    hidden_size = padded(run.cell.hidden_size, HIDDEN_UNIT)
    batch_size = run.training.batch_size or run.task.n_train
    per_lane = chunk_size(batch_size, run.task.seq_len, hidden_size) * hidden_size
    return max(2, min(MAX_WIDTH, STATES // per_lane))


def plan(runs: Sequence[RunConfig], n_workers: int) -> list[list[int]]:
    """The runs' indices in packs.  Every run is in exactly one; packs of the same program differ by at most one lane.

    Runs with the same activation are neighbours, so that a pack calls as few different functions as it can."""
    programs: dict[object, list[int]] = {}
    for index, run in enumerate(runs):
        programs.setdefault(program_key(run), []).append(index)
    packs = []
    for indices in programs.values():
        first = runs[indices[0]]
        indices.sort(key=lambda i: (runs[i].cell.activation, runs[i].cell.negative_slope, runs[i].cell.alpha))
        width = min(best_width(first), math.ceil(len(indices) / n_workers))
        n_packs = math.ceil(len(indices) / width)
        packs += [indices[n * len(indices) // n_packs : (n + 1) * len(indices) // n_packs] for n in range(n_packs)]
    return sorted(packs, key=len, reverse=True)
