"""The rule that says whether a run has diverged at an update."""

import math

import pytest

from rnnlab.nets.divergence import REASONS, judge

FINE = {"loss": 1.0, "grad_norm": 2.0, "largest_update": 0.1, "loss_limit": 10.0}
NUMBERS = {"loss": 1, "limit": 2, "gradient": 3, "weights": 4}


def test_a_lane_within_all_limits_has_not_diverged():
    assert judge(**FINE) == 0


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    ("quantity", "reason"), [("loss", "loss"), ("grad_norm", "gradient"), ("largest_update", "weights")]
)
def test_a_quantity_that_is_not_finite_is_a_reason(quantity, reason, value):
    assert judge(**FINE | {quantity: value}) == NUMBERS[reason]


def test_a_loss_above_its_limit_is_a_reason_and_one_at_the_limit_is_not():
    assert judge(**FINE | {"loss": 10.0}) == 0
    assert judge(**FINE | {"loss": math.nextafter(10.0, 11.0)}) == NUMBERS["limit"]


def test_without_a_limit_any_finite_loss_is_allowed():
    assert judge(**FINE | {"loss": 1e300, "loss_limit": math.inf}) == 0
    assert judge(**FINE | {"loss": math.inf, "loss_limit": math.inf}) == NUMBERS["loss"]


def test_the_first_cause_is_named():
    order = ["loss", "limit", "gradient", "weights"]
    bad = {"loss": {"loss": math.nan}, "limit": {"loss": 11.0}, "gradient": {"grad_norm": math.inf}}
    bad["weights"] = {"largest_update": math.nan}
    for n, first in enumerate(order):
        everything_later = {}
        for reason in reversed(order[n:]):
            everything_later |= bad[reason]
        assert judge(**FINE | everything_later) == NUMBERS[first]


def test_every_number_has_its_words():
    assert len(REASONS) == 5
    for word, number in {"loss": 1, "naive": 2, "gradient": 3, "weights": 4}.items():
        assert word in REASONS[number]
    assert REASONS[0] == ""
