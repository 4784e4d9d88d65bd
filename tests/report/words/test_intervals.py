import math

import pytest

from rnnlab.report.words.intervals import Unit, level_words, p_words, unit_of_claim, value_words

INF, ABOVE = math.inf, math.nextafter(0.0, 1.0)


@pytest.mark.parametrize(
    ("ends", "said"),
    [
        ((-0.25, 0.5), "-0.25 to 0.5"),
        ((ABOVE, 0.5), "above 0 to 0.5"),
        ((-0.5, -ABOVE), "-0.5 to below 0"),
        ((-INF, 3.0), "at most 3"),
        ((3.0, INF), "at least 3"),
        ((ABOVE, INF), "above 0"),
        ((-INF, -ABOVE), "below 0"),
        ((-INF, INF), "no bound"),
        ((-INF, -INF), "unbounded below"),
    ],
)
def test_an_interval_is_said_by_its_ends(ends, said):
    assert Unit().interval(ends) == said


def test_differences_of_shares_are_percentage_points_and_shares_percent():
    assert unit_of_claim("diverged", alone=False)(0.2) == "20 percentage points"
    assert unit_of_claim("accuracy", alone=False)(0.01) == "1 percentage point"
    assert unit_of_claim("accuracy", alone=False).interval((ABOVE, 0.5)) == "above 0 to 50"
    assert unit_of_claim("accuracy", alone=True).interval((0.1, 0.5)) == "10% to 50%"
    assert unit_of_claim("score", alone=False)(-0.003) == "-0.003"
    assert unit_of_claim("updates", alone=False)(-INF) == "unbounded below"


def test_values_levels_and_p_values_keep_the_digits_that_matter():
    assert value_words(0.996, "score") == "0.9960" and value_words(0.865, "accuracy") == "86.5%"
    assert value_words(INF, "eval_loss") == "diverged"
    assert level_words(0.95) == "95% interval" and level_words(0.99995) == "99.995% interval"
    assert p_words(0.012) == "p = 0.012" and p_words(1e-5) == "p < 0.0001"
