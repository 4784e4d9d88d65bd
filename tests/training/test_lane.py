"""A lane: what it records of every step, what becomes of it, and what a checkpoint keeps."""

import json
import math

import numpy as np
import pytest

from rnnlab.nets.divergence import REASONS
from rnnlab.tasks import Finding
from rnnlab.training.batches import BatchOrder, FreshBatches, StreamOrder
from rnnlab.training.lane import MOST_GRADIENTS, Lane


@pytest.fixture
def started(run_config):
    return Lane.start(run_config())


def step(lane, *, loss=0.5, grad_norm=1.0, n_clipped=0, measured=None):
    """An update, with measurements if there are any.  It is not taken if the loss is not finite."""
    diverges = not math.isfinite(loss)
    if measured is not None:
        lane.measure(measured, lane.steps_done + 1, None)
    lane.watch(0 if diverges else 1, 1 if diverges else 0, loss, grad_norm, n_clipped)


@pytest.mark.parametrize(
    ("task", "values", "order"),
    [
        ("sines", {"training__batch_size": 5}, BatchOrder),
        ("text", {"training__batch_size": 5}, StreamOrder),
        ("adding", {"training__batch_size": 5}, BatchOrder),
        ("adding", {"training__batch_size": 5, "training__fresh": True}, FreshBatches),
    ],
)
def test_the_order_of_batches_is_that_of_the_task(task, values, order, run_config):
    assert type(Lane.start(run_config(task, **values)).order) is order


def test_generators_of_a_lane_differ_from_each_other_and_from_another_seeds(run_config):
    lanes = [Lane.start(run_config(seed=seed)) for seed in (0, 1)]
    drawn = [generator.random() for one in lanes for generator in (one.dropout, one.noise, one.directions())]
    assert len(set(drawn)) == 6
    assert lanes[0].directions().random() == drawn[2], "made anew each time"


def test_the_clip_rate_is_the_share_of_clipped_updates_since_the_last_row(started):
    started.add_row(0.5, 0.5)
    assert math.isnan(started.rows[-1]["clip_rate"]), "there was no update"
    started.watch(6, 0, 0.5, 1.0, 2)
    started.watch(2, 0, 0.5, 1.0, 2)
    started.add_row(0.5, 0.5)
    started.watch(5, 0, 0.5, 1.0, 0)
    started.add_row(0.5, 0.5)
    assert [row["clip_rate"] for row in started.rows[1:]] == [4 / 8, 0.0]
    assert [row["step"] for row in started.rows] == [0, 8, 13]


@pytest.mark.parametrize("reason", range(1, len(REASONS)))
def test_a_lane_that_diverges_has_taken_the_updates_before_and_says_why(reason, started):
    started.watch(5, 0, 0.5, 1.0, 0)
    assert started.live
    started.watch(3, reason, math.nan, 1.0, 0)
    assert not started.live
    assert (started.steps_done, started.divergence_reason) == (8, REASONS[reason])
    started.add_row(0.5, 0.5)
    result = started.result(Finding({}, {}), 0.5)
    assert (result.outcome, result.diverged_at_step) == ("diverged", 8)


def test_a_row_has_what_was_measured_since_the_row_before(started):
    started.add_row(0.9, 0.9)
    step(started, measured={"hidden_norm_layer0": 2.0})
    started.add_row(0.8, 0.8)
    step(started)
    step(started, loss=math.nan)  # this step is not taken
    started.add_row(0.7, 0.7)
    assert [row["step"] for row in started.rows] == [0, 1, 2]
    assert [row.get("hidden_norm_layer0") for row in started.rows] == [None, 2.0, None]
    columns = started.result(Finding({}, {}), 0.5).curves
    np.testing.assert_array_equal(columns["hidden_norm_layer0"], [math.nan, 2.0, math.nan])
    assert columns["step"].dtype == np.int64


def test_a_lane_that_diverges_right_after_a_row_keeps_what_that_row_had_measured(run_config):
    one = Lane.start(run_config(optimizer__clip_norm=0.1))
    step(one, n_clipped=1, measured={"hidden_norm_layer0": 2.0, "grad_norm_layer0": 1.0})
    one.add_row(0.8, 0.8)
    step(one, loss=math.inf, grad_norm=math.nan)
    one.add_row(0.8, 0.8)
    (row,) = one.rows
    assert row["batch_loss"] == math.inf
    assert (row["clip_rate"], row["hidden_norm_layer0"], row["grad_norm_layer0"]) == (1.0, 2.0, 1.0)


def test_the_row_of_a_step_that_is_not_taken_has_its_loss_and_measurements(started):
    started.add_row(0.9, 0.9)
    step(started, loss=math.nan, measured={"hidden_norm_layer0": math.inf})
    started.add_row(0.9, 0.9)
    (row,) = started.rows
    assert math.isnan(row["batch_loss"])
    assert row["hidden_norm_layer0"] == math.inf


@pytest.mark.parametrize("n", [1, 40, 41, 80, 81, 100, 777])
def test_gradients_through_time_are_kept_for_evenly_spaced_steps_and_the_last(n, started):
    for k in range(n):
        started.measure({}, k + 1, np.array([[k + 0.25, k + 0.5, 1.0], [0.0, k + 0.75, 2.0]]))
        step(started)
        assert len(started.gradients) <= 2 * MOST_GRADIENTS + 1, "however long the run"
    started.add_row(0.5, 0.5)
    table = started.result(Finding({}, {}), 0.5).gradients
    steps = sorted(set(table["step"].tolist()))
    assert len(steps) == min(n, MOST_GRADIENTS)
    assert (steps[0], steps[-1]) == (1 if n > 1 else n, n)
    assert max(np.diff(steps), default=1) <= max(1, 2 * n / MOST_GRADIENTS)
    assert {len(column) for column in table.values()} == {6 * len(steps)}
    rows = list(zip(*(table[name].tolist() for name in ("step", "layer", "t", "grad_norm")), strict=True))
    assert rows[:6] == [
        (1, 0, 0, 0.25),
        (1, 0, 1, 0.5),
        (1, 0, 2, 1.0),
        (1, 1, 0, 0.0),
        (1, 1, 1, 0.75),
        (1, 1, 2, 2.0),
    ]
    assert rows[-5] == (n, 0, 1, n - 0.5)


def test_a_lane_stops_at_a_low_validation_loss_unless_it_has_diverged(run_config):
    def after(train_loss, eval_loss):
        one = Lane.start(run_config(training__stop_at_loss=0.1))
        step(one)
        one.add_row(train_loss, eval_loss)
        return one.stopped, one.divergence_reason is not None

    assert after(0.5, 0.1) == (False, False)
    assert after(0.5, 0.0999) == (True, False)
    assert after(math.nan, 0.05) == (False, True)
    assert after(0.5, math.nan) == (False, False)


@pytest.mark.parametrize(
    ("task", "values"),
    [("sines", {}), ("text", {}), ("adding", {"training__fresh": True})],
    ids=["permuted", "stream", "fresh"],
)
def test_a_lane_continues_from_plain_data_as_if_it_had_not_stopped(task, values, run_config):
    run = run_config(task, training__batch_size=5, **values)
    whole, resumed = Lane.start(run), Lane.start(run)
    for k in range(3):
        whole.order.next()
        whole.dropout.random(4), whole.noise.normal(size=3)
        whole.measure({"hidden_norm_layer0": float(k)}, k + 1, np.array([[float(k), math.inf]]))
        step(whole)
        if k < 2:
            whole.add_row(0.5, 0.4)
    resumed.resume(json.loads(json.dumps(whole.progress())))
    for one in (whole, resumed):
        one.add_row(0.3, 0.2)
    drawn = [(one.dropout.random(), one.noise.normal()) for one in (whole, resumed)]
    assert drawn[0] == drawn[1]
    batches = [one.order.next() for one in (whole, resumed)]
    np.testing.assert_array_equal(*(getattr(batch, "inputs", batch) for batch in batches))
    assert repr(whole.result(Finding({}, {}), 0.5)) == repr(resumed.result(Finding({}, {}), 0.5))
