"""The digits: every image once, the naive answers, and what is said of known answers."""

import math

import numpy as np
import pytest
import sklearn.datasets

from rnnlab.tasks import TASKS


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"]().data(0)


def test_digits_are_split_into_1197_300_and_300_images(digits, look):
    assert [len(part) for part in look.splits(digits).values()] == [1197, 300, 300]


def test_every_image_is_in_one_split_with_its_label(digits, look):
    images, labels = sklearn.datasets.load_digits(return_X_y=True)

    def counted(pairs):
        return sorted((tuple(image), label) for image, label in pairs)

    ours = [
        (np.rint(image.ravel() * 16).astype(int).tolist(), int(label))
        for part in look.splits(digits).values()
        for image, label in zip(part.inputs, part.targets, strict=True)
    ]
    theirs = [(image.astype(int).tolist(), int(label)) for image, label in zip(images, labels, strict=True)]
    assert counted(ours) == counted(theirs)


def test_pixels_lie_between_0_and_1_and_rows_are_steps(digits):
    assert (digits.train.inputs.min(), digits.train.inputs.max()) == (0, 1)
    images, _ = sklearn.datasets.load_digits(return_X_y=True)
    first = digits.train.inputs[0]
    assert any(np.array_equal(first, (image / 16).astype(np.float32).reshape(8, 8)) for image in images)


def test_the_split_of_the_digits_depends_on_no_seed(digits, look):
    assert look.same(digits, TASKS["digits"]().data(12345))


def test_every_class_is_in_every_split(digits, look):
    for part in look.splits(digits).values():
        assert np.bincount(part.targets, minlength=10).min() >= 15


def test_the_naive_answers_of_the_digits_are_class_frequency_and_majority(digits, look):
    train, on_eval, on_test = (part.targets.tolist() for part in look.splits(digits).values())
    counts = [train.count(label) + 1 for label in range(10)]
    losses = [-math.log(counts[label] / sum(counts)) for label in on_eval]
    majority = counts.index(max(counts))
    naive = TASKS["digits"]().baselines(digits)
    assert naive["naive_loss"] == pytest.approx(sum(losses) / 300, rel=1e-12)
    assert naive["naive_accuracy"] == on_test.count(majority) / 300


def test_accuracy_is_the_share_of_right_answers(digits, look):
    """The fake network knows every image but those with an odd sum of pixels, which it calls a 3."""
    label_of = {
        image.tobytes(): label
        for part in look.splits(digits).values()
        for image, label in zip(part.inputs, part.targets, strict=True)
    }

    def says(image):
        return 3 if round(float(image.sum()) * 16) % 2 else label_of[image.tobytes()]

    def answer(images):
        return np.eye(10, dtype=np.float32)[[says(image) for image in images]]

    (finding,) = TASKS["digits"]().examine([digits], look.FakePredictor(answer))
    for metric, part in (("accuracy", digits.test), ("eval_accuracy", digits.eval)):
        right = [says(image) == label for image, label in zip(part.inputs, part.targets, strict=True)]
        assert finding.metrics[metric] == sum(right) / 300
        assert 0.4 < finding.metrics[metric] < 0.7
    columns = finding.predictions
    assert columns["index"].tolist() == list(range(300))
    assert columns["label"].tolist() == digits.test.targets.tolist()
    assert columns["predicted"].tolist() == [says(image) for image in digits.test.inputs]
    assert (columns["output"] == 1).all()


def test_outputs_of_nan_are_read_as_the_first_class_as_keras_does(digits, look):
    network = look.FakePredictor(lambda x: np.full((len(x), 10), np.nan, np.float32))
    (finding,) = TASKS["digits"]().examine([digits], network)
    assert (finding.predictions["predicted"] == 0).all()
