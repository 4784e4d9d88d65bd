"""Options: what is allowed, and the one line that says so."""

import math
from dataclasses import dataclass

import pytest

from rnnlab.options import ConfigError, check, check_choice, choice, number


@dataclass(frozen=True)
class Example:
    rate: float = number(0.1, above=0)
    share: float = number(0.5, at_least=0, below=1)
    slope: float = number(0.0)
    most: int = number(3, at_most=9)
    clip: float | None = number(None, above=0)
    kind: str = choice("rnn", ("rnn", "memoryless"))
    free: str = "anything"


def complaint(**values):
    with pytest.raises(ConfigError) as caught:
        check(Example(**values), "section")
    return str(caught.value)


@pytest.mark.parametrize(
    "values",
    [{}, {"rate": 1e-300}, {"share": 0}, {"share": 0.999}, {"slope": -1e300}, {"most": 9}, {"clip": 2.0}, {"free": ""}],
    ids=str,
)
def test_allowed_values_pass(values):
    check(Example(**values), "section")


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"rate": 0}, "section.rate: 0; must be a finite number above 0"),
        ({"rate": -0.5}, "section.rate: -0.5; must be a finite number above 0"),
        ({"rate": math.nan}, "section.rate: nan; must be a finite number above 0"),
        ({"rate": math.inf}, "section.rate: inf; must be a finite number above 0"),
        ({"share": -1e-9}, "section.share: -1e-09; must be a finite number at least 0 and below 1"),
        ({"share": 1}, "section.share: 1; must be a finite number at least 0 and below 1"),
        ({"slope": math.nan}, "section.slope: nan; must be a finite number"),
        ({"slope": -math.inf}, "section.slope: -inf; must be a finite number"),
        ({"most": 10}, "section.most: 10; must be a finite number at most 9"),
        ({"clip": 0.0}, "section.clip: 0.0; must be a finite number above 0"),
        ({"kind": "lstm"}, "section.kind: unknown 'lstm'; one of rnn, memoryless"),
    ],
    ids=str,
)
def test_a_value_that_is_not_allowed_is_named_with_its_key_and_what_is(values, expected):
    assert complaint(**values) == expected


def test_a_near_miss_is_pointed_out():
    assert complaint(kind="memoryles") == (
        "section.kind: unknown 'memoryles'; one of rnn, memoryless (did you mean 'memoryless'?)"
    )


@pytest.mark.parametrize("value", [None, 3, ["rnn"]], ids=repr)
def test_a_choice_that_is_no_word_at_all_is_refused(value):
    with pytest.raises(ConfigError, match="one of a, b"):
        check_choice("key", value, ("a", "b"))


def test_the_first_field_that_is_wrong_is_named():
    assert complaint(share=2, rate=-1).startswith("section.rate")


def test_every_complaint_is_one_line():
    assert "\n" not in complaint(kind="r\nn")


def test_a_config_error_is_a_value_error():
    assert issubclass(ConfigError, ValueError)
