"""A small part of benchmarks/verdicts: verdicts in worlds of which the truth is known.  Seeded, so they repeat.

A share of wrong verdicts may be 5 % plus two standard errors of so many repetitions.
"""

import importlib.util
import math
import sys
from pathlib import Path

import numpy as np
import pytest

from rnnlab.statistics.decision import Question, conclude
from rnnlab.statistics.looks import planned, taken
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.rates import Tuned
from rnnlab.statistics.shift_tests import two_sided

REPETITIONS = 300
MOST = 0.05 + 2 * math.sqrt(0.05 * 0.95 / REPETITIONS)


def load():
    spec = importlib.util.spec_from_file_location(
        "worlds", Path(__file__).parents[2] / "benchmarks" / "verdicts" / "worlds.py"
    )
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
        tests = [[world.per_seed(shape, shape.of_z(side), shape.of_z(z[0])).test()] for side in z[1:]]
        rejected = [one.judgement == "difference" for one in conclude([question] * 5, tests)]
        wrong.append(any(rejected[1:]))
        right.append(rejected[0])
    assert np.mean(wrong) <= MOST and np.mean(right) > 0.8


@pytest.mark.parametrize("difference, wrong", [(0.0, "difference"), (0.85, "no difference that matters")])
def test_claims_that_are_decided_do_not_make_the_others_of_their_family_wrong(difference, wrong):
    """Ten claims whose margin is just within reach of 20 seeds: 3.8 standard errors."""
    rng, question, hits = np.random.default_rng(6), Question("higher", margin=0.85), []
    for _ in range(REPETITIONS):
        values = difference + rng.normal(size=(10, 20))
        tests = [[PerSeed(of, np.zeros(20), "unbounded", True).test()] for of in values]
        hits.append(wrong in [one.judgement for one in conclude([question] * 10, tests)])
    assert np.mean(hits) <= MOST


@pytest.mark.parametrize("paired", [True, False])
def test_a_claim_of_at_least_so_much_is_wrong_in_one_of_twenty_at_most_where_few_seeds_gain_much(paired):
    rng, question, hits = np.random.default_rng(7), Question("higher", threshold=0.07), []
    for _ in range(REPETITIONS):
        of, against = world.lucky(rng, 10)
        hits.append(question.p_difference(world.quick(PerSeed(of, against, "bounded", paired))) <= 0.05)
    assert np.mean(hits) <= MOST


def test_sides_of_unequal_numbers_of_seeds_are_not_told_apart_by_their_spread():
    rng, hits = np.random.default_rng(8), []
    for _ in range(REPETITIONS):
        of, against = 0.5 + 0.1 * rng.normal(size=10), 0.5 + 0.03 * rng.normal(size=40)
        hits.append(two_sided(world.quick(PerSeed(of, against, "bounded")), 0.0) <= 0.05)
    assert np.mean(hits) <= MOST


EQUAL, UNEQUAL, ONE = (0.5, 0.5, 0.5, 0.5), (0.5, 0.46, 0.45, 0.44), (0.5, 0.3, 0.3, 0.3)


@pytest.mark.parametrize("means", [(EQUAL, EQUAL), (UNEQUAL, UNEQUAL), (EQUAL, ONE), (UNEQUAL[::-1], UNEQUAL)])
@pytest.mark.parametrize("kind, better", [("bounded", "higher"), ("unbounded", "lower"), ("unbounded", None)])
def test_chosen_learning_rates_do_not_make_sides_that_are_equally_good_differ(means, kind, better):
    rng, hits = np.random.default_rng(4), []
    for _ in range(REPETITIONS):
        z = 0.1 * world.normals(rng, 2, 20, 4, 0.5)
        x, y = (np.clip(side.T + np.array(mean)[:, None], 0, 1) for side, mean in zip(z, means, strict=True))
        values = (x, y) if kind == "bounded" else (1 - x, 1 - y)
        test = world.quick(Tuned(*values, x, y, kind, paired=True, better=better))
        hits.append(two_sided(test, 0.0) <= 0.05)
    assert np.mean(hits) <= MOST


def test_a_loss_at_one_rate_is_not_lower_than_that_of_a_side_that_chose_wrongly():
    rng, hits = np.random.default_rng(10), []
    for _ in range(REPETITIONS):
        z = 0.1 * world.normals(rng, 2, 20, 4, 0.5)
        x, y = 0.5 + z[0].T[:1], z[1].T + np.array(UNEQUAL)[:, None]
        test = world.quick(Tuned(-x, -y, x, y, "unbounded", paired=True, better="lower"))
        hits.append(two_sided(test, 0.0) <= 0.05)
    assert np.mean(hits) <= MOST


def test_rates_chosen_anew_at_each_look_do_not_make_sides_that_are_equally_good_differ():
    rng, looks, hits = np.random.default_rng(9), planned(40), []
    question = Question("higher", n_looks=len(looks))
    for _ in range(REPETITIONS):
        z = 0.1 * world.normals(rng, 2, 40, 4, 0.5)
        x, y = (np.clip(side.T + np.array(UNEQUAL)[:, None], 0, 1) for side in z)
        parts = taken(Tuned(x, y, x, y, "bounded", paired=True, better="higher"), looks)
        hits.append(any(question.p_difference(world.quick(part)) <= 0.05 for part in parts))
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
