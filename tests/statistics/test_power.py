"""The power that is told before training is that of the test that judges."""

import numpy as np
import pytest
from scipy import stats

from rnnlab.statistics.decision import Question
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.statistics.planning import Design
from rnnlab.statistics.power import power_of_margin, power_of_shift


def test_the_power_is_near_that_of_the_t_test_for_normal_seeds():
    for kind in ("bounded", "unbounded"):
        for n, sds in ((20, 0.5), (10, 1.0), (40, 0.5)):
            limit, shift = stats.t.ppf(0.975, n - 1), sds * np.sqrt(n)
            expected = stats.nct.sf(limit, n - 1, shift)
            assert power_of_shift(Question("higher"), Design(kind, n, n, True), sds) == pytest.approx(
                expected, abs=0.05
            )
            limit, shift = stats.t.ppf(0.975, 2 * n - 2), sds * np.sqrt(n / 2)
            expected = stats.nct.sf(limit, 2 * n - 2, shift)
            assert power_of_shift(Question("lower"), Design(kind, n, n), sds) == pytest.approx(expected, abs=0.05)


def test_five_seeds_have_no_power_and_more_claims_or_looks_have_less():
    question, ten_looks = Question("higher"), Question("higher", n_looks=10)
    assert power_of_shift(question, Design("bounded", 5, 5, True), 10.0) == 0.0
    assert power_of_shift(question, Design("bounded", 6, 6, True), 10.0) == 1.0
    one, ten = (power_of_shift(question, Design("bounded", 20, 20, True), 0.5, n_claims=n) for n in (1, 10))
    assert ten < one - 0.2
    assert power_of_shift(ten_looks, Design("bounded", 20, 20, True), 0.5) == ten
    assert power_of_shift(question, Design("bounded", 40, 40, True), 2.0, n_claims=250) == 1.0  # enough flips are drawn


def test_the_power_against_a_number_is_that_of_the_sign_test():
    chance = stats.norm.cdf(1.0)
    expected = stats.binom.sf(14, 20, chance)  # 15 of 20 have p = .041
    assert power_of_shift(Question("higher"), Design("bounded", 20), 1.0) == pytest.approx(expected, abs=0.04)


def test_the_power_to_exceed_a_chance_is_binomial():
    question = Question("higher", 0.5, 0.5, 0.3)
    assert power_of_margin(question, Design("event", 20)) == pytest.approx(stats.binom.sf(14, 20, 0.8), abs=1e-12)
    mirrored = Question("lower", 0.5, 0.5, 0.3)
    assert power_of_margin(mirrored, Design("event", 20)) == pytest.approx(stats.binom.sf(14, 20, 0.8), abs=1e-12)
    assert power_of_margin(Question("higher", 0.95, 0.95, 0.1), Design("event", 80)) == pytest.approx(1.0)


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(("by", "margin", "kind"), [(0.0, 0.6, "event"), (0.2, 0.6, "bounded")])
def test_the_power_at_the_margin_is_how_often_the_claim_is_supported(paired, by, margin, kind):
    """The claim is one of two, and the other one is not decided; 300 samples: two standard errors are .06."""
    rng, n, question = np.random.default_rng(3), 12, Question("lower", threshold=-by)
    n_supported = 0
    for _ in range(300):
        of = rng.random(n) < 0.5 - (by + margin) / 2
        against = rng.random(n) < 0.5 + (by + margin) / 2
        test = PerSeed(of.astype(float), against.astype(float), kind, paired).test(n_drawn=1999)
        n_supported += 2 * question.p_difference(test) <= 0.05 and question.is_beyond(test)
    stated = Question("lower", threshold=-by, margin=margin)
    found = power_of_margin(stated, Design(kind, n, n, paired), n_claims=2)
    assert found == pytest.approx(n_supported / 300, abs=0.08) and 0.05 < found < 0.95


def test_where_rates_are_chosen_only_the_scored_seeds_have_power():
    question, tuned = Question("higher", margin=0.5), Design("bounded", 20, 20, True, tuned=True)
    plain = Design("bounded", 15, 15, True)
    assert power_of_shift(question, tuned, 0.5) == power_of_shift(question, plain, 0.5)
    assert power_of_margin(question, tuned) == power_of_margin(question, plain)


def test_what_has_no_worst_spread_and_what_is_not_normal_has_no_such_power():
    assert power_of_margin(Question("higher", margin=0.1), Design("unbounded", 20, 20, True)) is None
    assert power_of_margin(Question("higher"), Design("bounded", 20, 20, True)) is None
    assert power_of_shift(Question("higher"), Design("event", 20, 20, True), 1.0) is None
    assert power_of_shift(Question("higher", threshold=0.1), Design("bounded", 20, 20, True), 1.0) is None
    assert power_of_shift(Question("higher", threshold=0.1), Design("unbounded", 20, 20, True), 1.0) is not None
