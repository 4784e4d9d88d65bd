"""Copy, temporal order and parity: targets recomputed symbol by symbol, exact baselines, the papers' criterion."""

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.tasks import TASKS


def one_hot(said, n_classes):
    return np.eye(n_classes, dtype=np.float32)[said]


# Copy


@pytest.mark.parametrize(("length", "n_symbols", "n_kinds"), [(50, 10, 8), (1, 1, 2), (3, 4, 5)])
def test_copy_repeats_the_symbols_after_the_delay(length, n_symbols, n_kinds):
    task = replace(TASKS["copy"](), length=length, n_symbols=n_symbols, n_kinds=n_kinds, n_train=50)
    blank, go = n_kinds, n_kinds + 1
    assert (task.seq_len, task.input_size, task.output_size) == (length + 2 * n_symbols, n_kinds + 2, n_kinds + 1)
    for read, said in zip(*(a.tolist() for a in vars(task.data(0).train).values()), strict=True):
        symbols = read[:n_symbols]
        assert all(0 <= symbol < n_kinds for symbol in symbols)
        assert read[n_symbols:] == [blank] * (length - 1) + [go] + [blank] * n_symbols
        assert said == [blank] * (length + n_symbols) + symbols


def test_the_symbols_to_copy_are_evenly_spread():
    symbols = TASKS["copy"]().data(0).train.inputs[:, :10]
    counts = np.bincount(symbols.ravel(), minlength=8)
    np.testing.assert_allclose(counts, symbols.size / 8, atol=5 * math.sqrt(symbols.size * 7 / 64))


@pytest.mark.parametrize("length", [1, 50, 100, 500])
def test_the_naive_loss_of_copy_is_that_of_the_paper(length):
    task = replace(TASKS["copy"](), length=length, n_train=1, n_eval=1, n_test=1)
    expected = pytest.approx(10 * math.log(8) / (length + 20), rel=1e-15)
    assert task.baselines(task.data(0)) == {"naive_loss": expected, "naive_test_loss": expected}


def test_a_copy_is_right_when_all_symbols_are(look):
    task = replace(TASKS["copy"](), n_test=200)
    data = task.data(0)
    for n_wrong, success in ((1, 1.0), (2, 0.0)):
        said = data.test.targets.copy()
        said[:n_wrong, -3] = (said[:n_wrong, -3] + 1) % 8
        said[-1, 0] = 3  # not a blank, where one is asked for: no symbol
        (finding,) = task.examine([data], look.FakePredictor(lambda x, said=said: one_hot(said, 9)))
        assert finding.metrics == {
            "accuracy": (2000 - n_wrong) / 2000,
            "success_rate": (200 - n_wrong) / 200,
            "success": success,
        }


def test_whole_sequences_of_copy_are_shown_as_symbols(look):
    task = replace(TASKS["copy"](), length=4, n_symbols=3, n_kinds=3)
    data = task.data(0)
    network = look.FakePredictor(lambda x: one_hot(np.full(x.shape, 3), 4))
    (finding,) = task.examine([data], network)
    columns = finding.predictions
    assert len(columns["truth"]) == 200 // 10 * 10
    assert columns["truth"][:10].tolist() == ["_"] * 7 + [str(k) for k in data.test.inputs[0, :3]]
    assert set(columns["predicted"]) == {"_"}
    assert columns["sample"].tolist() == [n // 10 for n in range(200)]
    long = replace(task, length=500)
    (finding,) = long.examine([long.data(0)], network)
    assert len(finding.predictions["truth"]) == 506


# Temporal order


@pytest.mark.parametrize("length", [10, 50, 99])
def test_the_class_is_the_order_of_the_two_rare_symbols(length):
    part = replace(TASKS["temporal_order"](), length=length, n_train=300).data(0).train
    places = [set(), set()]
    for read, answer in zip(part.inputs.tolist(), part.targets.tolist(), strict=True):
        first, second = (t for t, symbol in enumerate(read) if symbol < 2)
        assert ["AA", "AB", "BA", "BB"][answer] == "AB"[read[first]] + "AB"[read[second]]
        places[0].add(first)
        places[1].add(second)
    assert places[0] == set(range(length // 10, 2 * length // 10))
    assert places[1] == set(range(5 * length // 10, 6 * length // 10))
    assert set(part.inputs.ravel().tolist()) == set(range(6))


# Parity


@pytest.mark.parametrize("length", [1, 2, 10])
def test_parity_is_whether_the_ones_are_odd(length):
    part = replace(TASKS["parity"](), length=length, n_train=300).data(0).train
    for bits, answer in zip(part.inputs.tolist(), part.targets.tolist(), strict=True):
        assert answer == "".join(map(str, bits)).count("1") % 2
    assert set(part.inputs.ravel().tolist()) == {0, 1}


# Both


@pytest.mark.parametrize(("name", "n_classes"), [("temporal_order", 4), ("parity", 2)])
def test_classes_are_equally_likely_and_the_naive_answers_say_so(name, n_classes):
    task = replace(TASKS[name](), n_train=20_000)
    counts = Counter(task.data(0).train.targets.tolist())
    for n in range(n_classes):
        p = 1 / n_classes
        assert counts[n] == pytest.approx(20_000 * p, abs=5 * math.sqrt(20_000 * p * (1 - p)))
    assert task.baselines(task.data(0)) == {
        "naive_loss": pytest.approx(math.log(n_classes), rel=1e-15),
        "naive_test_loss": pytest.approx(math.log(n_classes), rel=1e-15),
        "naive_accuracy": 1 / n_classes,
    }


@pytest.mark.parametrize("name", ["temporal_order", "parity"])
def test_success_is_under_one_percent_of_errors_on_the_test_sequences(name, look):
    task = replace(TASKS[name](), n_test=200, n_eval=200)
    data = task.data(0)
    for n_wrong, success in ((0, 1.0), (1, 1.0), (2, 0.0)):
        said = data.test.targets.copy()
        said[:n_wrong] = (said[:n_wrong] + 1) % task.output_size
        network = look.FakePredictor(lambda x, said=said: one_hot(said, task.output_size))
        (finding,) = task.examine([data], network)
        assert finding.metrics["accuracy"] == (200 - n_wrong) / 200
        assert finding.metrics["success"] == success
        assert finding.predictions["predicted"].tolist() == said.tolist()
