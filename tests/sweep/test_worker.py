"""What a worker does with a pack, and what becomes of a run that raises."""

import json
import multiprocessing
import os
import re
from types import SimpleNamespace

import pytest
import torch

from rnnlab.records import run as records
from rnnlab.records.digests import SUMS
from rnnlab.records.run import CURVES, GRADIENTS, PREDICTIONS, PROVENANCE, RUN
from rnnlab.records.weights import WEIGHTS
from rnnlab.sweep import worker
from rnnlab.sweep.alone import run_alone
from rnnlab.sweep.engine import Pack
from rnnlab.sweep.finished import RunFailed, finish
from rnnlab.sweep.provenance import provenance
from rnnlab.sweep.worker import compute, work_on


@pytest.fixture
def boom(monkeypatch):
    """boom(run, ...): training raises for every pack that one of these runs is in."""
    doomed = set()
    train = worker.train

    def exploding(pack, *arguments, **options):
        results = train(pack, *arguments, **options)
        if doomed & {run.run_id for run in pack}:
            raise ArithmeticError("boom at the last step")
        return results

    monkeypatch.setattr(worker, "train", exploding)
    return lambda *runs: doomed.update(run.run_id for run in runs)


def files(runs, results):
    return [finish(run, result).files for run, result in zip(runs, results, strict=True)]


@pytest.mark.parametrize("places", [[0], [2], [6], [1, 4]], ids=str)
def test_a_run_that_raises_fails_alone_and_leaves_the_others_as_they_are(run_config, boom, places):
    pack = [run_config(seed=n, cell__activation=("tanh", "relu")[n % 2]) for n in range(7)]
    undisturbed = files(pack, compute(pack, "cpu", "auto"))
    boom(*(pack[n] for n in places))
    results = compute(pack, "cpu", "auto")
    assert [result.status for result in results] == ["failed" if n in places else "completed" for n in range(7)]
    for n, text in enumerate(files(pack, results)):
        if n in places:
            assert "ArithmeticError: boom at the last step" in results[n].error
            assert "Traceback" in results[n].error
        else:
            assert text == undisturbed[n]


def test_the_record_of_a_failed_run_is_whole_and_holds_its_traceback(run_config, boom, tmp_path):
    boom(run := run_config())
    with pytest.raises(RunFailed, match="boom at the last step"):
        run_alone(run, tmp_path / "run", "cpu", "auto")
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
    assert [result.status for result in compute(runs, "cpu", "auto")] == ["completed", "failed", "completed"]


@pytest.mark.parametrize(
    "error",
    [
        MemoryError("Unable to allocate 36 TiB"),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 36.00 TiB."),
        RuntimeError("[enforce fail at alloc_cpu.cpp:117] err == 0. DefaultCPUAllocator: can't allocate memory: ..."),
    ],
)
def test_a_run_that_memory_stops_says_how_much_it_needs_and_what_to_change(run_config, monkeypatch, error):
    def train(*_, **__):
        raise error

    monkeypatch.setattr(worker, "train", train)
    run = run_config("digits", cell__hidden_size=50_000)
    (result,) = compute([run], "cpu", "auto")
    finished = finish(run, result)
    weights = 8 * 4 * (50_000 + 8 + 1) * 50_000 / 1e9  # GB: with their gradients, the optimiser's state and so on
    needed = float(re.search(r"out of memory; this run needs about ([\d.e+]+) GB; ", finished.summary)[1])
    assert weights < needed < 1.2 * weights
    for change in ("cell.hidden_size", "training.batch_size", "hydra.launcher.n_workers"):
        assert change in finished.summary
    assert f"{type(error).__name__}: {error}" in result.error


def test_an_interruption_is_no_failure(run_config, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compute([run_config(), run_config(seed=1)], "cpu", "auto")


def test_a_worker_whose_command_has_ended_writes_no_record(run_config, tmp_path, monkeypatch):
    """It was stopped while the command was killed; another command may be at work in the folder now."""

    class Ended(BaseException):
        pass

    def ends(code):
        raise Ended

    monkeypatch.setattr(multiprocessing, "parent_process", lambda: SimpleNamespace(is_alive=lambda: False))
    monkeypatch.setattr(os, "_exit", ends)
    with pytest.raises(Ended):
        work_on(Pack([run_config()], "cpu", folder=tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_run_alone_leaves_its_files(run_config, tmp_path):
    run = run_config()
    finished = run_alone(run, tmp_path / "a" / "b", "cpu", "auto")
    files = {RUN, CURVES, PREDICTIONS, GRADIENTS, WEIGHTS, SUMS, PROVENANCE}
    assert {path.name for path in (tmp_path / "a" / "b").iterdir()} == files
    record = records.read_record(tmp_path / "a" / "b")
    assert record.config == json.loads(json.dumps(run.as_dict()))
    assert (record.run_id, record.condition_id, record.task) == (run.run_id, run.condition_id, run.task.facts)
    assert finished.objective == record.result.metrics["eval_loss"]
    noted = json.loads((tmp_path / "a" / "b" / PROVENANCE).read_text())
    assert noted["pack_width"] == 1
    assert noted["pack_wall_s"] >= 0


def test_a_record_holds_only_what_follows_from_the_config(run_config, tmp_path):
    for name in "ab":
        run_alone(run_config(cell__activation="relu"), tmp_path / name, "cpu", "auto")  # provenance has the word tanh
    for file in (RUN, CURVES, PREDICTIONS, WEIGHTS):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    text = (tmp_path / "a" / RUN).read_text()
    for word in (*provenance(), "pack_wall_s", str(tmp_path)):
        assert f'"{word}"' not in text


def test_a_worker_says_what_became_of_each_run_and_where(run_config):
    runs = [run_config(seed=seed) for seed in range(3)]
    found, provenance = work_on(Pack(runs, "cpu"))
    assert found == [finish(run, result) for run, result in zip(runs, compute(runs, "cpu", "auto"), strict=True)]
    assert [run.run_id for run in found] == [run.run_id for run in runs]
    assert {"host", "torch", "finished", "pack_wall_s"} <= provenance.keys()
    assert (provenance["pack_width"], provenance["device"]) == (3, "cpu")


@pytest.mark.parametrize(
    ("backend", "computed_by"), [("auto", "compiled"), ("compiled", "compiled"), ("torch", "torch")]
)
def test_provenance_says_which_backend_computed_and_what_compiled_it(backend, computed_by, run_config):
    _, provenance = work_on(Pack([run_config()], "cpu", backend))
    assert provenance["backend"] == computed_by
    assert ({"numba", "llvmlite"} <= provenance.keys()) == (computed_by == "compiled")
