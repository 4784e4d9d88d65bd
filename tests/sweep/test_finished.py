"""A finished run: its record as text, its objective, its summary."""

import math

from rnnlab.records.run import RunResult
from rnnlab.sweep.finished import finish, killed, objective
from rnnlab.sweep.worker import compute


def test_the_objective_is_the_validation_loss_and_infinite_where_there_is_none():
    assert objective("completed", False, 0.5) == 0.5
    assert objective("completed", True, 0.5) == math.inf
    assert objective("completed", False, math.nan) == math.inf
    assert objective("failed", False, None) == math.inf


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


def test_a_run_whose_worker_dies_says_how_and_how_much_memory_it_needs(run_config):
    summary = killed(run_config(), "signal 9, Killed").summary
    assert summary.startswith("killed: the worker process died each time it computed this run (signal 9, Killed); ")
    assert "this run needs about 0.01 GB" in summary and "training.batch_size" in summary
    assert "computed this run; " in killed(run_config()).summary
