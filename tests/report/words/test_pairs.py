"""Pairs made by hand, each with the sentences that it must get."""

import itertools

import numpy as np
import pytest

from rnnlab.records.claims import Comparison
from rnnlab.report.judging.pairs import Pair
from rnnlab.report.judging.reasons import NoSeeds
from rnnlab.report.judging.samples import Sample
from rnnlab.report.judging.verdicts import Part
from rnnlab.report.words.pairs import median_difference, pair_finding, pair_sentences, pair_words, shown_interval
from rnnlab.statistics.decision import Question, decide
from rnnlab.statistics.per_seed import PerSeed


def pair(of, against, differences, task="sines", paired=True):
    """Twenty seeds or so; the second side scores 0.5."""
    other = np.full(len(differences), 0.5)
    numbers = PerSeed(other + differences, other, "bounded", paired)
    (decision,) = decide([Question("higher")], [[numbers]])
    comparison = Comparison({"cell.activation": of}, {"cell.activation": against}, {})
    sample = Sample(numbers, tuple(range(len(differences))), 1)
    return Pair(task, "score", of, against, Part(comparison, None, sample, decision, ()))


STEADY = np.linspace(0.02, 0.04, 21)
EVEN = np.linspace(-0.004, 0.004, 21)


def test_the_one_that_is_above_comes_first_whichever_way_the_pair_was_asked():
    up, down = pair("tanh", "relu", STEADY), pair("relu", "tanh", -STEADY)
    low, high = np.sort(STEADY)[[5, 15]]  # the sign test of 21 seeds at 95 %: the sixth from each end
    said = f"tanh is above relu by 0.03 ({low:.3g} to {high:.3g})"
    assert pair_words(up) == said and pair_words(down) == said
    assert pair_finding(up) == pair_finding(down) == "tanh is above"


def test_equality_is_not_claimed():
    same = pair("relu", "elu", EVEN)
    low, high = np.sort(EVEN)[[5, 15]]
    assert pair_words(same) == (
        f"relu and elu cannot be told apart: the median difference of a seed is {low:.3g} to {high:.3g}"
    )
    assert pair_finding(same) == "cannot be told apart" and median_difference(same) == pytest.approx(0.0)


def test_sides_that_differ_where_the_median_seed_may_not_are_called_so():
    rare = pair("tanh", "relu", np.r_[np.zeros(12), np.full(9, 0.3)])
    assert pair_words(rare) == "tanh is above relu in most seeds (median 0 to 0.3)"


def test_a_task_has_a_sentence_for_each_that_is_above_others_and_then_what_is_open():
    pairs = [pair("tanh", "relu", STEADY), pair("tanh", "elu", STEADY), pair("relu", "elu", EVEN)]
    first, second = pair_sentences(pairs)["sines"]
    assert first.startswith("tanh is above relu by 0.03 (") and " and elu by 0.03 (" in first
    assert second.startswith("relu and elu cannot be told apart")


def test_where_all_pairs_are_open_one_sentence_says_so():
    pairs = [pair(one, other, EVEN) for one, other in itertools.combinations("abcd", 2)]
    low, high = np.sort(EVEN)[[5, 15]]
    said = f"No two of the 4 can be told apart: all intervals lie within {low:.3g} to {high:.3g}."
    assert pair_sentences(pairs) == {"sines": (said,)}


def test_several_open_pairs_of_a_label_are_one_sentence():
    pairs = [pair("tanh", "relu", EVEN), pair("tanh", "elu", EVEN), pair("relu", "elu", STEADY)]
    _, second = pair_sentences(pairs)["sines"]
    assert second.startswith("tanh cannot be told apart from relu (-0.00") and " and elu (-0.00" in second


def test_of_many_sentences_the_rest_is_in_the_table():
    pairs = [pair("a", "b", STEADY), *(pair(f"a{n}", f"b{n}", EVEN) for n in range(19))]
    sentences = pair_sentences(pairs)["sines"]
    assert len(sentences) == 12 and sentences[-1] == "The table has 9 more."


def test_too_few_seeds_are_said_once():
    pairs = [pair("tanh", other, np.array([0.1, 0.2, 0.1])) for other in ("relu", "elu")]
    assert pair_sentences(pairs) == {"sines": ("3 seeds are too few to tell any two apart.",)}
    assert (
        pair_words(pairs[0]) == "tanh and relu: 3 seeds are too few to tell"
        and pair_finding(pairs[0]) == "too few seeds"
    )


def test_sides_that_do_not_pair_have_the_interval_of_the_mean():
    loose = pair("tanh", "relu", EVEN, paired=False)
    assert shown_interval(loose) == loose.part.decision.with_rare_events
    assert "cannot be told apart: the difference is -0." in pair_words(loose)


def test_a_pair_without_numbers_says_so():
    (nothing,) = decide([Question("higher")], [[]])
    part = Part(Comparison({}, {}, {}), NoSeeds(), None, nothing, ())
    missing = Pair("sines", "score", "tanh", "relu", part)
    assert pair_words(missing) == "tanh and relu have no seeds that can be compared"
    assert pair_finding(missing) == "no data"
