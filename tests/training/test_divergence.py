"""The rules of divergence, and the outcome of a run."""

import math

import pytest

from rnnlab.training.divergence import REASONS, judge, outcome

FINE = {"loss": 1.0, "grad_norm": 2.0, "update_norm": 0.1, "loss_limit": 10.0}


def test_a_lane_within_all_limits_has_not_diverged():
    assert judge(**FINE) is None


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("quantity", "reason"), [("loss", "loss"), ("grad_norm", "gradient"), ("update_norm", "weights")]
)
def test_a_quantity_that_is_not_finite_is_a_reason(quantity, reason, value):
    assert judge(**FINE | {quantity: value}) == REASONS[reason]


def test_a_loss_above_its_limit_is_a_reason_and_one_at_the_limit_is_not():
    assert judge(**FINE | {"loss": 10.0}) is None
    assert judge(**FINE | {"loss": math.nextafter(10.0, 11.0)}) == REASONS["limit"]


def test_without_a_limit_any_finite_loss_is_allowed():
    assert judge(**FINE | {"loss": 1e300, "loss_limit": math.inf}) is None
    assert judge(**FINE | {"loss": math.inf, "loss_limit": math.inf}) == REASONS["loss"]


def test_the_first_cause_is_named():
    order = ["loss", "limit", "gradient", "weights"]
    bad = {"loss": {"loss": math.nan}, "limit": {"loss": 11.0}, "gradient": {"grad_norm": math.inf}}
    bad["weights"] = {"update_norm": math.nan}
    for n, first in enumerate(order):
        everything_later = {}
        for reason in reversed(order[n:]):
            everything_later |= bad[reason]
        assert judge(**FINE | everything_later) == REASONS[first]


@pytest.mark.parametrize(
    ("eval_loss", "expected"),
    [(0.0, "learned"), (0.89, "learned"), (0.9, "not_learned"), (1.0, "not_learned"), (5.0, "not_learned")],
)
def test_learned_means_better_than_the_naive_answer_by_the_margin(eval_loss, expected):
    assert outcome(False, eval_loss, naive_loss=1.0, margin=0.1) == expected


@pytest.mark.parametrize("eval_loss", [math.nan, math.inf])
def test_a_loss_that_is_no_number_has_not_learned(eval_loss):
    assert outcome(False, eval_loss, 1.0, 0.1) == "not_learned"


@pytest.mark.parametrize("eval_loss", [0.0, math.nan])
def test_the_outcome_of_a_diverged_run_does_not_depend_on_its_loss(eval_loss):
    assert outcome(True, eval_loss, 1.0, 0.1) == "diverged"


def test_a_margin_of_0_asks_for_any_improvement():
    assert outcome(False, 0.999, 1.0, 0.0) == "learned"
    assert outcome(False, 1.0, 1.0, 0.0) == "not_learned"
