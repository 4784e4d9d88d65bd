"""A small made-up study: plausible numbers, known by construction, written with the lab's own record writer."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from rnnlab.records.run import Record, RunResult, TaskFacts, to_csv, write_record
from rnnlab.report import write_report

ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu")
NAIVE = {"sines": 1.0, "digits": math.log(10)}
FINAL = {"tanh": 0.02, "sigmoid": 0.5, "relu": 0.1, "leaky_relu": 0.01}  # as a part of the naive loss
STEPS = np.arange(0, 101, 10)


def make_record(task="sines", activation="tanh", seed=0, final=None, diverged_at=None, status="completed", **config):
    """A run of a task; config holds further keys with dots for __: optimizer__learning_rate=0.1."""
    naive = NAIVE[task]
    final = naive * FINAL.get(activation, 0.1) * (1 + 0.1 * seed) if final is None else final
    rng = np.random.default_rng(seed)
    curve = final + (1.5 * naive - final) * np.exp(-STEPS / 15)
    steps = STEPS
    if diverged_at is not None:
        steps = STEPS[diverged_at >= STEPS]
        curve = np.append(curve[: len(steps) - 1], math.nan)
        final = math.nan
    metrics = {"train_loss": final, "eval_loss": final, "test_loss": final}
    metrics |= {"naive_loss": naive, "naive_test_loss": naive}
    if task == "digits":
        label = np.arange(40) % 10
        predicted = np.where(np.arange(40) < 4, (label + 1) % 10, label)  # 36 of 40 right
        predictions = {"index": np.arange(40), "label": label, "predicted": predicted, "probability": rng.random(40)}
        metrics |= {"accuracy": 0.9 - FINAL.get(activation, 0.1) / 10, "eval_accuracy": 0.9, "naive_accuracy": 0.1}
    else:
        t = np.linspace(0, 20, 120)
        truth = np.sin(t) + np.sin(2 * t)
        loop = 0.5 * truth
        loop[:10] = math.nan
        if activation == "relu":
            loop[60:] = np.geomspace(10, 1e200, 60)
        predictions = {"t": t, "truth": truth, "one_step": 0.9 * truth, "closed_loop": loop}
        metrics |= {"persistence_loss": 0.004, "persistence_test_loss": 0.004}
        metrics |= {"mse_closed_loop": 1e200 if activation == "relu" else 0.25}
    outcome = "diverged" if diverged_at is not None else "learned"
    failed = status == "failed"
    result = RunResult(
        status=status,
        steps_done=0 if failed else int(steps[-1]),
        diverged_at_step=diverged_at,
        divergence_reason=None if diverged_at is None else "loss is not finite",
        outcome=None if failed else outcome,
        metrics={} if failed else metrics,
        curves={} if failed else {"step": steps, "train_loss": curve * 0.9, "eval_loss": curve},
        predictions={} if failed else predictions,
        error="Traceback (most recent call last):\n  ...\nValueError: the <b>disk</b> is full" if failed else None,
    )
    nested = {
        "task": {"name": task, "window": 10} if task == "sines" else {"name": task},
        "cell": {"name": "rnn", "activation": activation, "negative_slope": 0.01, "alpha": 1.0, "hidden_size": 50},
        "readout": {"activation": "linear", "bias": False},
        "optimizer": {"name": "sgd", "learning_rate": 0.005, "clip_norm": None},
        "seed": seed,
    }
    for key, value in config.items():
        group, _, name = key.partition("__")
        nested[group][name] = value
    classes = task == "digits"
    facts = TaskFacts(
        name=task,
        loss="cross_entropy" if classes else "mse",
        predictions="classes" if classes else "series",
        score="accuracy" if classes else "eval_loss",
        higher_is_better=classes,
    )
    name = "-".join(str(part) for part in (task, activation, *config.values(), seed))
    return Record(run_id=name, condition_id=name, config=nested, task=facts, result=result)


def write_runs(folder: Path, records) -> Path:
    for record in records:
        write_record(folder / record.run_id, record, {"versions": {"torch": "2.13.0"}, "started": "yesterday"})
    return folder


def write_study_file(folder: Path, **entries) -> None:
    (folder / "study.json").write_text(json.dumps({"schema": 1, "study": "activations"} | entries), encoding="utf-8")


def make_study(folder: Path) -> Path:
    """4 activations x 2 tasks x 5 seeds: relu diverges once on sines, tanh fails once on digits; one folder is
    broken, one was killed, one is missing."""
    records = []
    for task in NAIVE:
        for activation in ACTIVATIONS:
            for seed in range(5):
                diverged = 50 if (task, activation, seed) == ("sines", "relu", 3) else None
                status = "failed" if (task, activation, seed) == ("digits", "tanh", 4) else "completed"
                records.append(make_record(task, activation, seed, diverged_at=diverged, status=status))
    write_runs(folder, records)
    (folder / "broken").mkdir()
    (folder / "broken" / "run.json").write_text("{ half a rec")
    (folder / "killed" / ".hydra").mkdir(parents=True)
    (folder / "notes").mkdir()  # not a run folder at all
    write_study_file(
        folder,
        question="Which activation learns <i>a wave</i>?",
        command="rnnlab -m experiment=activations",
        study_sha256="abc123",
        expected=[*(record.run_id for record in records), "broken", "killed", "sines-gelu-0"],
    )
    return folder


KOREAN = '안녕하세요 세계, "hello"\n'


def make_text_record(activation="tanh", seed=0, **config):
    """A run that spelled a text, with two letters wrong for relu and none for the others."""
    record = make_record("sines", activation, seed, **config)
    truth = np.array(list(KOREAN))
    predicted = np.where((np.arange(len(truth)) < 2) & (activation == "relu"), "x", truth)
    n = len(truth)
    predictions = {"sample": np.zeros(n, int), "position": np.arange(n), "truth": truth, "predicted": predicted}
    losses = ("train_loss", "eval_loss", "test_loss", "naive_loss", "naive_test_loss")
    metrics = {name: record.result.metrics[name] for name in losses}
    metrics |= {"accuracy": float(np.mean(truth == predicted)), "spelled": float((truth == predicted).all())}
    task = replace(record.task, name="한글", loss="cross_entropy", predictions="text", score="accuracy",
                   higher_is_better=True)  # fmt: skip
    name = record.run_id.replace("sines", "hangul")
    result = replace(record.result, predictions=predictions, metrics=metrics)
    config = record.config | {"task": {"name": "한글"}}
    return replace(record, run_id=name, condition_id=name, task=task, result=result, config=config)


def with_diagnostics(record):
    """The record with what newer runs measure beside the loss."""
    n = len(record.result.curves["step"])
    extra = {"grad_norm": np.linspace(1, 0.1, n), "saturated_frac": np.linspace(0, 0.4, n)}
    extra |= {"dead_frac": np.full(n, 0.1), "grad_norm_layer0": np.full(n, 0.01), "grad_norm_layer1": np.ones(n)}
    exponent = {"tanh": -0.1, "sigmoid": -1.0, "relu": 0.2}[record.config["cell"]["activation"]]
    metrics = {"lyapunov_1_layer0": exponent, "lyapunov_1_layer1": -2.0, "spectral_radius_layer0": 1 + exponent}
    result = replace(record.result, curves=dict(record.result.curves) | extra, metrics=record.result.metrics | metrics)
    return replace(record, result=result)


def write_gradients(folder: Path, decay: float) -> None:
    """gradients.csv: three training steps, two layers, six time steps, each `decay` times the one after it."""
    step, layer, t = (axis.ravel() for axis in np.meshgrid([0, 50, 100], [0, 1], np.arange(6), indexing="ij"))
    norms = decay ** (5.0 - t) * np.where(layer == 1, 1.0, 7.0)
    table = {"step": step, "layer": layer, "t": t, "grad_norm": norms}
    (folder / "gradients.csv").write_text(to_csv(table), encoding="utf-8")


CLAIMS = [
    {"says": "relu는 tanh보다 자주 발산한다", "source": "F2", "quantity": "diverged",
     "of": {"cell.activation": "relu"}, "against": {"cell.activation": "tanh"}, "is": "higher"},
    {"says": "sigmoid is better than tanh", "quantity": "score", "of": {"cell.activation": "sigmoid"},
     "against": {"cell.activation": "tanh"}, "is": "higher"},
]  # fmt: skip


def make_rich_study(folder: Path) -> Path:
    """Everything a page can have: claims, three rates, diverged runs, text, gradients, diagnostics, 108 runs."""
    best = {"tanh": 0.1, "sigmoid": 1.0, "relu": 0.01}
    records = []
    for activation, own in best.items():
        for rate in (0.01, 0.1, 1.0):
            for seed in range(6):
                final = FINAL[activation] * (1 if rate == own else 2) * (1 + 0.05 * seed)
                diverged_at = 50 if activation == "relu" and (rate == 1.0 or (seed == 0 and rate == 0.1)) else None
                common = {"final": final, "diverged_at": diverged_at, "optimizer__learning_rate": rate}
                records.append(with_diagnostics(make_record("sines", activation, seed, **common)))
                records.append(make_text_record(activation, seed, final=final, optimizer__learning_rate=rate))
    write_runs(folder, records)
    for record in records:
        activation = record.config["cell"]["activation"]
        write_gradients(folder / record.run_id, {"tanh": 0.7, "sigmoid": 0.2, "relu": 1.1}[activation])
    expected = [record.run_id for record in records]
    write_study_file(folder, study="한글", question="어떤 활성화 함수가 <가장> 좋은가?", command="rnnlab -m ...",
                     expected=expected, claims=CLAIMS, claim_runs=[list(range(108))] * 2)  # fmt: skip
    return folder


@pytest.fixture(scope="session")
def build():
    """The makers of records and studies, for tests that need a study of their own."""

    class Build:
        record = staticmethod(make_record)
        runs = staticmethod(write_runs)
        study_file = staticmethod(write_study_file)
        study = staticmethod(make_study)
        text_record = staticmethod(make_text_record)
        with_diagnostics = staticmethod(with_diagnostics)
        gradients = staticmethod(write_gradients)

    return Build


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory) -> Path:
    """The made-up study without a report.  Only to be read."""
    return make_study(tmp_path_factory.mktemp("read") / "activations")


@pytest.fixture(scope="session")
def report_folder(tmp_path_factory) -> Path:
    """The report of the made-up study.  Only to be read."""
    return write_report(make_study(tmp_path_factory.mktemp("report") / "activations")).parent


@pytest.fixture(scope="session")
def rich_report(tmp_path_factory) -> Path:
    """The report of a study that has everything.  Only to be read."""
    return write_report(make_rich_study(tmp_path_factory.mktemp("rich") / "rich")).parent
