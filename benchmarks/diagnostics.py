"""What the diagnostics cost: their share of a run's training time at the default interval.  Promised: under 10 %.

    python benchmarks/diagnostics.py [steps]      300 if not said otherwise, a row of curves.csv every 10

Training time is all of a run: updates, the evaluations of every row, diagnostics.  The share of the updates alone is
printed beside it.  CPU time of this process, one thread.  States, gradient norms and gradients through time are
measured inside an update: their time is what a recorded update takes longer than another.  "!" marks a broken promise.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from rnnlab.config.parse import from_node
from rnnlab.config.run import RunConfig
from rnnlab.training import dynamics
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.lane import Lane
from rnnlab.training.loop import train
from rnnlab.training.pack import Pack

#        task and length             H    R   cell
CASES = [
    ({"name": "sines", "window": 10}, 32, 16, "rnn"),
    ({"name": "sines", "window": 10}, 32, 16, "lstm"),
    ({"name": "sines", "window": 10}, 32, 16, "gru"),
    ({"name": "adding", "length": 100, "n_train": 1000}, 100, 4, "rnn"),
    ({"name": "adding", "length": 100, "n_train": 1000}, 100, 4, "lstm"),
]
PARTS = {"eigenvalues": (dynamics, "of_weights"), "Lyapunov": (dynamics, "lyapunov_exponents")}
TIMED = PARTS | {"evaluation": (Evaluator, "pool_loss")}
EVERY = 10
PROMISED = 0.1


def timed(function: Callable[..., Any], spent: dict[str, float], name: str) -> Callable[..., Any]:
    """The function, which adds its CPU seconds to spent[name]."""

    def call(*arguments: Any, **options: Any) -> Any:
        started = time.process_time()
        try:
            return function(*arguments, **options)
        finally:
            spent[name] += time.process_time() - started

    return call


def seconds_of_recording(runs: list[RunConfig]) -> float:
    """What a recorded update of all lanes takes longer than another."""
    pack = Pack.begin([Lane.start(run) for run in runs], "cpu", "compiled")
    updates = pack.draw(1)
    least = {False: float("inf"), True: float("inf")}
    for _ in range(20):
        for recording in least:
            started = time.process_time()
            pack.backend.train(updates, recording=recording)
            least[recording] = min(least[recording], time.process_time() - started)
    return max(0.0, least[True] - least[False])


def measure(
    task: dict[str, Any], hidden_size: int, width: int, cell: str, steps: int
) -> tuple[float, float, dict[str, float]]:
    """CPU seconds of training a pack, of its evaluations, and of its diagnostics by part."""
    nodes = {"cell": {"name": cell, "hidden_size": hidden_size}, "optimizer": {"name": "adam"}}
    training = {"steps": steps, "batch_size": 64, "eval_every": EVERY}
    runs = [from_node({"task": task, "training": training, "seed": seed} | nodes) for seed in range(width)]
    spent: dict[str, float] = defaultdict(float)
    originals = {part: getattr(*place) for part, place in TIMED.items()}
    try:
        for part, (owner, name) in TIMED.items():
            setattr(owner, name, timed(originals[part], spent, part))
        started = time.process_time()
        train(runs, backend="compiled")
        total = time.process_time() - started
    finally:
        for part, (owner, name) in TIMED.items():
            setattr(owner, name, originals[part])
    recorded = seconds_of_recording(runs) * (steps // EVERY)
    return total, spent["evaluation"], {"in the update": recorded} | {part: spent[part] for part in PARTS}


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{steps} steps, a row every {EVERY}; share of the pack's training time, together under 10 % promised")
    print(
        "cell    T   H   R    total  together  of updates alone  "
        + "  ".join(f"{part:>13}" for part in ("in the update", *PARTS))
    )
    for task, hidden_size, width, cell in CASES:
        measure(task, hidden_size, width, cell, 20)  # what is done once in a process
        total, evaluation, parts = measure(task, hidden_size, width, cell, steps)
        spent = sum(parts.values())
        share = spent / total
        T = task.get("window") or task["length"]
        print(
            f"{cell:<5}{T:4}{hidden_size:4}{width:4}{total:7.1f} s{share:9.1%}{' ' if share < PROMISED else '!'}"
            f"{spent / (total - evaluation - spent):16.1%}  "
            + "  ".join(f"{seconds / total:13.2%}" for seconds in parts.values()),
            flush=True,
        )


if __name__ == "__main__":
    main()
