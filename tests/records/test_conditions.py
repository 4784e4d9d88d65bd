"""Conditions on runs, as they are typed."""

import pytest

from rnnlab.options import ConfigError
from rnnlab.records.conditions import check, is_condition, meet, parse

ROWS = [
    {"task.name": "sines", "cell.activation": "relu", "cell.bias": True, "training.steps": 1000, "x.decay": None},
    {"task.name": "sines", "cell.activation": "tanh", "cell.bias": False, "training.steps": 3000, "test_loss": 0.5},
    {"task.name": "copy", "cell.activation": "gelu", "cell.bias": True, "training.steps": 1e-3, "x.list": '["a", "b"]'},
]


@pytest.mark.parametrize(
    ("words", "met"),
    [
        (["cell.activation=relu"], [0]),
        (["cell.activation=relu,gelu"], [0, 2]),
        (["cell.activation!=relu"], [1, 2]),
        (["cell.activation!=relu,tanh"], [2]),
        (["task=sines"], [0, 1]),
        (["task.name=sines", "training.steps>1000"], [1]),
        (["training.steps>=1000"], [0, 1]),
        (["training.steps<1000"], [2]),
        (["training.steps<=1e3"], [0, 2]),
        (["training.steps=1000.0"], [0]),
        (["training.steps=.001"], [2]),
        (["cell.bias=true"], [0, 2]),
        (["cell.bias=1"], []),
        (["x.decay=null"], [0, 1, 2]),  # without the setting as with a null
        (["test_loss=null"], [0, 2]),
        (["x.decay!=null"], []),
        (['x.list=["a", "b"]'], [2]),
        (["test_loss<1"], [1]),
        (["test_loss!=0.5"], [0, 2]),
        ([" cell.activation = relu "], [0]),
        ([], [0, 1, 2]),
    ],
)
def test_a_condition_holds_of_these_runs(words, met):
    conditions = list(map(parse, words))
    assert [n for n, row in enumerate(ROWS) if meet(row, conditions)] == met


@pytest.mark.parametrize("word", ["=relu", "relu", "cell.activation=", "a b=3", "training.steps>many", "steps>", ""])
def test_what_is_no_condition_is_refused_with_what_is_one(word):
    with pytest.raises(ConfigError, match=r"KEY=VALUE|is no number"):
        parse(word)


@pytest.mark.parametrize(
    ("word", "complaint"),
    [
        ("cell.activatoin=relu", "no such key in any run of the sweep .did you mean 'cell.activation'?"),
        ("cell.activation=rleu", "no run has 'rleu'; there is relu, tanh, gelu .did you mean 'relu'?"),
        ("cell.activation=relu,rleu", "no run has 'rleu'"),
    ],
)
def test_what_no_run_has_is_pointed_out(word, complaint):
    with pytest.raises(ConfigError, match=complaint):
        check([parse(word)], ROWS)


def test_a_number_that_no_run_has_may_be_a_limit():
    check([parse("training.steps>2000")], ROWS)


def test_names_of_runs_are_no_conditions():
    assert not is_condition("sines-rnn-tanh-s0-9b49518d79a7")
    assert all(map(is_condition, ("a=b", "a!=b", "a>1", "a<=1")))
