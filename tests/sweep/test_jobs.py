"""One run from its config to the files of its record, and what becomes of one that raises."""

import json
import math
from dataclasses import replace

import pytest

from rnnlab.nets.activations import ACTIVATIONS, Activation, register
from rnnlab.records import run as records
from rnnlab.records.run import CURVES, GRADIENTS, PREDICTIONS, PROVENANCE, RUN
from rnnlab.sweep import jobs
from rnnlab.sweep.jobs import RunFailed, compute, finish, objective, provenance, run_alone


@pytest.fixture
def boom():
    """An activation that raises, registered for as long as the test takes: boom(run) -> the run with it."""

    @register("boom")
    class Boom(Activation):
        def forward(self, a, out):
            raise ArithmeticError("boom at the first step")

    yield lambda run: replace(run, cell=replace(run.cell, activation=Boom()))
    ACTIVATIONS.remove("boom")


def files(runs, results):
    return [finish(run, result).files for run, result in zip(runs, results, strict=True)]


@pytest.mark.parametrize("places", [[0], [2], [6], [1, 4]], ids=str)
def test_a_run_that_raises_fails_alone_and_leaves_the_others_as_they_are(run_config, boom, places):
    healthy = [run_config(seed=n, cell__activation=("tanh", "relu")[n % 2]) for n in range(7)]
    undisturbed = files(healthy, compute(healthy, "cpu"))
    pack = [boom(run) if n in places else run for n, run in enumerate(healthy)]
    results = compute(pack, "cpu")
    assert [result.status for result in results] == ["failed" if n in places else "completed" for n in range(7)]
    for n, text in enumerate(files(pack, results)):
        if n in places:
            assert "ArithmeticError: boom at the first step" in results[n].error
            assert "Traceback" in results[n].error
        else:
            assert text == undisturbed[n]


def test_the_record_of_a_failed_run_is_whole_and_holds_its_traceback(run_config, boom, tmp_path):
    run = boom(run_config())
    with pytest.raises(RunFailed, match="boom at the first step"):
        run_alone(run, tmp_path / "run", "cpu")
    record = records.read_record(tmp_path / "run")
    assert record.run_id == run.run_id
    assert record.result.status == "failed"
    assert record.result.outcome is None
    assert not record.result.diverged
    assert "Traceback" in record.result.error


def test_a_failure_to_draw_data_or_weights_fails_the_run_too(run_config, monkeypatch):
    runs = [run_config(seed=n) for n in range(3)]
    data = type(runs[0].task).data

    def failing(self, seed):
        if seed == 1:
            raise OSError("the data are gone")
        return data(self, seed)

    monkeypatch.setattr(type(runs[0].task), "data", failing)
    assert [result.status for result in compute(runs, "cpu")] == ["completed", "failed", "completed"]


def test_an_interruption_is_no_failure(run_config, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute([run_config(), run_config(seed=1)], "cpu")


def test_a_run_alone_leaves_its_files(run_config, tmp_path):
    run = run_config()
    finished = run_alone(run, tmp_path / "a" / "b", "cpu")
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == {RUN, CURVES, PREDICTIONS, GRADIENTS, PROVENANCE}
    record = records.read_record(tmp_path / "a" / "b")
    assert record.config == json.loads(json.dumps(run.as_dict()))
    assert (record.run_id, record.condition_id, record.task) == (run.run_id, run.condition_id, run.task.facts)
    assert finished.objective == record.result.metrics["eval_loss"]
    noted = json.loads((tmp_path / "a" / "b" / PROVENANCE).read_text())
    assert noted["pack_width"] == 1
    assert noted["wall_s"] >= 0


def test_a_record_holds_only_what_follows_from_the_config(run_config, tmp_path):
    for name in "ab":
        run_alone(run_config(cell__activation="relu"), tmp_path / name, "cpu")  # provenance has the word tanh
    for file in (RUN, CURVES, PREDICTIONS):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    text = (tmp_path / "a" / RUN).read_text()
    for word in (*provenance(), "wall_s", str(tmp_path)):
        assert f'"{word}"' not in text


def test_provenance_says_when_where_and_with_what():
    noted = provenance()
    assert {"finished", "host", "python", "torch", "numpy", "rnnlab", "command"} <= noted.keys()
    json.dumps(noted, allow_nan=False)


def test_the_objective_is_the_validation_loss_and_infinite_where_there_is_none():
    assert objective("completed", False, {"eval_loss": 0.5}) == 0.5
    assert objective("completed", True, {"eval_loss": 0.5}) == math.inf
    assert objective("failed", False, {}) == math.inf


def test_the_summary_is_one_line_with_the_outcome(run_config):
    runs = [run_config(seed=3), run_config(optimizer="sgd", optimizer__learning_rate=1e30, training__steps=20)]
    well, badly = (finish(run, compute([run], "cpu")[0]) for run in runs)
    assert well.summary.startswith("sines, rnn tanh, seed 3: ")
    assert "eval_loss" in well.summary
    assert "mse_closed_loop" in well.summary
    assert badly.diverged
    assert "diverged at step" in badly.summary
    assert "\n" not in well.summary + badly.summary
    assert badly.objective == math.inf


def test_a_command_can_be_typed_again(monkeypatch):
    monkeypatch.setattr("sys.argv", ["/somewhere/bin/rnnlab", "-m", "seed=range(3)", "question=a b"])
    assert jobs.command() == "rnnlab -m 'seed=range(3)' 'question=a b'"
