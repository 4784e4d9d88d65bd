"""Adding and multiplication: answers recomputed number by number, exact baselines, the papers' criterion."""

from dataclasses import replace

import numpy as np
import pytest

from rnnlab.tasks import TASKS

ANSWERS = {"adding": lambda a, b: a + b, "multiplication": lambda a, b: a * b}
every_operation = pytest.mark.parametrize("name", ANSWERS)


@every_operation
@pytest.mark.parametrize("length", [2, 3, 50])
def test_the_target_follows_from_the_two_marked_numbers(name, length):
    part = replace(TASKS[name](), length=length, n_train=200).data(0).train
    for sequence, (target,) in zip(part.inputs, part.targets.tolist(), strict=True):
        numbers, marks = sequence.T
        assert set(marks.tolist()) <= {0.0, 1.0}
        first, second = np.flatnonzero(marks)
        assert first < length // 2 <= second
        assert target == pytest.approx(ANSWERS[name](float(numbers[first]), float(numbers[second])), rel=1e-6)


@every_operation
def test_numbers_are_uniform_and_marks_anywhere_in_their_half(name):
    part = replace(TASKS[name](), length=10, n_train=20_000).data(0).train
    numbers = part.inputs[:, :, 0]
    assert (numbers >= 0).all()
    assert (numbers < 1).all()
    assert numbers.mean() == pytest.approx(0.5, abs=5 / np.sqrt(12 * numbers.size))
    counts = part.inputs[:, :, 1].sum(axis=0)
    np.testing.assert_allclose(counts, 4000, atol=5 * np.sqrt(20_000 * 0.2 * 0.8))


@every_operation
def test_the_naive_loss_is_the_variance_of_the_answer(name):
    """By the midpoint rule over the unit square, off by 1 / (12 n^2) or so."""
    grid = (np.arange(1000) + 0.5) / 1000
    answers = ANSWERS[name](grid[:, None], grid[None, :])
    task = TASKS[name]()
    variance = pytest.approx(answers.var(), rel=1e-5)
    assert task.baselines(task.data(0)) == {"naive_loss": variance, "naive_test_loss": variance}


def test_the_naive_losses_are_the_exact_ones():
    """1/6 = 0.16667; two papers print 0.1767."""
    for name, expected in {"adding": 0.16667, "multiplication": 0.04861}.items():
        task = TASKS[name]()
        assert task.baselines(task.data(0))["naive_loss"] == pytest.approx(expected, abs=5e-6)


@every_operation
def test_an_answer_is_right_within_004_and_a_network_with_99_of_a_hundred(name, look):
    task = replace(TASKS[name](), n_test=200)
    data = task.data(0)
    for n_wrong, success in ((0, 1.0), (1, 1.0), (2, 0.0), (200, 0.0)):
        said = data.test.targets + np.float32(0.0395)
        said[:n_wrong] += np.float32(0.001)
        (finding,) = task.examine([data], look.FakePredictor(lambda x, said=said: said))
        mse = ((200 - n_wrong) * 0.0395**2 + n_wrong * 0.0405**2) / 200
        assert finding.metrics == {
            "mse": pytest.approx(mse, rel=1e-4),
            "success_rate": (200 - n_wrong) / 200,
            "success": success,
        }


@every_operation
def test_what_is_shown_stands_in_the_order_of_the_right_answers(name, look):
    task = TASKS[name]()
    data = task.data(0)
    (finding,) = task.examine([data], look.FakePredictor(lambda x: 2 * data.test.targets))
    columns = finding.predictions
    assert columns["truth"].tolist() == sorted(data.test.targets[:200, 0].tolist())
    np.testing.assert_array_equal(columns["one_step"], 2 * columns["truth"])
    assert columns["t"].tolist() == list(range(200))
    assert np.isnan(columns["closed_loop"]).all()


def test_a_diverged_network_is_wrong_without_a_warning(look):
    task = TASKS["adding"]()
    said = np.full((1000, 1), np.inf, np.float32)
    said[0] = np.nan
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: said))
    assert np.isnan(finding.metrics["mse"])
    assert (finding.metrics["success_rate"], finding.metrics["success"]) == (0.0, 0.0)
