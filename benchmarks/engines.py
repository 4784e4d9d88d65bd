"""What a pack costs beside its runs on each engine, and what a second worker brings.

    python benchmarks/engines.py                 every engine that can be had here
    python benchmarks/engines.py local ray       some of: local ray slurm

Slurm is the one that .ci/slurm starts, or any other; its jobs pass through a folder in the current directory.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

from rnnlab.config.parse import from_node
from rnnlab.config.run import RunConfig
from rnnlab.options import ConfigError
from rnnlab.sweep.engine import Engine, Pack
from rnnlab.sweep.engines.local import LocalEngine
from rnnlab.sweep.engines.ray import RayEngine, RaySettings
from rnnlab.sweep.engines.slurm import SlurmEngine, SlurmSettings
from rnnlab.sweep.execute import Execution

EMPTY_PACKS = {"local": 200, "ray": 200, "slurm": 6}
WIDTH, N_PACKS = 16, 8


def run_config(seed: int, steps: int) -> RunConfig:
    return from_node(
        {
            "task": {"name": "sines", "n_points": 400, "forecast_steps": 0},
            "cell": {"name": "rnn", "hidden_size": 32},
            "optimizer": {"name": "adam"},
            "training": {"steps": steps, "batch_size": 32, "eval_every": None},
            "seed": seed,
        }
    )


def engines(folder: Path) -> dict[str, Callable[[int], Engine]]:
    """Name -> what starts it with so many workers."""
    return {
        "local": lambda n: LocalEngine(n, memory_gb=4.0),
        "ray": lambda n: RayEngine(RaySettings(), n),
        "slurm": lambda n: SlurmEngine(SlurmSettings(array_parallelism=n, poll_s=0.5), folder / ".slurm"),
    }


def seconds(engine: Engine, packs: Sequence[Sequence[RunConfig]]) -> tuple[float, float]:
    """From the first submission to the last result; of these, what the workers say they were at work (added up)."""
    started, at_work = time.perf_counter(), 0.0
    for delivery in Execution([Pack(runs, "cpu", checkpoint_s=60.0) for runs in packs], engine).deliveries():
        if delivery is not None:
            assert delivery.finished.status == "completed", delivery.finished.summary
            at_work += delivery.provenance["pack_wall_s"] / delivery.provenance["pack_width"]
    return time.perf_counter() - started, at_work


def measure(name: str, start: Callable[[int], Engine]) -> None:
    empty = [[run_config(seed, 0)] for seed in range(EMPTY_PACKS[name])]
    full = [[run_config(WIDTH * n + k, 1000) for k in range(WIDTH)] for n in range(N_PACKS)]
    took = {}
    for n_workers in (1, 2):
        started = time.perf_counter()
        with closing(start(n_workers)) as engine:
            seconds(engine, empty[:n_workers])
            ready = time.perf_counter() - started
            took[n_workers], _ = seconds(engine, full)
            if n_workers == 1:
                whole, at_work = seconds(engine, empty)
                print(f"{name}: first pack after {ready:.1f} s")
                print(
                    f"  {(whole - at_work) / len(empty) * 1e3:8.1f} ms per pack beside its runs, one at a time", end=""
                )
                print(f" ({at_work / len(empty) * 1e3:.1f} ms for a run without a step)")
    rate = {n: WIDTH * N_PACKS / took[n] for n in took}
    print(f"  {rate[1]:8.1f} and {rate[2]:.1f} runs/s on 1 and 2 workers, {N_PACKS} packs of {WIDTH}: ", end="")
    print(f"{rate[2] / rate[1]:.2f}x")


def main() -> int:
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        known = engines(Path(folder))
        chosen = sys.argv[1:] or list(known)
        if unknown := set(chosen) - set(known):
            print(f"unknown {', '.join(unknown)}; there are {', '.join(known)}", file=sys.stderr)
            return 2
        for name in chosen:
            try:
                measure(name, known[name])
            except ConfigError as error:
                print(f"{name}: not measured ({error})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
