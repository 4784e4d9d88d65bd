"""Looks at growing numbers of seeds."""

import numpy as np
import pytest

from rnnlab.statistics import looks
from rnnlab.statistics.decision import Question
from rnnlab.statistics.per_seed import PerSeed


def test_looks_double_up_to_the_most_seeds():
    assert looks.planned(80) == (10, 20, 40, 80)
    assert looks.planned(50) == (10, 20, 40, 50)
    assert looks.planned(12, first=3) == (3, 6, 12)
    assert looks.planned(10) == looks.planned(10, first=20) == (10,)


def test_the_path_shows_each_look_of_which_all_seeds_are_there():
    rng = np.random.default_rng(0)
    numbers = PerSeed(rng.uniform(0.4, 0.8, 25), rng.uniform(0.3, 0.7, 25), "bounded", True)
    taken = looks.taken(numbers, (10, 20, 40, 80))
    found = looks.path(Question("higher", n_looks=4), taken, [part.test() for part in taken])
    assert [step.n_seeds for step in found] == [10, 20]
    for step in found:
        part = numbers.first(step.n_seeds)
        assert step.estimate == pytest.approx(np.mean(part.of - part.against))
        assert step.interval == part.test().interval(0.95, n_looks=4)
        assert step.p == pytest.approx(min(1, 4 * 2 * part.test().p_greater(0.0)))


def test_more_looks_make_the_p_value_larger_by_their_number_and_bets_stay_as_they_are():
    numbers = PerSeed(np.full(10, 0.9), np.full(10, 0.2), "bounded", True)
    one, four = (Question("higher", margin=0.2, n_looks=n) for n in (1, 4))
    test = numbers.test()
    assert four.p_difference(test) == 4 * one.p_difference(test) == 4 * 2**-9
    assert four.p_no_difference(test) == one.p_no_difference(test)
