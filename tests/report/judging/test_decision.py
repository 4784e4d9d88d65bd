"""Verdicts from numbers per seed; the numbers are chosen so that the p-values are known by head."""

import math

import numpy as np
import pytest

from rnnlab.report.judging.decision import MOST_SEEDS, Question, decide, holm_factors, seeds_to_decide
from rnnlab.report.judging.inference import holm
from rnnlab.report.judging.per_seed import PerSeed


def scores(difference, n, spread=0.0):
    """n paired seeds whose differences are `difference`, give or take `spread`."""
    return PerSeed(np.full(n, 0.5) + difference + spread * (-1.0) ** np.arange(n), np.full(n, 0.5), "bounded", True)


def one(question, *path):
    return decide([question], [path])[0]


def test_ten_seeds_that_agree_support_or_refute_a_claim():
    higher, lower = (one(Question(direction), scores(0.3, 10)) for direction in ("higher", "lower"))
    assert (higher.judgement, lower.judgement) == ("supported", "refuted")
    assert higher.p == lower.p == 2**-9 and higher.n_seeds == 10 and higher.reason is None
    low, high = higher.interval
    assert 0 < low <= 0.3 <= high and higher.level == pytest.approx(0.95)
    assert higher.estimate == pytest.approx(0.3)


def test_a_small_effect_is_supported_and_rare_events_might_still_undo_it():
    decision = one(Question("higher"), scores(0.02, 20))
    assert decision.judgement == "supported" and decision.interval[0] > 0
    assert decision.with_rare_events[0] < -0.1 and decision.with_rare_events[1] == decision.interval[1]


def test_a_claim_of_at_least_so_much_is_judged_by_bets_which_need_no_symmetry():
    assert one(Question("higher", threshold=0.1), scores(0.3, 40)).judgement == "supported"
    assert one(Question("higher", threshold=0.3), scores(0.05, 40)).judgement == "refuted"
    assert one(Question("higher", threshold=0.28), scores(0.3, 40)).judgement == "undecided"


def test_no_difference_that_matters_needs_enough_seeds_for_rare_events():
    question = Question("higher", margin=0.1)
    few, many = one(question, scores(0.0, 20)), one(question, scores(0.0, 60))
    assert (few.judgement, few.reason) == ("undecided", "wide interval")
    assert few.interval[0] < -0.1 and 20 < few.seeds_needed <= 60
    assert many.judgement == "no difference that matters" and many.level == pytest.approx(0.9)
    assert -0.1 < many.interval[0] < 0 < many.interval[1] < 0.1


def test_a_certain_difference_that_is_too_small_to_matter_does_not_matter():
    assert one(Question("higher", margin=0.1), scores(0.02, 60)).judgement == "no difference that matters"
    assert one(Question("higher", margin=0.01), scores(0.02, 60)).judgement == "supported"


def test_a_number_has_a_margin_around_it():
    losses = PerSeed(np.linspace(0.98, 1.02, 20), None, "unbounded")
    assert one(Question("lower", threshold=1.0, centre=1.0, margin=0.05), losses).judgement == (
        "no difference that matters"
    )
    assert one(Question("lower", threshold=2.0, centre=2.0, margin=0.05), losses).judgement == "supported"


def test_undecided_says_why():
    assert one(Question("higher"), scores(0.3, 5)).reason == "too few seeds"  # 2^-4 is above .05
    assert one(Question("higher"), scores(0.01, 20, spread=0.2)).reason == "wide interval"
    assert one(Question("higher")).reason == "no data"
    both = decide([Question("higher")] * 30, [[scores(0.3, 10)], *[[]] * 29])  # 30 * 2^-9 = .0586
    assert both[0].reason == "one of several claims" and both[0].p == pytest.approx(30 * 2**-9)
    assert both[0].level == pytest.approx(1 - 0.05 / 30) and both[0].interval[0] < 0


def test_a_decision_once_taken_stands_at_later_looks():
    question = Question("higher", n_looks=3)
    first, then = scores(0.3, 10), PerSeed(np.tile([0.8, 0.2], 20), np.full(40, 0.5), "bounded", True)
    decided = one(question, first, then)
    assert (decided.judgement, decided.look, decided.n_seeds) == ("supported", 0, 10)
    assert decided.p == 3 * 2**-9
    assert one(question, then, first).look == 1
    assert one(question, then).judgement == "undecided"


def test_the_printed_interval_agrees_with_the_verdict_after_holms_correction():
    rng = np.random.default_rng(0)
    claims = [
        PerSeed(np.clip(0.5 + effect + 0.1 * rng.normal(size=20), 0, 1), np.full(20, 0.5), "bounded", True)
        for effect in (0.0, 0.02, 0.05, 0.06, 0.07, 0.08, 0.1, 0.2)
    ]
    decisions = decide([Question("higher")] * len(claims), [[claim] for claim in claims])
    assert {decision.judgement for decision in decisions} == {"supported", "undecided"}
    for decision in decisions:
        low, high = decision.interval
        assert (decision.judgement == "undecided") == (low <= 0 <= high)
        assert (decision.judgement == "undecided") == (decision.p > 0.05)


def test_holms_factors_reject_what_holms_p_values_reject():
    rng = np.random.default_rng(1)
    for _ in range(50):
        ps = list(rng.uniform(0, 0.05, 7))
        factors = holm_factors(ps, [0.05] * 7)
        by_factor = [factor * p <= 0.05 for factor, p in zip(factors, ps, strict=True)]
        assert by_factor == [p <= 0.05 for p in holm(ps)]
    assert holm_factors([0.01, 0.001, 0.9, 0.04], [0.05] * 4) == [3, 4, 2, 2]


def test_the_seeds_needed_are_those_at_which_the_same_numbers_again_would_decide():
    question, seen = Question("higher"), scores(0.05, 10, spread=0.15)  # .2 and -.1: seeds that are mixed half and half
    n = seeds_to_decide(question, seen)
    assert n is not None and 30 <= n <= 60  # t = sqrt(n) / 3 reaches 2 at 36 seeds; to a quarter
    assert seeds_to_decide(question, seen, n_claims=10) > n
    assert seeds_to_decide(question, scores(0.0, 10, spread=0.1)) is None and MOST_SEEDS == 1000


def test_losses_that_always_diverge_are_judged():
    decision = one(Question("lower"), PerSeed(np.full(12, math.inf), np.ones(12), "unbounded", True))
    assert decision.judgement == "refuted" and decision.estimate == math.inf
