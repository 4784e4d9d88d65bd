"""Learning rates that the data choose."""

import itertools

import numpy as np
import pytest
from scipy import stats

from rnnlab.report.judging import exact, rates
from rnnlab.report.judging.decision import Question, decide


def test_the_first_quarter_of_the_seeds_chooses():
    assert rates.split([4, 5, 6, 7]) == ([4], [5, 6, 7])
    assert rates.split(range(20), 0.5) == (list(range(10)), list(range(10, 20)))
    with pytest.raises(ValueError, match="share 1"):
        rates.split([1, 2], 1)


def test_the_best_mean_score_is_chosen_and_the_edge_is_said():
    scores = np.array([[0.1, 0.9], [0.6, 0.6], [0.5, 0.5]])
    assert rates.choose(scores) == rates.Choice(1, at_edge=False)
    assert rates.choose(scores[::-1][:2]) == rates.Choice(1, at_edge=True)
    assert rates.choose(np.array([[0.5], [0.5], [0.5]])).index == 0
    assert not rates.choose(np.array([[0.5, 0.4]])).at_edge  # a single rate has no edge


def tuned(x, y, kind="bounded"):
    return rates.Tuned(x, y, x, y, kind, paired=True)


def test_with_one_rate_the_choice_inside_the_test_changes_nothing():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 1, size=(1, 16)), rng.uniform(size=(1, 16))
    of, against = x[0, 4:], y[0, 4:]
    for found, plain in (
        (rates.sign_flips_with_choice(tuned(x, y), rng, 20_000), exact.sign_flips(of - against, rng)),
        (rates.signed_ranks_with_choice(tuned(x, y), rng, 20_000), exact.signed_ranks(of, against)),
    ):
        assert (found.greater, found.less) == pytest.approx((plain.p_greater(0.0), plain.p_less(0.0)), abs=0.01)


def test_the_choice_is_made_anew_in_every_permutation():
    rng = np.random.default_rng(1)
    n = 8  # 2 tuning seeds
    x, y = rng.uniform(size=(3, n)), rng.uniform(size=(3, n))

    def differences(one, other):
        return np.subtract(*(side[np.argmax(side[:, :2].mean(axis=1)), 2:] for side in (one, other)))

    def ranks(d):
        return np.sum(np.sign(d) * stats.rankdata(np.abs(d)))

    for test, statistic in ((rates.sign_flips_with_choice, np.mean), (rates.signed_ranks_with_choice, ranks)):
        found = []
        for flips in itertools.product((False, True), repeat=n):
            found.append(statistic(differences(np.where(flips, y, x), np.where(flips, x, y))))
        greater = np.mean(np.array(found) >= found[0] - 1e-12)
        assert test(tuned(x, y), rng, 40_000).greater == pytest.approx(greater, abs=0.015)


def test_the_scoring_seeds_are_scored_at_the_rates_that_the_tuning_seeds_choose():
    x = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.6, 0.7]])
    y = np.array([[0.3, 0.1, 0.1, 0.2], [0.2, 0.9, 0.9, 0.9]])
    assert [choice.index for choice in tuned(x, y).choices] == [1, 0]
    assert list(tuned(x, y).scored.of) == [0.5, 0.6, 0.7] and list(tuned(x, y).scored.against) == [0.1, 0.1, 0.2]
    assert tuned(x, y).first(2).n_seeds == 2 and tuned(x, y).stretched(16).scored.n_seeds == 12


def test_a_tuned_claim_is_decided_by_both_parts():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.7, 0.05, (3, 20)), rng.normal(0.4, 0.05, (3, 20))
    decision = decide([Question("higher", margin=0.05)], [[tuned(x, y)]])[0]
    assert decision.judgement == "supported" and 0 < decision.interval[0] < 0.3 < decision.interval[1]
    assert decision.p <= 0.001
    losses = rates.Tuned(1 / x, 1 / y, x, y, "unbounded", paired=True)
    assert decide([Question("lower")], [[losses]])[0].judgement == "supported"


def test_looks_cost_where_rates_may_be_chosen_anew():
    rng = np.random.default_rng(3)
    test = tuned(rng.uniform(0.4, 0.6, (2, 40)), rng.uniform(0.4, 0.6, (2, 40))).test()
    assert test.cautious.p_less(0.2, n_looks=4) == 4 * test.cautious.p_less(0.2) < 1
    assert test.cautious.interval(0.95, n_looks=4) == test.cautious.interval(1 - 0.05 / 4)


def test_infinite_losses_of_both_sides_say_nothing():
    x = np.full((2, 6), np.inf)
    scores = np.zeros((2, 6))
    numbers = rates.Tuned(x, x, scores, scores, "unbounded", paired=True)
    found = rates.signed_ranks_with_choice(numbers, np.random.default_rng(0), 99)
    assert (found.greater, found.less) == (1.0, 1.0)
