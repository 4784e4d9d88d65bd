"""The curves: windows and naive losses recomputed naively, and what is said of known answers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.options import ConfigError
from rnnlab.tasks import TASKS

CURVES = {"sines": lambda t: math.sin(t) + math.sin(2 * t), "sinc": lambda t: math.sin(t) / t if t else 1.0}
SHIFTS = {"train": 0.0, "eval": 0.5, "test": 0.25}  # of a step between two points
every_curve = pytest.mark.parametrize("name", CURVES)


@every_curve
def test_windows_and_targets_are_those_of_the_curve(name, look):
    task = replace(TASKS[name](), n_points=30, window=4)
    times = [task.start + (task.stop - task.start) * n / 29 for n in range(30)]
    step = times[1] - times[0]
    for split, part in look.splits(task.data(0)).items():
        series = [CURVES[name](t + SHIFTS[split] * step) for t in times]
        assert len(part) == 26
        for n in range(26):
            np.testing.assert_allclose(part.inputs[n, :, 0], series[n : n + 4], rtol=0, atol=1e-6)
            np.testing.assert_allclose(part.targets[n], series[n + 4], rtol=0, atol=1e-6)


@every_curve
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_another_seed_gives_other_data_exactly_when_there_is_noise(name, noise, look):
    task = replace(TASKS[name](), noise=noise)
    assert look.same(task.data(0), task.data(0))
    assert look.same(task.data(0), task.data(1)) == (noise == 0)


@every_curve
def test_noise_has_the_stated_standard_deviation_on_every_split(name, look):
    clean, noisy = (replace(TASKS[name](), noise=noise).data(5) for noise in (0.0, 0.3))
    for ours, theirs in zip(look.splits(clean).values(), look.splits(noisy).values(), strict=True):
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
def test_what_is_said_of_a_forecast_follows_from_the_answers(forecast_steps, look):
    task = replace(TASKS["sines"](), n_points=30, window=4, noise=0.1, forecast_steps=forecast_steps)
    data = [task.data(seed) for seed in (0, 1)]
    forecast = np.linspace(-1, 1, 26, dtype=np.float32)
    network = look.FakePredictor(lambda x: x[:, -1], forecast)
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


def test_the_forecast_of_a_diverged_network_is_scored_without_a_warning(look):
    task = replace(TASKS["sines"](), n_points=30, window=4)
    forecast = np.full(26, np.inf, np.float32)
    forecast[0] = np.nan
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: x[:, -1], forecast))
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
