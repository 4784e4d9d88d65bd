"""The curves: windows and naive losses recomputed naively, and what is said of known answers."""

import hashlib
import math
from dataclasses import replace

import numpy as np
import pytest

from rnnlab.options import ConfigError
from rnnlab.streams import Stream, generator
from rnnlab.tasks import TASKS

CURVES = {"sines": lambda t: math.sin(t) + math.sin(2 * t), "sinc": lambda t: math.sin(t) / t if t else 1.0}
SHIFTS = {"train": 0.0, "eval": 0.5, "test": 0.25}  # of a step between two points
TARGETS = {"train": (4, 22), "eval": (22, 26), "test": (26, 30)}  # of 30 points with windows of 4: 15 % are 4 points
every_curve = pytest.mark.parametrize("name", CURVES)
every_split = pytest.mark.parametrize("split", ["held_out", "interleaved"])


def small(name, **options):
    return replace(TASKS[name](), **{"n_points": 30, "window": 4} | options)


@every_curve
def test_the_last_ranges_of_time_are_held_out_and_their_windows_reach_back(name, look):
    task = small(name)
    series = [CURVES[name](task.start + (task.stop - task.start) * n / 29) for n in range(30)]
    for split, part in look.splits(task.data(0)).items():
        begin, end = TARGETS[split]
        assert len(part) == end - begin
        for n, target in enumerate(range(begin, end)):
            np.testing.assert_allclose(part.targets[n], series[target], rtol=0, atol=1e-6)
            np.testing.assert_allclose(part.inputs[n, :, 0], series[target - 4 : target], rtol=0, atol=1e-6)


def test_the_shares_of_the_ranges_can_be_chosen(look):
    task = small("sines", valid_fraction=0.1, test_fraction=0.5)
    assert [len(part) for part in look.splits(task.data(0)).values()] == [8, 3, 15]
    assert task.n_train == 8
    whole = np.concatenate([part.targets[:, 0] for part in look.splits(task.data(0)).values()])
    y = np.linspace(0, 100, 30)
    np.testing.assert_allclose(whole, (np.sin(y) + np.sin(2 * y))[4:], rtol=0, atol=1e-6)


@every_curve
def test_interleaved_splits_are_the_curve_at_times_between_those_of_training(name, look):
    task = small(name, split="interleaved")
    times = [task.start + (task.stop - task.start) * n / 29 for n in range(30)]
    step = times[1] - times[0]
    for split, part in look.splits(task.data(0)).items():
        series = [CURVES[name](t + SHIFTS[split] * step) for t in times]
        assert len(part) == 26
        for n in range(26):
            np.testing.assert_allclose(part.inputs[n, :, 0], series[n : n + 4], rtol=0, atol=1e-6)
            np.testing.assert_allclose(part.targets[n], series[n + 4], rtol=0, atol=1e-6)


# Of the splits one after the other, inputs before targets, as the version before held-out ranges made them.
DIGESTS = {
    "sines": "5bbead8ce9462c9e2021289f324eb703bbfc257cf886f695f644e6fad4797ca5",
    "sinc": "8a73deeb1686f3175d145d316db8d7bcc7a5d3a3a0a46a61f548ba8ada65844c",
}


@every_curve
def test_interleaved_splits_have_the_bits_that_the_data_had_before_there_were_others(name, look):
    digest = hashlib.sha256()
    for part in look.splits(replace(TASKS[name](), split="interleaved").data(3)).values():
        digest.update(part.inputs.tobytes())
        digest.update(part.targets.tobytes())
    assert digest.hexdigest() == DIGESTS[name]


@every_curve
def test_the_noise_of_interleaved_splits_is_drawn_split_by_split_as_before(name, look):
    """Bit for bit: three series, each with draws of its own from one generator."""
    task = replace(TASKS[name](), noise=0.1, split="interleaved")
    drawn = generator(3, Stream.TASK)
    times, step = np.linspace(task.start, task.stop, task.n_points), (task.stop - task.start) / (task.n_points - 1)
    for split, part in look.splits(task.data(3)).items():
        y = task.curve(times + SHIFTS[split] * step) + drawn.normal(scale=0.1, size=task.n_points)
        y = y.astype(np.float32)
        np.testing.assert_array_equal(part.targets[:, 0], y[10:])
        np.testing.assert_array_equal(part.inputs[:, 0, 0], y[: -task.window])


@every_curve
@every_split
@pytest.mark.parametrize("noise", [0.0, 0.1])
def test_another_seed_gives_other_data_exactly_when_there_is_noise(name, split, noise, look):
    task = replace(TASKS[name](), noise=noise, split=split)
    assert look.same(task.data(0), task.data(0))
    assert look.same(task.data(0), task.data(1)) == (noise == 0)


@every_curve
@every_split
def test_noise_has_the_stated_standard_deviation_on_every_split(name, split, look):
    clean, noisy = (replace(TASKS[name](), noise=noise, split=split).data(5) for noise in (0.0, 0.3))
    for ours, theirs in zip(look.splits(clean).values(), look.splits(noisy).values(), strict=True):
        added = theirs.targets - ours.targets
        n = added.size
        assert added.std() == pytest.approx(0.3, rel=5 / math.sqrt(2 * n))
        assert abs(added.mean()) < 5 * 0.3 / math.sqrt(n)
    n = len(noisy.eval)
    assert not np.allclose((noisy.train.targets - clean.train.targets)[:n], noisy.eval.targets - clean.eval.targets)


@every_split
def test_noise_is_one_series_cut_into_windows(split):
    data = small("sines", noise=0.5, split=split).data(0)
    np.testing.assert_array_equal(data.train.inputs[1:, :-1], data.train.inputs[:-1, 1:])
    np.testing.assert_array_equal(data.train.inputs[1:, -1], data.train.targets[:-1])
    if split == "held_out":  # over all three ranges
        np.testing.assert_array_equal(data.eval.inputs[0, -1], data.train.targets[-1])
        np.testing.assert_array_equal(data.test.inputs[0, :, 0], data.eval.targets[-4:, 0])


@every_curve
@every_split
def test_naive_losses_are_those_of_the_mean_and_of_the_last_value(name, split):
    task = replace(TASKS[name](), noise=0.1, split=split)
    data = task.data(2)
    mean = sum(data.train.targets.ravel().tolist()) / len(data.train)
    naive = task.baselines(data)
    for suffix, part in {"loss": data.eval, "test_loss": data.test}.items():
        errors, steps = [], []
        for window, (target,) in zip(part.inputs[:, :, 0].tolist(), part.targets.tolist(), strict=True):
            errors.append((target - mean) ** 2)
            steps.append((target - window[-1]) ** 2)
        assert naive[f"naive_{suffix}"] == pytest.approx(sum(errors) / len(errors), rel=1e-6)
        assert naive[f"persistence_{suffix}"] == pytest.approx(sum(steps) / len(steps), rel=1e-5)


def test_interleaved_sines_is_the_series_of_the_lab():
    task = replace(TASKS["sines"](), split="interleaved")
    data = task.data(0)
    assert (len(data.train), task.seq_len, task.input_size, task.output_size) == (2390, 10, 1, 1)
    t = np.linspace(0, 100, 2400)
    y = np.sin(t) + np.sin(2 * t)
    np.testing.assert_array_equal(data.train.targets[:, 0], y[10:].astype(np.float32))
    assert np.square(data.train.targets[:, 0] - data.train.inputs[:, -1, 0]).mean() == pytest.approx(0.00427, abs=5e-6)
    assert task.baselines(data)["persistence_loss"] == pytest.approx(0.00427, abs=5e-6)


def test_sinc_is_1_at_0_and_0_at_multiples_of_pi():
    task = small("sinc", start=-4 * math.pi, stop=4 * math.pi, n_points=9, window=1, split="interleaved")
    series = np.append(task.data(0).train.inputs[:, 0, 0], task.data(0).train.targets[-1])
    np.testing.assert_allclose(series, [0, 0, 0, 0, 1, 0, 0, 0, 0], atol=1e-7)


@pytest.mark.parametrize(("split", "first", "n"), [("held_out", 26, 4), ("interleaved", 4, 26)])
@pytest.mark.parametrize("forecast_steps", [None, 0, 1, 4])
def test_what_is_said_of_a_forecast_follows_from_the_answers(forecast_steps, split, first, n, look):
    """Of the test range, or of the whole training series as the lab: n windows, the first target is point `first`."""
    task = small("sines", noise=0.1, forecast_steps=forecast_steps, split=split)
    data = [task.data(seed) for seed in (0, 1)]
    examined = [lane.test if split == "held_out" else lane.train for lane in data]
    forecast = np.linspace(-1, 1, n, dtype=np.float32)
    network = look.FakePredictor(lambda x: x[:, -1], forecast)
    steps = n if forecast_steps is None else forecast_steps
    findings = task.examine(data, network)
    ((windows, asked_steps),) = network.asked
    assert asked_steps == steps
    for n, (part, finding) in enumerate(zip(examined, findings, strict=True)):
        np.testing.assert_array_equal(windows[n], part.inputs[0])
        columns = finding.predictions
        np.testing.assert_allclose(columns["t"], np.linspace(0, 100, 30)[first:])
        np.testing.assert_array_equal(columns["truth"], part.targets[:, 0])
        np.testing.assert_array_equal(columns["one_step"], part.inputs[:, -1, 0] + np.float32(n))
        np.testing.assert_array_equal(columns["closed_loop"][:steps], forecast[:steps] + np.float32(n))
        assert np.isnan(columns["closed_loop"][steps:]).all()
        if steps:
            errors = [(f + n - t) ** 2 for f, (t,) in zip(forecast[:steps].tolist(), part.targets, strict=False)]
            assert finding.metrics == {"mse_closed_loop": pytest.approx(sum(errors) / steps, rel=1e-5)}
        else:
            assert finding.metrics == {}


@every_curve
def test_the_truth_of_a_held_out_forecast_is_the_curve_at_its_times(name, look):
    task = TASKS[name]()
    (finding,) = task.examine([task.data(0)], look.blank_network(task))
    t, truth = finding.predictions["t"], finding.predictions["truth"]
    assert t[-1] == task.stop and len(t) == int(0.15 * task.n_points)
    np.testing.assert_allclose(truth, [CURVES[name](value) for value in t.tolist()], rtol=0, atol=1e-6)


def test_the_forecast_of_a_diverged_network_is_scored_without_a_warning(look):
    task = small("sines")
    forecast = np.full(4, np.inf, np.float32)
    forecast[0] = np.nan
    (finding,) = task.examine([task.data(0)], look.FakePredictor(lambda x: x[:, -1], forecast))
    assert math.isnan(finding.metrics["mse_closed_loop"])


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"window": 30}, "task.window: 30; must be below task.n_points (30)"),
        ({"window": 31}, "the window is longer than its series"),
        ({"stop": 0.0}, "task.stop: 0.0; must be above task.start (0.0)"),
        ({"forecast_steps": 5}, "task.forecast_steps: 5; must be at most 4, the number of windows of the test split"),
        (
            {"forecast_steps": 27, "split": "interleaved"},
            "task.forecast_steps: 27; must be at most 26, the number of windows of the training split",
        ),
        ({"valid_fraction": 0.5, "test_fraction": 0.5}, "task.valid_fraction: 0.5; with task.test_fraction (0.5) must"),
        ({"window": 22}, "task.n_points: 30; with task.window 22, task.valid_fraction 0.15 and "),
        ({"window": 22}, "the training range has no target"),
        ({"valid_fraction": 0.03}, "the validation range has no target"),
        ({"test_fraction": 0.03}, "the test range has no target"),
    ],
    ids=str,
)
def test_options_that_do_not_fit_each_other_are_refused(options, complaint):
    task = small("sines", **options)
    with pytest.raises(ConfigError) as caught:
        task.check()
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_options_at_the_edge_of_what_fits_pass():
    small("sines", n_points=2, window=1, split="interleaved").check()
    small("sines", window=29, forecast_steps=1, split="interleaved").check()
    small("sines", window=21, forecast_steps=4).check()
    small("sines", n_points=4, window=1, valid_fraction=0.25, test_fraction=0.25).check()


def test_shares_act_where_ranges_are_held_out_and_the_split_is_part_of_the_identity(run_config):
    held_out, interleaved = (run_config(task__split=split) for split in ("held_out", "interleaved"))
    assert held_out.run_id == run_config().run_id != interleaved.run_id
    assert held_out.run_id != run_config(task__test_fraction=0.2).run_id
    assert interleaved.run_id == run_config(task__split="interleaved", task__test_fraction=0.2).run_id
    assert not {"valid_fraction", "test_fraction"} & interleaved.as_dict()["task"].keys()
