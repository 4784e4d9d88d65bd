"""A small part of benchmarks/neighbours.py: random packs in which one lane overflows.  Seeded, so they repeat."""

import importlib.util
from pathlib import Path
from random import Random

from rnnlab.training.loop import train


def load():
    place = Path(__file__).parents[2] / "benchmarks" / "neighbours.py"
    spec = importlib.util.spec_from_file_location("neighbours", place)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_a_lane_that_overflows_changes_no_byte_of_its_neighbours():
    neighbours, rng, n_diverged = load(), Random(16), 0
    for _ in range(10):
        runs, place = neighbours.pack(rng)
        assert neighbours.disturbed(runs, place) == []
        n_diverged += train([runs[place]])[0].diverged
    assert n_diverged >= 5, "they do overflow"
