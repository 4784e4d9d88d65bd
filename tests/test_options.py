"""Options: what is allowed, and the one line that says so."""

import math
from dataclasses import dataclass, fields

import pytest

from rnnlab.options import (
    ConfigError,
    When,
    check,
    check_choice,
    choice,
    did_you_mean,
    in_one_line,
    member,
    number,
    option,
    rule_of,
    shown,
)


@dataclass(frozen=True)
class Example:
    rate: float = number(0.1, above=0)
    share: float = number(0.5, at_least=0, below=1)
    slope: float = number(0.0)
    most: int = number(3, at_most=9)
    clip: float | None = number(None, above=0)
    kind: str = choice("rnn", ("rnn", "memoryless"))
    free: str = "anything"


@dataclass(frozen=True)
class Leaky:
    slope: float = number(0.01, at_most=1)


@dataclass(frozen=True)
class Holder:
    phi: object = member("leaky", {"leaky": Leaky})
    gate_phi: object = member("leaky", {"leaky": Leaky}, prefix="gate_")


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


def test_a_choice_is_looked_up_when_it_is_checked():
    """Whatever was registered since the class was defined."""
    registry = {"tanh": 1}

    @dataclass(frozen=True)
    class Live:
        kind: str = choice("tanh", registry)
        other: str | None = choice(None, lambda: sorted(registry))

    with pytest.raises(ConfigError, match=r"unknown 'mine'; one of tanh$"):
        check(Live("mine", "mine"), "cell")
    registry["mine"] = 2
    check(Live("mine", "mine"), "cell")
    with pytest.raises(ConfigError, match=r"cell.other: unknown 'mime'; one of mine, tanh \(did you mean 'mine'\?\)"):
        check(Live(other="mime"), "cell")


def test_a_member_is_by_default_the_one_that_is_named():
    assert Holder() == Holder(Leaky(0.01), Leaky(0.01))


def test_the_fields_of_a_member_are_checked_under_the_names_that_people_type():
    check(Holder(Leaky(1.0), Leaky(-5.0)), "cell")
    for holder, key in ((Holder(phi=Leaky(2.0)), "cell.slope"), (Holder(gate_phi=Leaky(2.0)), "cell.gate_slope")):
        with pytest.raises(ConfigError, match=f"^{key}: 2.0; must be a finite number at most 1$"):
            check(holder, "cell")


def test_a_field_says_what_it_means_and_when_it_acts():
    deep = When(("cell.num_layers",), lambda n: n >= 2)

    @dataclass(frozen=True)
    class Stated:
        rate: float = number(0.0, about="between layers", acts=[deep])
        flag: bool = option(True, about="whether")
        plain: str = "anything"

    rules = {f.name: rule_of(f) for f in fields(Stated)}
    assert (rules["rate"].about, rules["rate"].acts) == ("between layers", (deep,))
    assert (rules["flag"].about, rules["flag"].acts) == ("whether", ())
    assert (rules["plain"].about, rules["plain"].bounds, rules["plain"].allowed) == ("", None, None)
    check(Stated(flag=False, plain=""), "section")


def test_a_word_like_none_of_the_known_ones_gets_no_hint():
    assert did_you_mean("xyz", ["tanh", "relu"]) == ""
    assert did_you_mean("rleu", ["tanh", "relu"]) == " (did you mean 'relu'?)"
    assert did_you_mean("ReLU", ["tanh", "relu"]) == " (did you mean 'relu'?)"
    assert did_you_mean("open", ["Open", "Close"]) == " (did you mean 'Open'?)"


def test_a_message_is_one_line_of_at_most_600_letters_and_keeps_both_ends():
    assert in_one_line("a\n  b\tc\x1b[0m") == "a b c [0m"
    assert in_one_line("x" * 600) == "x" * 600
    long = in_one_line(f"begin {'x' * 5000} end")
    assert len(long) == 600
    assert long.startswith("begin xxx") and long.endswith("xxx end") and " ... " in long


def test_a_value_that_is_long_or_deep_is_shown_in_part():
    deep = []
    deep.append(deep)
    assert len(shown("x" * 10_000)) <= 80
    assert len(shown(10**4000)) <= 80
    assert len(shown(deep)) <= 80
    assert shown("relu") == "'relu'"
