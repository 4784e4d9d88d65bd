"""Tasks: data from a seed, targets and naive losses recomputed naively, and what is said of known answers."""

import math
from dataclasses import FrozenInstanceError, dataclass, replace

import numpy as np
import pytest
import sklearn.datasets

from rnnlab.options import ConfigError
from rnnlab.records import TaskFacts
from rnnlab.tasks import TASKS, Task, register
from rnnlab.tasks.curves import Curve

CURVES = {"sines": lambda t: math.sin(t) + math.sin(2 * t), "sinc": lambda t: math.sin(t) / t if t else 1.0}
SHIFTS = {"train": 0.0, "eval": 0.5, "test": 0.25}  # of a step between two points
every_task = pytest.mark.parametrize("name", TASKS)
every_curve = pytest.mark.parametrize("name", CURVES)


def splits(data):
    return {"train": data.train, "eval": data.eval, "test": data.test}


def same(one, other):
    return all(
        np.array_equal(a.inputs, b.inputs) and np.array_equal(a.targets, b.targets)
        for a, b in zip(splits(one).values(), splits(other).values(), strict=True)
    )


class FakePredictor:
    """Networks whose answers are known: of lane n, what `answer` makes of its inputs, plus n."""

    def __init__(self, answer, forecast=None):
        self.answer, self.forecast, self.asked = answer, forecast, []

    def outputs(self, inputs):
        return np.stack([self.answer(lane) + np.float32(n) for n, lane in enumerate(inputs)])

    def closed_loop(self, windows, steps):
        self.asked.append((windows, steps))
        return np.stack([self.forecast[:steps, None] + np.float32(n) for n in range(len(windows))])


# The contract, over every task


def test_the_tasks_of_the_study_are_there():
    assert set(TASKS) >= {"sines", "sinc", "digits"}


@every_task
def test_data_have_the_stated_shapes_and_types(name):
    task = TASKS[name]()
    for part in splits(task.data(0)).values():
        n = len(part)
        assert n > 0
        assert part.inputs.shape == (n, task.seq_len, task.input_size)
        assert part.inputs.dtype == np.float32
        assert np.isfinite(part.inputs).all()
        shape = (n,) if task.answers == "last" else (n, task.seq_len)
        if task.loss == "mse":
            assert part.targets.shape == (*shape, task.output_size)
            assert part.targets.dtype == np.float32
        else:
            assert part.targets.shape == shape
            assert part.targets.dtype == np.int64
            assert 0 <= part.targets.min() <= part.targets.max() < task.output_size


@every_task
def test_the_stated_size_of_the_training_set_is_true(name):
    task = TASKS[name]()
    assert task.n_train == len(task.data(0).train)


@every_task
def test_the_same_seed_gives_the_same_data(name):
    assert same(TASKS[name]().data(3), TASKS[name]().data(3))


@every_task
def test_the_data_do_not_draw_from_global_generators(name):
    np.random.seed(0)  # noqa: NPY002
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    TASKS[name]().data(1)
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002


@every_task
def test_facts_say_what_a_reader_of_the_record_must_know(name):
    task = TASKS[name]()
    kind = "series" if isinstance(task, Curve) else "classes"
    assert task.facts == TaskFacts(name, task.loss, kind, task.score, task.higher_is_better)


@every_task
def test_the_finding_has_the_score_and_the_columns_of_its_kind(name):
    task = TASKS[name]()
    data = task.data(0)
    size = task.output_size
    network = FakePredictor(lambda x: np.zeros((len(x), size), np.float32), np.zeros(5000, np.float32))
    (finding,) = task.examine([data], network)
    assert task.score in finding.metrics
    columns = {
        "series": ["t", "truth", "one_step", "closed_loop"],
        "classes": ["index", "label", "predicted", "output"],
    }
    assert list(finding.predictions) == columns[task.predictions_kind]
    assert len({len(column) for column in finding.predictions.values()}) == 1


@every_task
def test_the_columns_of_the_predictions_are_those_that_records_describes(name):
    from rnnlab import records

    finding = TASKS[name]().examine(
        [TASKS[name]().data(0)],
        FakePredictor(lambda x: np.zeros((len(x), TASKS[name].output_size), np.float32), np.zeros(5000, np.float32)),
    )[0]
    described = f'"{TASKS[name].predictions_kind}" ({", ".join(finding.predictions)})'
    assert described in " ".join(records.TaskFacts.__doc__.split())


@every_task
def test_options_cannot_be_changed_once_made(name):
    with pytest.raises(FrozenInstanceError):
        TASKS[name]().name = "other"


# The curves


@every_curve
def test_windows_and_targets_are_those_of_the_curve(name):
    task = replace(TASKS[name](), n_points=30, window=4)
    times = [task.start + (task.stop - task.start) * n / 29 for n in range(30)]
    step = times[1] - times[0]
    for split, part in splits(task.data(0)).items():
        series = [CURVES[name](t + SHIFTS[split] * step) for t in times]
        assert len(part) == 26
        for n in range(26):
            np.testing.assert_allclose(part.inputs[n, :, 0], series[n : n + 4], rtol=0, atol=1e-6)
            np.testing.assert_allclose(part.targets[n], series[n + 4], rtol=0, atol=1e-6)


@every_curve
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_another_seed_gives_other_data_exactly_when_there_is_noise(name, noise):
    task = replace(TASKS[name](), noise=noise)
    assert same(task.data(0), task.data(0))
    assert same(task.data(0), task.data(1)) == (noise == 0)


@every_curve
def test_noise_has_the_stated_standard_deviation_on_every_split(name):
    clean, noisy = (replace(TASKS[name](), noise=noise).data(5) for noise in (0.0, 0.3))
    for ours, theirs in zip(splits(clean).values(), splits(noisy).values(), strict=True):
        added = theirs.targets - ours.targets
        n = added.size
        assert added.std() == pytest.approx(0.3, rel=5 / math.sqrt(2 * n))
        assert abs(added.mean()) < 5 * 0.3 / math.sqrt(n)
    assert not np.allclose(noisy.train.targets - clean.train.targets, noisy.eval.targets - clean.eval.targets)


def test_noise_is_one_series_cut_into_windows():
    part = replace(TASKS["sines"](), n_points=30, window=4, noise=0.5).data(0).train
    np.testing.assert_array_equal(part.inputs[1:, :-1], part.inputs[:-1, 1:])
    np.testing.assert_array_equal(part.inputs[1:, -1], part.targets[:-1])


@every_curve
def test_naive_losses_are_those_of_the_mean_and_of_the_last_value(name):
    task = replace(TASKS[name](), noise=0.1)
    data = task.data(2)
    mean = sum(data.train.targets.ravel().tolist()) / len(data.train)
    errors, steps = [], []
    for window, (target,) in zip(data.eval.inputs[:, :, 0].tolist(), data.eval.targets.tolist(), strict=True):
        errors.append((target - mean) ** 2)
        steps.append((target - window[-1]) ** 2)
    naive = task.naive(data)
    assert naive["naive_loss"] == pytest.approx(sum(errors) / len(errors), rel=1e-6)
    assert naive["persistence_loss"] == pytest.approx(sum(steps) / len(steps), rel=1e-5)


def test_sines_is_the_series_of_the_lab():
    task = TASKS["sines"]()
    data = task.data(0)
    assert (len(data.train), task.seq_len, task.input_size, task.output_size) == (2390, 10, 1, 1)
    t = np.linspace(0, 100, 2400)
    y = np.sin(t) + np.sin(2 * t)
    np.testing.assert_array_equal(data.train.targets[:, 0], y[10:].astype(np.float32))
    assert np.square(data.train.targets[:, 0] - data.train.inputs[:, -1, 0]).mean() == pytest.approx(0.00427, abs=5e-6)
    assert task.naive(data)["persistence_loss"] == pytest.approx(0.00427, abs=5e-6)


def test_sinc_is_1_at_0_and_0_at_multiples_of_pi():
    task = replace(TASKS["sinc"](), start=-4 * math.pi, stop=4 * math.pi, n_points=9, window=1)
    series = np.append(task.data(0).train.inputs[:, 0, 0], task.data(0).train.targets[-1])
    np.testing.assert_allclose(series, [0, 0, 0, 0, 1, 0, 0, 0, 0], atol=1e-7)


@pytest.mark.parametrize("forecast_steps", [None, 0, 1, 7])
def test_what_is_said_of_a_forecast_follows_from_the_answers(forecast_steps):
    task = replace(TASKS["sines"](), n_points=30, window=4, noise=0.1, forecast_steps=forecast_steps)
    data = [task.data(seed) for seed in (0, 1)]
    forecast = np.linspace(-1, 1, 26, dtype=np.float32)
    network = FakePredictor(lambda x: x[:, -1], forecast)
    steps = 26 if forecast_steps is None else forecast_steps
    findings = task.examine(data, network)
    ((windows, asked_steps),) = network.asked
    assert asked_steps == steps
    for n, (lane, finding) in enumerate(zip(data, findings, strict=True)):
        np.testing.assert_array_equal(windows[n], lane.train.inputs[0])
        columns = finding.predictions
        np.testing.assert_allclose(columns["t"], np.linspace(0, 100, 30)[4:])
        np.testing.assert_array_equal(columns["truth"], lane.train.targets[:, 0])
        np.testing.assert_array_equal(columns["one_step"], lane.train.inputs[:, -1, 0] + np.float32(n))
        np.testing.assert_array_equal(columns["closed_loop"][:steps], forecast[:steps] + np.float32(n))
        assert np.isnan(columns["closed_loop"][steps:]).all()
        if steps:
            errors = [(f + n - t) ** 2 for f, (t,) in zip(forecast[:steps].tolist(), lane.train.targets, strict=False)]
            assert finding.metrics == {"mse_closed_loop": pytest.approx(sum(errors) / steps, rel=1e-5)}
        else:
            assert finding.metrics == {}


def test_the_forecast_of_a_diverged_network_is_scored_without_a_warning():
    task = replace(TASKS["sines"](), n_points=30, window=4)
    forecast = np.full(26, np.inf, np.float32)
    forecast[0] = np.nan
    (finding,) = task.examine([task.data(0)], FakePredictor(lambda x: x[:, -1], forecast))
    assert math.isnan(finding.metrics["mse_closed_loop"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"window": 30}, "task.window: 30; must be below task.n_points (30)"),
        ({"window": 31}, "the window is longer than its series"),
        ({"stop": 0.0}, "task.stop: 0.0; must be above task.start (0.0)"),
        ({"forecast_steps": 27}, "task.forecast_steps: 27; must be at most 26"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_each_other_are_refused(options, complaint):
    task = replace(TASKS["sines"](), **{"n_points": 30, "window": 4} | options)
    with pytest.raises(ConfigError) as caught:
        task.check()
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_at_the_edge_of_what_fits_pass():
    replace(TASKS["sines"](), n_points=2, window=1).check()
    replace(TASKS["sines"](), n_points=30, window=29, forecast_steps=1).check()


# The digits


@pytest.fixture(scope="module")
def digits():
    return TASKS["digits"]().data(0)


def test_digits_are_split_into_1197_300_and_300_images(digits):
    assert [len(part) for part in splits(digits).values()] == [1197, 300, 300]


def test_every_image_is_in_one_split_with_its_label(digits):
    images, labels = sklearn.datasets.load_digits(return_X_y=True)

    def counted(pairs):
        return sorted((tuple(image), label) for image, label in pairs)

    ours = [
        (np.rint(image.ravel() * 16).astype(int).tolist(), int(label))
        for part in splits(digits).values()
        for image, label in zip(part.inputs, part.targets, strict=True)
    ]
    theirs = [(image.astype(int).tolist(), int(label)) for image, label in zip(images, labels, strict=True)]
    assert counted(ours) == counted(theirs)


def test_pixels_lie_between_0_and_1_and_rows_are_steps(digits):
    assert (digits.train.inputs.min(), digits.train.inputs.max()) == (0, 1)
    images, _ = sklearn.datasets.load_digits(return_X_y=True)
    first = digits.train.inputs[0]
    assert any(np.array_equal(first, (image / 16).astype(np.float32).reshape(8, 8)) for image in images)


def test_the_split_of_the_digits_depends_on_no_seed(digits):
    assert same(digits, TASKS["digits"]().data(12345))


def test_every_class_is_in_every_split(digits):
    for part in splits(digits).values():
        assert np.bincount(part.targets, minlength=10).min() >= 15


def test_the_naive_answers_of_the_digits_are_class_frequency_and_majority(digits):
    train, on_eval, on_test = (part.targets.tolist() for part in splits(digits).values())
    counts = [train.count(label) + 1 for label in range(10)]
    losses = [-math.log(counts[label] / sum(counts)) for label in on_eval]
    majority = counts.index(max(counts))
    naive = TASKS["digits"]().naive(digits)
    assert naive["naive_loss"] == pytest.approx(sum(losses) / 300, rel=1e-12)
    assert naive["naive_accuracy"] == on_test.count(majority) / 300


def test_accuracy_is_the_share_of_right_answers(digits):
    """The fake network knows every image but those with an odd sum of pixels, which it calls a 3."""
    label_of = {
        image.tobytes(): label
        for part in splits(digits).values()
        for image, label in zip(part.inputs, part.targets, strict=True)
    }

    def says(image):
        return 3 if round(float(image.sum()) * 16) % 2 else label_of[image.tobytes()]

    def answer(images):
        return np.eye(10, dtype=np.float32)[[says(image) for image in images]]

    (finding,) = TASKS["digits"]().examine([digits], FakePredictor(answer))
    for metric, part in (("accuracy", digits.test), ("eval_accuracy", digits.eval)):
        right = [says(image) == label for image, label in zip(part.inputs, part.targets, strict=True)]
        assert finding.metrics[metric] == sum(right) / 300
        assert 0.4 < finding.metrics[metric] < 0.7
    columns = finding.predictions
    assert columns["index"].tolist() == list(range(300))
    assert columns["label"].tolist() == digits.test.targets.tolist()
    assert columns["predicted"].tolist() == [says(image) for image in digits.test.inputs]
    assert (columns["output"] == 1).all()


def test_outputs_of_nan_are_read_as_the_first_class_as_keras_does(digits):
    network = FakePredictor(lambda x: np.full((len(x), 10), np.nan, np.float32))
    (finding,) = TASKS["digits"]().examine([digits], network)
    assert (finding.predictions["predicted"] == 0).all()


# The registry


def test_a_name_cannot_be_registered_twice():
    with pytest.raises(ValueError, match="'sines'"):

        @register("sines")
        @dataclass(frozen=True)
        class Another(Task):
            name: str = "sines"


@every_task
def test_a_task_is_named_as_it_is_registered(name):
    assert TASKS[name]().name == name
    assert TASKS[name].__doc__
