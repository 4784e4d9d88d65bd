"""The report of a large study: seconds, peak memory and size of the page, from cold and again with nothing changed.

    python benchmarks/report.py [runs] [studies]    10,000 runs if not said otherwise, made up, in a temporary folder

studies: instead, the page over so many studies of so many runs each.

8 activations x 2 tasks x 5 learning rates x the seeds that are needed; relu diverges at high rates; every run has 31
evaluations and diagnostics, every tenth a table of gradients.  Times are of the command, its start-up included.
"""

from __future__ import annotations

import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from rnnlab.records.files import to_json
from rnnlab.records.run import Record, RunResult, TaskFacts, write_record
from rnnlab.records.tables import to_csv

ACTIVATIONS = ("tanh", "sigmoid", "relu", "leaky_relu", "elu", "gelu", "softsign", "identity")
RATES = (0.0003, 0.001, 0.003, 0.01, 0.03)
STEPS = np.arange(0, 301, 10)
TIMES = np.arange(20)


def make_study(folder: Path, n_runs: int) -> None:
    n_seeds = math.ceil(n_runs / (len(ACTIVATIONS) * len(RATES) * 2))
    names = []
    for task in ("sines", "digits"):
        for seed in range(n_seeds):
            for activation in ACTIVATIONS:
                for rate in RATES:
                    if len(names) < n_runs:
                        record = make_record(task, activation, rate, seed)
                        names.append(record.run_id)
                        write_record(folder / record.run_id, record, {"torch": "2.13.0", "host": "made up"})
                        if len(names) % 10 == 0:
                            write_gradients(folder / record.run_id, activation)
    claims = [
        {"says": f"{name} is better than sigmoid", "quantity": "score", "of": {"cell.activation": name},
         "against": {"cell.activation": "sigmoid"}, "is": "higher"}
        for name in ACTIVATIONS if name != "sigmoid"
    ]  # fmt: skip
    description = {"schema": 1, "study": "large", "question": "Does it scale?", "claims": claims, "expected": names}
    (folder / "study.json").write_text(to_json(description), encoding="utf-8")


def make_record(task: str, activation: str, rate: float, seed: int) -> Record:
    place = ACTIVATIONS.index(activation), RATES.index(rate)
    rng = np.random.default_rng([*place, seed, task == "digits"])
    naive = 2.3 if task == "digits" else 1.0
    diverged = activation in ("relu", "identity") and rng.random() < (0.0, 0.0, 0.05, 0.3, 0.7)[place[1]]
    final = naive * (0.05 + 0.03 * place[0] + 0.08 * abs(place[1] - 3 + place[0] % 3)) * rng.lognormal(0, 0.2)
    steps = STEPS[: 8 if diverged else None]
    losses = final + (1.2 * naive - final) * np.exp(-steps / 40) * rng.lognormal(0, 0.05, len(steps))
    if diverged:
        losses[-1] = math.nan
    metrics = {"train_loss": 0.9 * losses[-1], "eval_loss": losses[-1], "test_loss": losses[-1]}
    metrics |= {"naive_loss": naive, "naive_test_loss": naive}
    if task == "digits":
        metrics |= {"accuracy": float(np.clip(1 - losses[-1] / 3, 0, 1)) if not diverged else 0.1}
        label = np.arange(100) % 10
        wrong = np.where(rng.random(100) < 0.1, (label + 1) % 10, label)
        predictions = {"index": np.arange(100), "label": label, "predicted": wrong}
    else:
        metrics |= {"persistence_loss": 0.004, "persistence_test_loss": 0.004}
        metrics |= {"mse_closed_loop": float(rng.lognormal(0, 1))}
        t = np.linspace(0, 20, 200)
        truth = np.sin(t) + np.sin(2 * t)
        predictions = {"t": t, "truth": truth, "one_step": 0.95 * truth, "closed_loop": 0.5 * truth + rng.normal() / 5}
    noise = rng.random(len(steps))
    curves = {"step": steps, "train_loss": 0.9 * losses, "eval_loss": losses, "batch_loss": losses, "grad_norm": noise}
    curves |= {"clip_rate": noise / 2, "saturated_frac": noise / 3, "dead_frac": noise / 9, "hidden_norm": 1 + noise}
    result = RunResult(
        status="completed", steps_done=int(steps[-1]), diverged_at_step=int(steps[-1]) if diverged else None,
        divergence_reason="loss is not finite" if diverged else None, outcome="diverged" if diverged else "learned",
        metrics=metrics, curves=curves, predictions=predictions,
    )  # fmt: skip
    config = {
        "task": {"name": task},
        "cell": {"name": "rnn", "activation": activation, "hidden_size": 32, "num_layers": 1, "bias": True},
        "readout": {"activation": "linear", "bias": True},
        "optimizer": {"name": "adam", "learning_rate": rate, "beta1": 0.9, "beta2": 0.999, "clip_norm": 1.0},
        "training": {"steps": 300, "batch_size": 64, "eval_every": 10},
        "seed": seed,
    }
    kind, score = ("classes", "accuracy") if task == "digits" else ("series", "mse_closed_loop")
    facts = TaskFacts(task, "cross_entropy" if task == "digits" else "mse", kind, score, task == "digits")
    name = f"{task}-rnn-{activation}-s{seed}-{rate:g}"
    return Record(run_id=name, condition_id=name, config=config, task=facts, result=result)


def write_gradients(folder: Path, activation: str) -> None:
    steps, times = np.meshgrid([0, 100, 200, 300], TIMES, indexing="ij")
    slope = 0.5 if activation == "sigmoid" else 0.9
    norms = slope ** (TIMES[-1] - times) * (1 + steps / 300)
    columns = {"step": steps, "layer": np.zeros_like(steps), "t": times, "grad_norm": norms}
    (folder / "gradients.csv").write_text(to_csv({name: column.ravel() for name, column in columns.items()}))


def measured(folder: Path) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak memory in GB of the command."""
    before = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "rnnlab.report.command", str(folder)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"rnnlab-report ended with {status}")
    return time.perf_counter() - before, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def main() -> None:
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    n_studies = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "large"
        for name in range(n_studies):
            make_study(folder / f"study{name}", n_runs)
        if not n_studies:
            make_study(folder, n_runs)
        print(f"{n_studies or 1} x {n_runs:,} runs")
        for what in ("from cold", "nothing changed"):
            wall_s, processor_s, peak_gb = measured(folder)
            print(f"{what}: {wall_s:.1f} s ({processor_s:.1f} s of processor), {peak_gb:.2f} GB at most", flush=True)
        page = folder / "index.html" if n_studies else folder / "report" / "index.html"
        print(f"page: {page.stat().st_size / 2**20:.1f} MB")


if __name__ == "__main__":
    main()
