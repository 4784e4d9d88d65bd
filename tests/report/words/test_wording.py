import math

import pytest

from rnnlab.options import counted
from rnnlab.report.words.wording import baseline_name, listed, near_one, number, ranked


@pytest.mark.parametrize(
    "value, text",
    [(0.016069, "0.0161"), (1234.4, "1,234"), (4e12, "4e+12"), (0.0, "0"), (math.nan, "nan"), (-math.inf, "-inf")],
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_an_infinite_value_says_what_happened():
    assert ranked(math.inf) == "diverged" and ranked(-math.inf, "not finite") == "not finite" and ranked(2.0) == "2"


def test_lists_read_as_in_a_sentence():
    assert listed([]) == "" and listed(["a"]) == "a" and listed(["a", "b", "c"]) == "a, b and c"
    assert listed(list("abcdefgh"), at_most=3) == "a, b and 6 more"


def test_one_run_is_not_runs():
    assert counted(1, "run") == "1 run" and counted(1200, "run") == "1,200 runs"


def test_a_score_close_to_one_is_told_from_one():
    written = ["0", "0.921", "0.99951", "> 0.9999", "1"]
    assert [near_one(score) for score in (0.0, 0.9214, 0.99951, 0.99995, 1.0)] == written


def test_a_baseline_is_called_by_its_answer():
    assert baseline_name("persistence_loss") == "persistence" and baseline_name("last_week_loss") == "last week"
