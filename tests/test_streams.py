"""The table of random streams."""

import numpy as np

from rnnlab.streams import Stream, generator


def test_a_number_of_a_stream_never_changes():
    """Otherwise the same seed would give other runs."""
    assert {stream.name: stream.value for stream in Stream} == {
        "TASK": 1,
        "INIT": 2,
        "BATCHES": 3,
        "DROPOUT": 4,
        "GRADIENT_NOISE": 5,
        "DIRECTIONS": 6,
    }


def test_a_stream_is_a_branch_of_the_seeds_tree():
    expected = np.random.default_rng(np.random.SeedSequence(7, spawn_key=(2, 99))).random(3)
    assert np.array_equal(generator(7, Stream.INIT, 99).random(3), expected)


def test_seeds_streams_and_branches_draw_different_numbers():
    drawn = [generator(seed, stream, *branch).random() for seed in (0, 1) for stream in Stream for branch in ((), (0,))]
    assert len(set(drawn)) == len(drawn)
