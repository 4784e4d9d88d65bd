"""What the diagnostics cost: their share of a run's training time at the default interval.  Promised: under 10 %.

    python benchmarks/diagnostics.py [steps]      300 if not said otherwise, a row of curves.csv every 10

Training time is all of a run: updates, the evaluations of every row, diagnostics.  The share of the updates alone is
printed beside it.  CPU time of this process, one thread.  Gradients through time are taken in the reverse pass: theirs
is what a recorded pass takes longer than the others, by the medians.
"""

from __future__ import annotations

import statistics
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

from rnnlab.config.run import from_node
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.training import diagnostics, dynamics
from rnnlab.training.evaluation import Evaluator
from rnnlab.training.loop import train

#        task and length             H    R   cell
CASES = [
    ({"name": "sines", "window": 10}, 32, 16, "rnn"),
    ({"name": "sines", "window": 10}, 32, 16, "lstm"),
    ({"name": "sines", "window": 10}, 32, 16, "gru"),
    ({"name": "adding", "length": 100, "n_train": 1000}, 100, 4, "rnn"),
    ({"name": "adding", "length": 100, "n_train": 1000}, 100, 4, "lstm"),
]
PARTS = {
    "states": (diagnostics, "of_states"),
    "norms": (diagnostics, "of_gradients"),
    "eigenvalues": (dynamics, "of_weights"),
    "Lyapunov": (dynamics, "lyapunov_exponents"),
}
TIMED = PARTS | {"backward": (Workspace, "backward"), "evaluation": (Evaluator, "pool_loss")}
PROMISED = 0.1


class Stopwatch:
    """CPU seconds of calls, by name."""

    def __init__(self) -> None:
        self.calls: dict[str, list[float]] = defaultdict(list)

    def timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **options: Any) -> Any:
            kind = f"{name} recorded" if options.get("through_time") is not None else name
            started = time.process_time()
            try:
                return function(*arguments, **options)
            finally:
                self.calls[kind].append(time.process_time() - started)

        return call

    def through_time_s(self) -> float:
        plain, recorded = self.calls["backward"], self.calls["backward recorded"]
        return max(0.0, statistics.median(recorded) - statistics.median(plain)) * len(recorded)


def measure(
    task: dict[str, Any], hidden_size: int, width: int, cell: str, steps: int
) -> tuple[float, float, dict[str, float]]:
    """CPU seconds of training a pack, of its evaluations, and of its diagnostics by part."""
    nodes = {"cell": {"name": cell, "hidden_size": hidden_size}, "optimizer": {"name": "adam"}}
    training = {"steps": steps, "batch_size": 64, "eval_every": 10}
    pack = [from_node({"task": task, "training": training, "seed": seed} | nodes) for seed in range(width)]
    watch = Stopwatch()
    originals = {part: getattr(*place) for part, place in TIMED.items()}
    try:
        for part, (owner, name) in TIMED.items():
            setattr(owner, name, watch.timed(part, originals[part]))
        started = time.process_time()
        train(pack)
        total = time.process_time() - started
    finally:
        for part, (owner, name) in TIMED.items():
            setattr(owner, name, originals[part])
    parts = {part: sum(watch.calls[part]) for part in PARTS} | {"through time": watch.through_time_s()}
    return total, sum(watch.calls["evaluation"]), parts


def main() -> None:
    steps = int(sys.argv[1]) if len(sys.argv) > 1 else 300
    print(f"{steps} steps, a row every 10; share of the pack's training time in per cent, together under 10 promised")
    print(
        "cell    T   H   R    total  together  of updates alone  "
        + "  ".join(f"{part:>12}" for part in (*PARTS, "through time"))
    )
    for task, hidden_size, width, cell in CASES:
        measure(task, hidden_size, width, cell, 20)  # what is done once in a process
        total, evaluation, parts = measure(task, hidden_size, width, cell, steps)
        spent = sum(parts.values())
        share = spent / total
        T = task.get("window") or task["length"]
        print(
            f"{cell:<5}{T:4}{hidden_size:4}{width:4}{total:7.1f} s{share:9.1%}{'' if share < PROMISED else '!'}"
            f"{spent / (total - evaluation - spent):17.1%}  "
            + "  ".join(f"{seconds / total:12.2%}" for seconds in parts.values()),
            flush=True,
        )


if __name__ == "__main__":
    main()
