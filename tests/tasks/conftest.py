"""What the tests of all families share: networks whose answers are known, and looks at data."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from rnnlab.options import ConfigError
from rnnlab.testing.tasks import Answering, blank_network, same, splits


def refusal(task):
    """The one line in which a task is refused."""
    with pytest.raises(ConfigError) as caught:
        task.fingerprinted().check()
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture(scope="session")
def look():
    """look.FakePredictor, look.blank_network, look.splits, look.same, look.refusal"""
    return SimpleNamespace(
        FakePredictor=Answering, blank_network=blank_network, splits=splits, same=same, refusal=refusal
    )
