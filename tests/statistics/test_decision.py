"""Verdicts from numbers per seed; the numbers are chosen so that the p-values are known by head."""

import math

import numpy as np
import pytest

from rnnlab.statistics.decision import MOST_SEEDS, Question, conclude, decide, holm_factors, seeds_to_decide
from rnnlab.statistics.per_seed import PerSeed


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


def test_that_many_seeds_are_a_little_lower_does_not_refute_a_claim_of_at_least_so_much():
    """One seed in ten gains .9, which these did not: their mean may well be .07."""
    decision = one(Question("higher", threshold=0.07), scores(-0.02, 20))
    assert decision.judgement == "undecided" and decision.interval[1] > 0.07 and decision.p > 0.05
    assert one(Question("higher"), scores(-0.02, 20)).judgement == "refuted"


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


def test_no_difference_of_some_claims_makes_no_difference_of_others_more_certain():
    """One Holm procedure for both kinds of verdicts found a difference in 15 % of families that have none."""
    rng = np.random.default_rng(2)
    equal = [PerSeed(one, np.zeros(20), "unbounded", True) for one in 0.5 * rng.normal(size=(9, 20))]
    ranks = np.arange(1, 21)
    signs = np.where(np.isin(ranks, [2, 6, 8, 10, 12, 20]), -1, 1)  # against: 58; .05 < p < .1
    higher = PerSeed(signs * ranks / 10.0, np.zeros(20), "unbounded", True)
    alone = one(Question("higher", level=0.9), higher)
    assert alone.judgement == "supported"
    family = decide(
        [Question("higher", margin=1.0, level=0.9)] * 9 + [Question("higher", level=0.9)],
        [*([e] for e in equal), [higher]],
    )
    assert {decision.judgement for decision in family[:9]} == {"no difference that matters"}
    assert family[9].judgement == "undecided" and family[9].p == pytest.approx(min(1.0, 10 * alone.p))


def test_differences_of_some_claims_make_no_difference_of_others_no_more_certain():
    question = Question("higher", margin=0.1)
    same, other = scores(0.0, 36), scores(0.6, 36)
    assert one(question, same).judgement == "no difference that matters"
    family = decide([question] * 10, [[same], *[[other]] * 9])
    assert [decision.judgement for decision in family] == ["undecided", *["supported"] * 9]
    assert family[0].reason == "one of several claims"
    without_margin = decide([question, *[Question("higher")] * 9], [[same], *[[other]] * 9])
    assert without_margin[0].judgement == "no difference that matters"  # nobody asks it of the others


def test_more_looks_never_make_a_decided_claim_undecided():
    rng, question = np.random.default_rng(4), Question("higher", margin=0.8, n_looks=3)
    decided = 0
    for _ in range(30):
        sides = rng.normal(0.3 * np.arange(6)[:, None], 1.0, (6, 40))
        tests = [
            [PerSeed(side[:n], sides[0, :n], "unbounded", True).test() for n in (10, 20, 40)] for side in sides[1:]
        ]
        taken = rng.integers(1, 4, size=(5,))  # some claims were looked at less often
        before = conclude([question] * 5, [path[:1] for path in tests])
        after = conclude([question] * 5, [path[:n] for path, n in zip(tests, taken, strict=True)])
        for old, new in zip(before, after, strict=True):
            assert old.judgement == "undecided" or new.judgement != "undecided"
            decided += old.judgement != "undecided"
    assert decided > 10


def holm(p_values):
    """The p-values of m tests, corrected for being m: the smallest times m, the next one times m - 1, never falling."""
    adjusted, floor = {}, 0.0
    for rank, place in enumerate(sorted(range(len(p_values)), key=lambda n: p_values[n])):
        floor = adjusted[place] = max(floor, min((len(p_values) - rank) * p_values[place], 1.0))
    return [adjusted[n] for n in range(len(p_values))]


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
    assert seeds_to_decide(question, seen, (10, 10)) > n
    assert seeds_to_decide(question, scores(0.0, 10, spread=0.1)) is None and MOST_SEEDS == 1000


def test_losses_that_always_diverge_are_judged():
    decision = one(Question("lower"), PerSeed(np.full(12, math.inf), np.ones(12), "unbounded", True))
    assert decision.judgement == "refuted" and decision.estimate == math.inf
