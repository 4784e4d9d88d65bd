"""Python values as overrides: Hydra's parser reads back what was given."""

import math
from pathlib import Path

import numpy as np
import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser

from rnnlab.hydra.overrides import as_overrides
from rnnlab.options import ConfigError

TEXTS = ["relu", "a b", "", "it's", "a\\", "a\\'b", "x\\\\'", "'", "\\", "null", "True", "INF", "3", "1e5", "range(3)"]
TEXTS += [
    "a,b",
    "[1]",
    "{a: b}",
    "ä ö",
    "a\nb",
    "\t",
    "${study}",
    "=",
    "#",
    "a:b",
    "my-study.1",
    "C:\\a\\b",
    "/tmp/x y/z.csv",
]
NUMBERS = [0, -3, True, False, None, 1e-5, 0.1, 1e22, -0.0, math.inf, 2**60]
LISTS = [[], [1, "a b", None], [[1, 2], ["x"]], [{"says": "x, y", "of": {"cell.activation": "relu"}}]]


def read(text, sweep=False):
    override = OverridesParser.create().parse_override(text)
    values = [getattr(value, "text", value) for value in override.sweep_iterator()] if sweep else []  # of quoted text
    return values if sweep else override.value()


@pytest.mark.parametrize("value", [*TEXTS, *NUMBERS, *LISTS], ids=repr)
def test_hydra_reads_a_value_back_as_it_was(value):
    (text,) = as_overrides({"key": value})
    found = read(text)
    assert (found, type(found)) == (value, type(value))


def test_a_word_needs_no_quotes():
    assert as_overrides({"task": "sines", "study": "my-study.1"}) == ["task=sines", "study=my-study.1"]


def test_paths_and_what_is_numpys_become_pythons_own():
    values = {"a": Path("x/y.csv"), "b": np.float64(0.25), "c": np.int64(3), "d": np.arange(2), "e": (1, 2)}
    assert [read(text) for text in as_overrides(values)] == ["x/y.csv", 0.25, 3, [0, 1], [1, 2]]


def test_keys_have_dots_or_are_nested_and_a_group_is_chosen_before_its_options():
    nested = {"cell": {"activation": "relu", "hidden_size": 3, "name": "gru"}, "training.steps": 5, "study": "mine"}
    assert as_overrides(nested) == [
        "cell=gru",
        "cell.activation=relu",
        "cell.hidden_size=3",
        "training.steps=5",
        "study=mine",
    ]


def test_in_a_sweep_a_list_a_range_and_an_array_are_swept():
    axes = {
        "cell": {"activation": ["tanh", "re lu"]},
        "seed": range(20),
        "b": np.logspace(-2, 0, 3),
        "c": [[1, 2], [3]],
    }
    found = as_overrides(axes, sweep=True)
    assert found[:2] == ["cell.activation=tanh,'re lu'", "seed=range(20)"]
    assert [read(text, sweep=True) for text in found] == [
        ["tanh", "re lu"],
        list(range(20)),
        [0.01, 0.1, 1.0],
        [[1, 2], [3]],
    ]
    assert as_overrides({"seed": range(9, 3, -2), "a": ["x"]}, sweep=True) == ["seed=range(9,3,-2)", "a=x"]
    assert read("seed=range(9,3,-2)", sweep=True) == list(range(9, 3, -2))


def test_in_a_sweep_too_claims_are_one_value():
    claims = [{"says": "x", "than": 0.5}]
    (text,) = as_overrides({"claims": claims}, sweep=True)
    assert read(text) == claims


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"task.file": object()}, ["task.file", "object", "must be text, a number"]),
        ({"cell": {"sizes": [1, {2}]}}, ["cell.sizes", "{2}"]),
        ({3: 4}, ["3", "must be text"]),
        ({"cell": {None: 4}}, ["cell.None", "must be text"]),
    ],
)
def test_what_is_no_option_is_refused_with_its_key(values, parts):
    with pytest.raises(ConfigError) as refusal:
        as_overrides(values)
    assert all(part in str(refusal.value) for part in parts)


def test_an_axis_without_values_is_refused():
    with pytest.raises(ConfigError, match=r"cell.activation: \[\]; must have at least one value"):
        as_overrides({"cell.activation": []}, sweep=True)
