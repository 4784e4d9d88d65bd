"""Learning rates that the data choose."""

import numpy as np
import pytest

from rnnlab.statistics import rates
from rnnlab.statistics.decision import Question, decide
from rnnlab.statistics.per_seed import PerSeed


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
    return rates.Tuned(x, y, x, y, kind, paired=True, better="higher")


def test_with_one_rate_there_is_nothing_to_pay_for():
    rng = np.random.default_rng(0)
    x, y = rng.uniform(0.1, 1, size=(1, 16)), rng.uniform(size=(1, 16))
    for kind in ("bounded", "unbounded"):
        found, plain = tuned(x, y, kind).test(), PerSeed(x[0, 4:], y[0, 4:], kind, True).test()
        assert found.p_greater(0.0) == plain.p_greater(0.0) and found.p_less(0.1) == plain.p_less(0.1)
        assert found.estimate == plain.estimate


def test_a_side_must_be_above_every_rate_of_the_other():
    """Sign flips by hand: of ten pairs that agree, 2^-10; the sides' own choices are rates 1 and 0."""
    n = 13  # 4 of them choose
    x, y = np.tile([[0.2], [0.9]], n), np.tile([[0.8], [0.3]], n)
    test = tuned(x, y).test()
    assert test.p_greater(0.0) == 2**-9 and test.p_less(0.0) == 1.0
    assert test.estimate == pytest.approx(0.1)
    beaten = tuned(x, np.vstack([y, np.tile([0.95], n)]) - 0.0)  # a third rate, at which the other is above
    assert beaten.test().p_greater(0.0) == 1.0 and beaten.test().p_less(0.0) == 2**-9


def test_losses_are_compared_the_other_way_round():
    """The negative of a score is judged as the score is."""
    rng = np.random.default_rng(5)
    x, y = rng.normal(0.6, 0.1, (3, 24)), rng.normal(0.5, 0.1, (2, 24))
    scores = rates.Tuned(x, y, x, y, "unbounded", paired=True, better="higher").test()
    losses = rates.Tuned(-x, -y, x, y, "unbounded", paired=True, better="lower").test()
    for theta in (0.0, 0.05):
        assert losses.p_less(-theta) == scores.p_greater(theta) and losses.p_greater(-theta) == scores.p_less(theta)
    low, high = scores.interval(0.95)
    assert losses.interval(0.95) == (-high, -low)


def test_a_quantity_without_a_better_side_is_compared_at_all_pairs_of_rates():
    rng = np.random.default_rng(6)
    x, y, scores = rng.normal(1.0, 1.0, (3, 24)), rng.normal(0.0, 1.0, (2, 24)), rng.uniform(size=(3, 24))
    numbers = rates.Tuned(x, y, scores, scores[:2], "unbounded", paired=True)
    plain = [PerSeed(x[r, 6:], y[q, 6:], "unbounded", True).test() for r in range(3) for q in range(2)]
    assert numbers.test().p_greater(0.0) == max(test.p_greater(0.0) for test in plain)
    assert numbers.test().interval(0.9)[1] == max(test.interval(0.9)[1] for test in plain)


def test_the_interval_reaches_over_all_rates_of_the_other_side():
    rng = np.random.default_rng(1)
    x, y = rng.uniform(0.4, 0.6, (3, 40)), rng.uniform(0.4, 0.6, (2, 40))
    numbers = tuned(x, y)
    mine, theirs = (choice.index for choice in numbers.choices)
    plain = {(r, q): PerSeed(x[r, 10:], y[q, 10:], "bounded", True).test() for r in range(3) for q in range(2)}
    low, high = numbers.test().interval(0.9)
    assert low == min(plain[mine, q].interval(0.9)[0] for q in range(2))
    assert high == max(plain[r, theirs].interval(0.9)[1] for r in range(3))


def test_against_a_number_every_rate_must_be_below_and_the_chosen_one_above():
    x = np.tile([[0.2], [0.6]], 20)
    numbers = rates.Tuned(x, None, x, None, "bounded", better="higher")
    assert numbers.test().p_greater(0.5) == 2**-15 and numbers.test().p_less(0.5) == 1.0
    assert numbers.test().p_less(0.7) == 2**-15


def test_the_scoring_seeds_are_scored_at_the_rates_that_the_tuning_seeds_choose():
    x = np.array([[0.1, 0.2, 0.3, 0.4], [0.9, 0.5, 0.6, 0.7]])
    y = np.array([[0.3, 0.1, 0.1, 0.2], [0.2, 0.9, 0.9, 0.9]])
    assert [choice.index for choice in tuned(x, y).choices] == [1, 0]
    assert list(tuned(x, y).scored.of) == [0.5, 0.6, 0.7] and list(tuned(x, y).scored.against) == [0.1, 0.1, 0.2]
    assert tuned(x, y).first(2).n_seeds == 2 and tuned(x, y).stretched(16).scored.n_seeds == 12


def test_a_tuned_claim_is_decided():
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.7, 0.05, (3, 20)), rng.normal(0.4, 0.05, (3, 20))
    decision = decide([Question("higher", margin=0.05)], [[tuned(x, y)]])[0]
    assert decision.judgement == "supported" and 0 < decision.interval[0] < 0.3 < decision.interval[1]
    assert decision.p <= 0.001
    losses = rates.Tuned(1 / x, 1 / y, x, y, "unbounded", paired=True, better="lower")
    assert decide([Question("lower")], [[losses]])[0].judgement == "supported"


def test_looks_cost_where_rates_may_be_chosen_anew():
    rng = np.random.default_rng(3)
    test = tuned(rng.uniform(0.4, 0.6, (2, 40)), rng.uniform(0.4, 0.6, (2, 40))).test()
    assert test.cautious.p_less(0.2, n_looks=4) == 4 * test.cautious.p_less(0.2) < 1
    assert test.cautious.interval(0.95, n_looks=4) == pytest.approx(test.cautious.interval(1 - 0.05 / 4), abs=1e-9)


def test_infinite_losses_of_both_sides_say_nothing():
    x = np.full((2, 6), np.inf)
    scores = np.zeros((2, 6))
    found = rates.Tuned(x, x, scores, scores, "unbounded", paired=True).test()
    assert (found.p_greater(0.0), found.p_less(0.0)) == (1.0, 1.0)


def test_sides_without_common_seeds_and_with_rates_of_their_own_are_compared_too():
    rng = np.random.default_rng(4)
    x, y = rng.normal(0.7, 0.05, (3, 20)), rng.normal(0.4, 0.05, (2, 12))
    test = rates.Tuned(x, y, x, y, "bounded", paired=False, better="higher").test(1999)
    assert test.p_greater(0.0) < 0.001 and 0.2 < test.estimate < 0.4
