import itertools

import pytest

from rnnlab.report.judging.conditions import design_of
from rnnlab.report.judging.shape import shape_of
from rnnlab.report.reading.read import read_study

RATES, SIZES = (0.01, 0.1, 1.0), (8, 16, 32)


@pytest.mark.parametrize(
    ("swept", "tuned", "expected"),
    [
        ({}, False, "strips"),
        ({"optimizer__learning_rate": RATES}, True, "strips"),  # each at the rate chosen for it
        ({"optimizer__learning_rate": RATES}, False, "line"),
        ({"cell__hidden_size": SIZES}, False, "line"),
        ({"cell__bias": (True, False)}, False, "strips"),  # two panels
        ({"optimizer__learning_rate": RATES, "cell__hidden_size": SIZES}, True, "map"),
        ({"cell__bias": ("a", "b", "c"), "readout__bias": (True, False)}, False, "effects"),
        ({"optimizer__learning_rate": RATES, "cell__hidden_size": SIZES, "cell__bias": (True, False)}, True, "effects"),
    ],
)
def test_the_first_picture_follows_from_what_was_swept(build, tmp_path, swept, tuned, expected):
    records = [
        build.record("sines", activation, 0, **dict(zip(swept, values, strict=True)))
        for activation in ("tanh", "relu") for values in itertools.product(*swept.values())
    ]  # fmt: skip
    assert shape_of(design_of(read_study(build.runs(tmp_path, records)).members), tuned) == expected
