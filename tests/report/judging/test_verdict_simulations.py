"""A small part of benchmarks/verdicts.py: verdicts in worlds of which the truth is known.  Seeded, so they repeat.

A share of wrong verdicts may be 5 % plus two standard errors of so many repetitions.
"""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnlab.report.judging.decision import Question, holm_factors
from rnnlab.report.judging.looks import planned, taken
from rnnlab.report.judging.per_seed import PerSeed
from rnnlab.report.judging.rates import Tuned
from rnnlab.report.judging.shift_tests import two_sided

REPETITIONS = 300
MOST = 0.05 + 2 * math.sqrt(0.05 * 0.95 / REPETITIONS)


def load():
    spec = importlib.util.spec_from_file_location("verdicts", Path(__file__).parents[3] / "benchmarks" / "verdicts.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look themselves up
    spec.loader.exec_module(module)
    return module


world = load()


@pytest.mark.parametrize("name", world.SHAPES)
@pytest.mark.parametrize("paired", [True, False])
def test_two_sides_that_are_alike_are_told_apart_in_one_of_twenty_sweeps_at_most(name, paired):
    rng, shape = np.random.default_rng(1), world.SHAPES[name]
    hits = []
    for _ in range(REPETITIONS):
        x, y = shape.of_z(world.normals(rng, 2, 10, settings=4, share=1.0))
        y = y if paired else shape.of_z(world.normals(rng, 1, 10, settings=4, share=1.0))[0]
        hits.append(two_sided(world.quick(world.per_seed(shape, x, y, paired)), 0.0) <= 0.05)
    assert np.mean(hits) <= MOST


def test_stopping_at_any_look_is_wrong_in_one_of_twenty_sweeps_at_most():
    rng, shape, looks = np.random.default_rng(2), world.SHAPES["losses, 20 % infinite"], planned(40)
    question, hits = Question("higher", n_looks=len(looks)), []
    for _ in range(REPETITIONS):
        x, y = shape.of_z(world.normals(rng, 2, 40))
        parts = taken(world.per_seed(shape, x, y), looks)
        hits.append(min(question.p_difference(part.test()) for part in parts) <= 0.05)
    assert np.mean(hits) <= MOST


def test_a_family_of_claims_has_a_false_verdict_in_one_of_twenty_sweeps_at_most():
    rng, shape, question = np.random.default_rng(3), world.SHAPES["scores, normal"], Question("higher")
    wrong, right = [], []
    for _ in range(REPETITIONS):
        z = world.normals(rng, 6, 12)
        z[1] += 2.0  # the first claim is true
        ps = [question.p(world.per_seed(shape, shape.of_z(side), shape.of_z(z[0])).test()) for side in z[1:]]
        rejected = [p * factor <= 0.05 for p, factor in zip(ps, holm_factors(ps, [0.05] * 5), strict=True)]
        wrong.append(any(rejected[1:]))
        right.append(rejected[0])
    assert np.mean(wrong) <= MOST and np.mean(right) > 0.8


EQUAL, UNEQUAL, ONE = (0.5, 0.5, 0.5, 0.5), (0.5, 0.48, 0.45, 0.3), (0.5, 0.3, 0.3, 0.3)


@pytest.mark.parametrize("means", [(EQUAL, EQUAL), (UNEQUAL, UNEQUAL), (EQUAL, ONE)])
@pytest.mark.parametrize("kind", ["bounded", "unbounded"])
def test_chosen_learning_rates_do_not_make_sides_that_are_equally_good_differ(means, kind):
    rng, hits = np.random.default_rng(4), []
    for _ in range(REPETITIONS):
        z = 0.1 * world.normals(rng, 2, 20, 4, 0.5)
        x, y = (np.clip(side.T + np.array(mean)[:, None], 0, 1) for side, mean in zip(z, means, strict=True))
        hits.append(two_sided(Tuned(x, y, x, y, kind, paired=True).test(999, 1000), 0.0) <= 0.05)
    assert np.mean(hits) <= MOST


@pytest.mark.parametrize("chance", [0.02, 0.05])
def test_no_difference_is_not_claimed_where_few_seeds_fail(chance):
    rng, hits, covered = np.random.default_rng(5), [], []
    truth = 0.9 * chance
    for _ in range(REPETITIONS):
        of, against = world.rare(rng, 40, chance)
        test = world.quick(PerSeed(of, against, "bounded", True))
        hits.append(Question("higher", margin=truth).p_no_difference(test) <= 0.05)
        low, high = test.interval(0.95)
        covered.append(low <= -truth <= high)
    assert np.mean(hits) <= MOST and np.mean(covered) >= 1 - MOST
