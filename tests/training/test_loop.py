"""The training loop: the published experiment, when a run is evaluated, when it ends, what can share a pack."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from rnnlab.nets.activations import Activation
from rnnlab.nets.divergence import REASONS
from rnnlab.records.tables import to_csv
from rnnlab.training.construction import program_key
from rnnlab.training.loop import train

# Against what is published


@pytest.fixture(scope="module")
def lab(run_config):
    """F1, the lab's experiment: tanh, no biases, plain gradient descent, 100 updates on the full batch."""
    values = {"task__n_points": 2400, "task__stop": 100.0, "task__window": 10, "task__forecast_steps": None}
    values |= {"task__split": "interleaved"}
    values |= {"cell__hidden_size": 50, "cell__bias": False, "readout__bias": False}
    values |= {"optimizer__learning_rate": 0.005, "training__steps": 100, "training__eval_every": 100}
    return train([run_config("sines", optimizer="sgd", seed=seed, **values) for seed in (0, 1)])


def test_the_labs_losses_are_those_that_were_published(lab):
    """Published for one unknown seed: 1.613 after the first update, 0.016 after the last."""
    for result in lab:
        first, last = result.curves["train_loss"]
        assert 1 < first < 2
        assert 0.008 < last < 0.03
        assert result.outcome == "learned"
        assert result.metrics["persistence_loss"] < last  # the last value as the answer is better


def test_the_labs_closed_loop_goes_flat_near_the_published_height(lab):
    for result in lab:
        end = result.predictions["closed_loop"][-50:]
        assert end.max() - end.min() < 1e-3
        assert end.mean() == pytest.approx(1.4, abs=0.1)


# When a run is evaluated


def test_a_run_of_no_steps_is_evaluated_once(run_config):
    (result,) = train([run_config(training__steps=0)])
    assert result.curves["step"].tolist() == [0]
    assert result.steps_done == 0
    assert result.metrics["train_loss"] == result.curves["train_loss"][0]
    assert math.isfinite(result.metrics["mse_closed_loop"])
    assert not result.diverged
    assert math.isnan(result.curves["clip_rate"][0])


@pytest.mark.parametrize(("steps", "eval_every", "expected"), [(7, 3, [0, 3, 6, 7]), (6, 3, [0, 3, 6]), (2, 9, [0, 2])])
def test_rows_are_written_at_the_start_every_so_often_and_at_the_end(steps, eval_every, expected, run_config):
    (result,) = train([run_config(training__steps=steps, training__eval_every=eval_every)])
    assert result.curves["step"].tolist() == expected
    assert result.steps_done == steps


def test_the_number_of_evaluations_changes_nothing_else(run_config):
    often, seldom = (train([run_config(training__steps=6, training__eval_every=n)])[0] for n in (1, 6))
    assert often.metrics == seldom.metrics
    assert to_csv(often.predictions) == to_csv(seldom.predictions)


def test_the_clip_rate_is_the_share_of_clipped_updates_since_the_last_row(run_config):
    each = run_config(training__steps=8, training__eval_every=1, training__batch_size=5)
    norms = train([each])[0].curves["grad_norm"][1:]
    limit = float(np.sort(norms)[3:5].mean())
    run = run_config(training__steps=8, training__eval_every=4, training__batch_size=5, optimizer__clip_norm=limit)
    clipped = train([replace(run, training=each.training)])[0].curves["clip_rate"][1:]
    assert set(clipped) == {0.0, 1.0}
    np.testing.assert_allclose(train([run])[0].curves["clip_rate"][1:], clipped.reshape(2, 4).mean(1))


# Divergence

DIVERGING = {
    "limit": dict(cell__activation="identity", optimizer__learning_rate=0.4, divergence__loss_factor=50.0),
    "loss": dict(cell__activation="identity", init__input_scale=3e38, divergence__loss_factor=None),
    "gradient": dict(cell__activation="identity", init__input_scale=1e18, divergence__loss_factor=None),
    "weights": dict(optimizer__learning_rate=3e38, init__readout_scale=100.0, divergence__loss_factor=None),
}
NUMBERS = {"loss": 1, "limit": 2, "gradient": 3, "weights": 4}
every_reason = pytest.mark.parametrize("reason", DIVERGING)


def diverging(run_config, reason, **values):
    schedule = {"training__steps": 60, "training__eval_every": 4}
    return run_config(optimizer="sgd", **schedule | DIVERGING[reason] | values)


@every_reason
def test_a_diverged_run_says_when_and_why(reason, run_config):
    (result,) = train([diverging(run_config, reason)])
    assert result.status == "completed"
    assert result.outcome == "diverged"
    assert result.divergence_reason == REASONS[NUMBERS[reason]]
    assert result.diverged_at_step == result.steps_done < 60
    assert (result.steps_done > 0) == (reason == "limit"), "the others fail at the first update"
    steps = result.curves["step"].tolist()
    assert steps == sorted(set(steps)), "one row per step"
    assert steps[-1] == result.steps_done
    last = {name: column[-1] for name, column in result.curves.items()}
    finite = {"limit": ("batch_loss", "grad_norm"), "gradient": ("batch_loss",), "weights": ("batch_loss", "grad_norm")}
    for name in ("batch_loss", "grad_norm"):
        assert math.isfinite(last[name]) == (name in finite.get(reason, ()))
    if reason == "limit":
        assert last["batch_loss"] > 50 * result.metrics["naive_loss"]


@every_reason
def test_a_diverged_run_keeps_the_weights_of_a_run_that_ended_there(reason, run_config):
    """These are its last finite weights, without any part of the step that was judged."""
    (diverged,) = train([diverging(run_config, reason)])
    (ended,) = train([diverging(run_config, reason, training__steps=diverged.steps_done)])
    assert ended.diverged == (reason in ("loss", "limit")), "seen in the loss, it is seen at the end as well"
    assert to_csv(diverged.predictions) == to_csv(ended.predictions)
    assert repr(diverged.metrics) == repr(ended.metrics)
    assert np.isfinite(diverged.predictions["one_step"]).all() == (reason != "loss"), (
        "there it overflows from the start"
    )


@every_reason
@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop"])
def test_a_diverged_lane_leaves_its_neighbours_unchanged(reason, optimizer, run_config, texts, text):
    values = {"training__steps": 12, "training__eval_every": 4}
    healthy = [
        run_config(optimizer=optimizer, seed=seed, cell__activation=name, **values)
        for seed, name in enumerate(["tanh", "gelu", "identity", "relu"])
    ]
    sick = run_config(optimizer=optimizer, **values | DIVERGING[reason] | {"init__input_scale": 1e19})
    undisturbed = texts(healthy)
    together = train([*healthy[:2], sick, *healthy[2:]])
    assert together.pop(2).diverged
    assert [text(result) for result in together] == undisturbed


def test_a_pack_in_which_all_lanes_diverge_ends_early_with_all_results(run_config):
    runs = [diverging(run_config, reason, training__steps=500) for reason in DIVERGING]
    assert [result.divergence_reason for result in train(runs)] == [REASONS[NUMBERS[reason]] for reason in DIVERGING]


def test_a_run_that_does_not_change_has_not_learned(run_config):
    zeros = {"init__readout_scale": 0.0, "init__bias_scale": 0.0}
    run = run_config(task__split="interleaved", training__steps=0, **zeros)
    (result,) = train([run])
    data = run.task.data(0)
    assert result.metrics["eval_loss"] == pytest.approx(np.square(data.eval.targets).mean())  # it answers 0
    assert result.metrics["test_loss"] == pytest.approx(np.square(data.test.targets).mean())
    assert result.outcome == "not_learned"


# Ending early


def test_a_run_with_a_low_loss_stops_at_a_row_and_equals_the_run_that_ends_there(run_config, text):
    values = {"training__steps": 60, "training__eval_every": 4, "optimizer__learning_rate": 0.03}
    runs = [run_config(seed=n, cell__activation="tanh", **values) for n in range(5)]
    limit = float(np.median([result.curves["eval_loss"][6] for result in train(runs)]))
    stopping = [run_config(seed=n, cell__activation="tanh", **values, training__stop_at_loss=limit) for n in range(5)]
    results = train(stopping)
    assert len({result.steps_done for result in results}) >= 3, "they stop at different steps"
    for run, result in zip(runs, results, strict=True):
        steps, losses = result.curves["step"], result.curves["eval_loss"]
        assert steps.tolist() == [*range(0, result.steps_done, 4), result.steps_done]
        assert losses[-1] < limit <= losses[:-1].min()
        assert not result.diverged
        ended = replace(run, training=replace(run.training, steps=result.steps_done))
        assert text(train([ended])[0]) == text(result)


def test_a_run_whose_loss_stays_high_continues_to_the_end(run_config, texts):
    assert texts([run_config(training__stop_at_loss=1e-30)]) == texts([run_config()])


def test_runs_that_stop_early_leave_the_pack_and_change_no_bits(run_config, text, texts):
    values = {"training__steps": 40, "training__eval_every": 2, "training__stop_at_loss": 2.89}
    rates = [0.03, 1.5, 0.9, 3e38, 0.6, 0.003]
    runs = [
        run_config("text", "gru", "sgd", seed=n, optimizer__learning_rate=rate, training__batch_size=9, **values)
        for n, rate in enumerate(rates)
    ]
    results = train(runs)
    assert 2 <= sum(result.steps_done < 40 for result in results) < 6
    assert [text(result) for result in results] == [texts([run])[0] for run in runs]


# The settings of torch and numpy


class Boom(Activation):
    """An activation with a formula in torch alone."""

    name = "boom"
    largest_slope = 1.0

    def phi(self, a):
        raise RuntimeError("boom")

    def slope(self, a):
        raise RuntimeError("boom")


def test_after_a_failure_torch_is_as_it_was(run_config):
    run = run_config()
    run = replace(run, cell=replace(run.cell, activation=Boom()))
    threads = torch.get_num_threads()
    with pytest.raises(RuntimeError, match="boom"):
        train([run])
    assert torch.get_num_threads() == threads
    assert not torch.is_inference_mode_enabled()
    assert (torch.full((4,), 1e-40) * 1.0 != 0).all(), "numbers below the normal range must count again"


def test_training_draws_from_no_global_generator(run_config, texts):
    torch.manual_seed(0)
    np.random.seed(0)  # noqa: NPY002
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first = texts([run_config(task__noise=0.1, training__batch_size=7)])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    torch.manual_seed(1)
    assert texts([run_config(task__noise=0.1, training__batch_size=7)]) == first


# What can share a pack


@pytest.mark.parametrize(
    "values",
    [
        dict(task="sinc"),
        dict(cell="memoryless"),
        dict(optimizer="sgd"),
        dict(cell__hidden_size=7),
        dict(cell__num_layers=2),
        dict(cell__bias=False),
        dict(cell__num_layers=2, cell__dropout=0.5),
        dict(readout__dropout=0.5),
        dict(readout__activation="tanh"),
        dict(readout__bias=False),
        dict(training__steps=5),
        dict(training__batch_size=7),
        dict(training__eval_every=1),
        dict(training__eval_samples=3),
        dict(training__gradient_noise=0.1),
        dict(training__stop_at_loss=0.1),
        dict(task__noise=0.1),
    ],
    ids=str,
)
def test_runs_of_different_programs_are_refused(values, run_config):
    with pytest.raises(ValueError, match="share one program"):
        train([run_config(), run_config(**values)])


@pytest.mark.parametrize(
    "values",
    [
        dict(seed=7),
        dict(cell__activation="elu", cell__alpha=0.5),
        dict(cell__negative_slope=0.3),
        dict(optimizer__learning_rate=0.5),
        dict(optimizer__beta1=0.5),
        dict(optimizer__clip_norm=1.0),
        dict(optimizer__clip_value=0.01),
        dict(optimizer__weight_decay=0.1),
        dict(optimizer__schedule="cosine", optimizer__warmup_steps=2),
        dict(init__recurrent="orthogonal", init__bias_scale=0.0),
        dict(divergence__loss_factor=None, divergence__margin=0.5),
    ],
    ids=str,
)
def test_lanes_with_different_numbers_share_a_pack(values, run_config, texts):
    runs = [run_config(), run_config(**values)]
    assert program_key(runs[0]) == program_key(runs[1])
    assert texts(runs) == [texts([run])[0] for run in runs]


def test_the_form_of_a_gru_decides_about_its_pack_and_its_gate_activation_does_not(run_config):
    torchs, original, hard = (
        run_config(cell="gru", **values)
        for values in ({}, {"cell__reset_after": False}, {"cell__gate_activation": "hardtanh"})
    )
    assert program_key(torchs) != program_key(original)
    assert program_key(torchs) == program_key(hard)


# The test split


@pytest.mark.parametrize("backend", ["compiled", "torch"])
@pytest.mark.parametrize(
    "values", [{"task": "sines"}, {"task": "sinc", "task__noise": 0.1}, {"task": "adding"}], ids=str
)
def test_the_test_loss_is_that_of_the_recorded_predictions(values, backend, run_config):
    runs = [run_config(**values, seed=n, training__eval_samples=3, training__steps=20) for n in range(2)]
    for result in train(runs, backend=backend):
        truth, said = (np.asarray(result.predictions[name], np.float64) for name in ("truth", "one_step"))
        expected = np.square(said - truth).mean()
        assert result.metrics["test_loss"] == pytest.approx(expected, rel=1e-6)
        assert result.metrics["test_loss"] != pytest.approx(result.metrics["eval_loss"], rel=1e-3)


def test_the_skill_of_a_series_is_one_minus_its_test_loss_over_that_of_persistence(run_config):
    (result,) = train([run_config("series", training__steps=20)])
    found = result.metrics
    assert found["skill"] == pytest.approx(1 - found["test_loss"] / found["persistence_test_loss"], rel=1e-5)


def test_a_run_has_learned_by_its_test_loss_alone(run_config):
    """With a margin between what it gains on validation and on test, the outcome is that of test."""
    for seed in range(4):
        run = run_config(seed=seed, training__steps=60)
        found = train([run])[0].metrics
        on_test = 1 - found["test_loss"] / found["naive_test_loss"]
        on_eval = 1 - found["eval_loss"] / found["naive_loss"]
        assert min(on_test, on_eval) > 0
        (result,) = train([replace(run, divergence=replace(run.divergence, margin=(on_test + on_eval) / 2))])
        assert result.outcome == ("learned" if on_test > on_eval else "not_learned")


def test_a_diverged_run_has_the_test_loss_of_its_last_finite_weights(run_config):
    (diverged,) = train([diverging(run_config, "limit")])
    (ended,) = train([diverging(run_config, "limit", training__steps=diverged.steps_done)])
    assert diverged.metrics["test_loss"] == ended.metrics["test_loss"]
    assert math.isfinite(diverged.metrics["test_loss"])


def test_stopping_early_looks_at_the_validation_loss_alone(run_config):
    values = {"training__steps": 60, "training__eval_every": 4, "optimizer__learning_rate": 0.03}
    (whole,) = train([run_config(**values)])
    limit = float(np.median(whole.curves["eval_loss"]))
    (stopped,) = train([run_config(**values, training__stop_at_loss=limit)])
    below = whole.curves["step"][whole.curves["eval_loss"] < limit]
    assert stopped.steps_done == below[0]
    (ended,) = train([run_config(**values | {"training__steps": int(below[0])})])
    assert stopped.metrics["test_loss"] == ended.metrics["test_loss"], "of the weights that are there at the end"
