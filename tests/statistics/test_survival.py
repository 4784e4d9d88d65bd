"""Times until something happens, where it does not happen to all."""

import math

import numpy as np

from rnnlab.statistics.survival import Reached, reached

NEVER = math.inf


def by_hand(times):
    """Kaplan-Meier: the product over times of the shares that are not there yet, of those still on their way."""
    still, survival = len(times), 1.0
    for t in sorted(set(times) - {NEVER}):
        here = times.count(t)
        survival *= 1 - here / still
        still -= here
        if survival <= 0.5 + 1e-12:
            return t
    return NEVER


def test_the_median_is_that_of_kaplan_and_meier():
    rng = np.random.default_rng(0)
    for n in (1, 2, 5, 20, 21):
        for never in (0.0, 0.3, 0.5, 0.7, 1.0):
            times = [NEVER if rng.random() < never else 50.0 * rng.integers(1, 8) for _ in range(n)]
            found = reached(np.array(times))
            assert found == Reached(n - times.count(NEVER), n, by_hand(times))


def test_half_of_all_are_enough_for_a_median_and_one_less_is_not():
    assert reached(np.array([10.0, 30.0, NEVER, NEVER])).median == 30
    assert reached(np.array([10.0, 30.0, NEVER, NEVER, NEVER])).median == NEVER
