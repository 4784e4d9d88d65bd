"""A small study with everything that an export must cope with, written with the lab's own record writer."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from rnnlab.export.export import export
from rnnlab.records.run import Record, RunResult, TaskFacts, write_record

STEPS = np.arange(0, 41, 10)
SERIES = TaskFacts("sines", "mse", "series", "eval_loss", False)
TEXT = TaskFacts("hihello", "cross_entropy", "text", "accuracy", True)
CLAIM = {
    "says": "relu is better than tanh", "quantity": "score", "of": {"cell.activation": "relu"},
    "against": {"cell.activation": "tanh"}, "is": "higher",
}  # fmt: skip
FINISHED = "2026-03-04T05:06:07+00:00"
FINISHED_S = 1772600767  # the same in seconds since 1970


def make_record(name, task=SERIES, activation="tanh", seed=0, status="completed", diverged_at=None, **cell):
    """A run called `name`, with losses that are known by its seed."""
    final = 0.05 + 0.01 * seed + 0.02 * (activation == "relu")
    losses = final + np.exp(-STEPS / 10.0)
    if diverged_at is not None:
        losses, final = np.where(diverged_at <= STEPS, math.inf, losses), math.nan
    metrics = {"train_loss": final, "eval_loss": final, "test_loss": final, "naive_loss": 1.0, "naive_test_loss": 1.0}
    if task is TEXT:
        truth = np.array(list("=hé,lo"))
        predictions = {"sample": np.zeros(6, int), "position": np.arange(6), "truth": truth, "predicted": truth[::-1]}
        metrics |= {"accuracy": 0.5}
    else:
        t = np.linspace(0, 1, 12)
        predictions = {"t": t, "truth": np.sin(t), "one_step": np.sin(t) / 3, "closed_loop": np.sin(t) / 7}
    failed = status == "failed"
    result = RunResult(
        status=status,
        steps_done=0 if failed else 40,
        diverged_at_step=diverged_at,
        divergence_reason=None if diverged_at is None else "loss is not finite",
        outcome=None if failed else "learned" if diverged_at is None else "diverged",
        metrics={} if failed else metrics,
        curves={} if failed else {"step": STEPS, "train_loss": losses, "eval_loss": losses, "grad_norm": losses / 3},
        predictions={} if failed else predictions,
        gradients={} if failed else {"step": np.array([0, 0]), "layer": np.array([0, 0]), "t": np.array([0, 1]),
                                     "grad_norm": np.array([0.1, 1.0])},
        error="Traceback (most recent call last):\n  ...\nValueError: the disk is full" if failed else None,
    )  # fmt: skip
    config = {
        "task": {"name": task.name},
        "cell": {"name": "rnn", "activation": activation, "hidden_size": 8} | cell,
        "readout": {"bias": False},
        "optimizer": {"name": "adam", "learning_rate": 0.01, "clip_norm": None},
        "seed": seed,
    }
    return Record(run_id=name, condition_id=name, config=config, task=task, result=result)


def write_runs(folder: Path, records, **provenance) -> Path:
    for record in records:
        write_record(folder / record.run_id, record, {"finished": FINISHED, "pack_wall_s": 2.5} | provenance)
    return folder


def make_study(folder: Path) -> Path:
    """Two activations x three seeds on a curve, a run that diverged, one that failed, one of text, one that is damaged
    and one that was killed."""
    records = [
        make_record(f"sines-{activation}-{seed}", activation=activation, seed=seed)
        for activation in ("tanh", "relu")
        for seed in range(3)
    ]
    records += [
        make_record("sines-relu-3", activation="relu", seed=3, diverged_at=20),
        make_record("sines-tanh-3", seed=3, status="failed"),
        make_record("hihello-tanh-0", TEXT, sizes=[8, 4]),
    ]
    write_runs(folder, records)
    (folder / "damaged").mkdir()
    (folder / "damaged" / "run.json").write_text("{ half a rec")
    (folder / "killed" / ".hydra").mkdir(parents=True)
    content = {"schema": 1, "study": "한글 study", "question": "Which one?", "claims": [CLAIM]}
    (folder / "study.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


@pytest.fixture
def study(tmp_path) -> Path:
    return make_study(tmp_path / "a study")


@pytest.fixture
def build():
    """The makers of records and runs, for tests that need a study of their own."""

    class Build:
        record = staticmethod(make_record)
        runs = staticmethod(write_runs)
        finished_s = FINISHED_S

    return Build


@pytest.fixture(scope="session")
def kept_study(tmp_path_factory) -> Path:
    """The same study.  Only to be read."""
    return make_study(tmp_path_factory.mktemp("kept") / "a study")


@pytest.fixture(scope="session")
def exported(kept_study):
    """exported("csv") -> the folder of the export of kept_study.  Only to be read."""
    return cache(lambda to: export(kept_study, to)[0])


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder with its bytes."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.fixture
def contents_of():
    return contents
