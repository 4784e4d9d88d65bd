"""A finished run: its record as text, its objective, its summary."""

import math

from rnnlab.records.run import RunResult
from rnnlab.sweep.finished import finish, objective
from rnnlab.sweep.worker import compute


def test_the_objective_is_the_validation_loss_and_infinite_where_there_is_none():
    assert objective("completed", False, {"eval_loss": 0.5}) == 0.5
    assert objective("completed", True, {"eval_loss": 0.5}) == math.inf
    assert objective("failed", False, {}) == math.inf


def test_the_summary_is_one_line_with_the_outcome(run_config):
    runs = [run_config(seed=3), run_config(optimizer="sgd", optimizer__learning_rate=1e30, training__steps=20)]
    well, badly = (finish(run, compute([run], "cpu", "auto")[0]) for run in runs)
    assert well.summary.startswith("sines, rnn tanh, seed 3: ")
    assert "eval_loss" in well.summary
    assert "mse_closed_loop" in well.summary
    assert badly.diverged
    assert "diverged at step" in badly.summary
    assert "\n" not in well.summary + badly.summary
    assert badly.objective == math.inf


def test_a_result_that_cannot_be_written_as_text_has_failed(run_config):
    finished = finish(run_config(), RunResult("completed", steps_done=1, metrics={"eval_loss": object()}))
    assert finished.status == "failed"
    assert "TypeError" in finished.summary
