"""What the tests of all families share: networks whose answers are known, and looks at data."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from rnnlab.options import ConfigError


class FakePredictor:
    """Networks whose answers are known: of lane n, what `answer` makes of its inputs, plus n.

    forecast: what the closed loop says, before n is added."""

    def __init__(self, answer, forecast=None):
        self.answer, self.forecast, self.asked = answer, forecast, []

    def outputs(self, inputs):
        return np.stack([self.answer(lane) + np.float32(n) for n, lane in enumerate(inputs)])

    def closed_loop(self, windows, steps):
        self.asked.append((windows, steps))
        return np.stack([self.forecast[:steps, None] + np.float32(n) for n in range(len(windows))])


def blank_network(task):
    """A network that says zero, whatever it is asked."""

    def answer(inputs):
        steps = inputs.shape[1:2] if task.answers == "every" else ()
        return np.zeros((len(inputs), *steps, task.output_size), np.float32)

    return FakePredictor(answer, np.zeros(5000, np.float32))


def splits(data):
    return {"train": data.train, "eval": data.eval, "test": data.test}


def same(one, other):
    return all(
        np.array_equal(a.inputs, b.inputs) and np.array_equal(a.targets, b.targets)
        for a, b in zip(splits(one).values(), splits(other).values(), strict=True)
    )


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
        FakePredictor=FakePredictor, blank_network=blank_network, splits=splits, same=same, refusal=refusal
    )
