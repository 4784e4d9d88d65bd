"""What a record says beside what follows from its config."""

import json

import pytest

from rnnlab.sweep.provenance import command, provenance


def test_provenance_says_when_where_and_with_what():
    noted = provenance()
    assert {"finished", "host", "python", "torch", "numpy", "rnnlab", "command"} <= noted.keys()
    json.dumps(noted, allow_nan=False)


@pytest.mark.parametrize(
    "arguments, typed",
    [
        (["/somewhere/bin/rnnlab", "-m", "seed=range(3)", "question=a b"], "rnnlab -m 'seed=range(3)' 'question=a b'"),
        (["/somewhere/rnnlab/__main__.py", "seed=1"], "python -m rnnlab seed=1"),
        (["my_sweep.py"], "my_sweep.py"),
    ],
)
def test_a_command_can_be_typed_again(monkeypatch, arguments, typed):
    monkeypatch.setattr("sys.argv", arguments)
    assert command() == typed
