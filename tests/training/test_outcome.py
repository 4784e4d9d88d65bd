"""The outcome of a finished run."""

import math

import pytest

from rnnlab.training.outcome import outcome


@pytest.mark.parametrize(
    ("test_loss", "expected"),
    [(0.0, "learned"), (0.89, "learned"), (0.9, "not_learned"), (1.0, "not_learned"), (5.0, "not_learned")],
)
def test_learned_means_better_than_the_naive_answer_by_the_margin(test_loss, expected):
    assert outcome(False, test_loss, naive_test_loss=1.0, margin=0.1) == expected


@pytest.mark.parametrize("test_loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_has_not_learned(test_loss):
    assert outcome(False, test_loss, 1.0, 0.1) == "not_learned"


@pytest.mark.parametrize("test_loss", [0.0, math.nan])
def test_the_outcome_of_a_diverged_run_does_not_depend_on_its_loss(test_loss):
    assert outcome(True, test_loss, 1.0, 0.1) == "diverged"


def test_a_margin_of_0_asks_for_any_improvement():
    assert outcome(False, 0.999, 1.0, 0.0) == "learned"
    assert outcome(False, 1.0, 1.0, 0.0) == "not_learned"
