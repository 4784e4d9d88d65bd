import pytest

from rnnlab.report.findings.marks import legend, marked

JUDGED = {"judgement": "supported", "is": "higher", "than": "", "by": "0", "margin": "0.05", "chosen": "",
          "estimate": "0.2", "low": "0.1", "high": "0.3", "rare_low": "0.1", "rare_high": "0.3"}  # fmt: skip
LEAST = "4.94066e-324"


@pytest.mark.parametrize(
    ("entries", "marks"),
    [
        ({}, ""),
        ({"rare_low": "-0.1"}, " ¹"),
        ({"rare_low": "0.01"}, ""),
        ({"rare_low": "-0.1", "judgement": "undecided"}, ""),
        ({"is": "lower", "judgement": "refuted", "rare_low": "-0.1"}, " ¹"),
        ({"is": "lower", "rare_high": "0.4"}, " ¹"),
        ({"is": "higher", "than": "0.5", "estimate": "0.9", "low": "0.6", "high": "1", "rare_low": "0.4"}, " ¹"),
        ({"by": "0.08", "rare_low": "0.09"}, ""),
        ({"chosen": "optimizer.learning_rate=0.1 (at the edge)"}, " ²"),
        ({"estimate": "-0.04"}, " ³"),
        ({"estimate": "-0.04", "margin": ""}, ""),
        ({"estimate": "0.04", "rare_low": "-1", "chosen": "a=1 (at the edge); a=2"}, " ¹ ² ³"),
    ],
)
def test_a_verdict_has_the_marks_of_what_one_must_know(entries, marks):
    row = JUDGED | entries
    assert marked("verdict", [JUDGED, row]) == f"verdict{marks}"
    assert all(mark in legend([row]) for mark in marks.split()) and bool(legend([row])) == bool(marks)


def test_an_interval_that_ends_just_above_zero_is_explained():
    assert legend([JUDGED | {"low": LEAST}]).startswith('An interval that ends at "above 0" or "below 0" excludes 0')
    assert legend([JUDGED]) == ""
