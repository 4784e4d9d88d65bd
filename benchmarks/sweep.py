"""Whole sweeps, from the command to the last record: the packed launcher beside Hydra's own, plain scripts, and JAX.

Every part is a process of its own, started here one after the other; the report is off.

    python benchmarks/sweep.py                      all parts
    python benchmarks/sweep.py overhead scale       some of: overhead throughput workers scale

JAX is measured where jax and optax are installed (they are not needed otherwise).
"""

from __future__ import annotations

import importlib.util
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUIET = ["hydra.launcher.report=false"]
EMPTY = ["task.n_points=100", "task.forecast_steps=0", "training.steps=0"]
SMALL = [
    *("task=sines", "task.forecast_steps=0", "cell.hidden_size=32", "training.batch_size=32"),
    *("training.steps=200", "training.eval_every=null", "cell.activation=tanh,sigmoid,relu,leaky_relu"),
]


def without(arguments: list[str], key: str) -> list[str]:
    return [argument for argument in arguments if not argument.startswith(f"{key}=")]


def sweep(*arguments: str) -> float:
    """Seconds of one `rnnlab -m`, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return timed([sys.executable, "-m", "rnnlab", "-m", *arguments], folder)


def timed(command: list[str], folder: str | Path = HERE) -> float:
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def overhead() -> None:
    """1200 runs of no steps."""
    n, n_basic = 1200, 40
    start = sweep(*EMPTY, *QUIET, "seed=0")
    packed = sweep(*EMPTY, *QUIET, f"seed=range({n})")
    basic_start = sweep(*EMPTY, "hydra/launcher=basic", "hydra/sweeper=basic", "seed=0")
    basic = sweep(*EMPTY, "hydra/launcher=basic", "hydra/sweeper=basic", f"seed=range({n_basic})")
    per_run, per_basic = (packed - start) / (n - 1), (basic - basic_start) / (n_basic - 1)
    whole = basic_start + per_basic * (n - 1)
    print(f"overhead, {n} runs of zero steps")
    print(f"  packed     {packed:7.1f} s, {per_run * 1e3:6.2f} ms per run beyond start-up (at most 4 promised)")
    print(f"  basic      {whole:7.1f} s from {n_basic} runs, {per_basic * 1e3:6.2f} ms per run")
    print(f"  ratio      {whole / packed:7.1f}x (15x promised)")


def throughput() -> None:
    """4 activations x 200 seeds of a small network, 200 steps."""
    n, n_joblib = 200, 6
    packed = sweep(*SMALL, *QUIET, f"seed=range({n})") / (4 * n)
    joblib = sweep(*SMALL, f"seed=range({n_joblib})", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2") / (
        4 * n_joblib
    )
    script = timed([sys.executable, str(HERE / "peers.py"), "torch", "4"]) / 16
    print(f"throughput, {4 * n} runs of 200 steps, seconds per run from the command on")
    print(f"  packed           {packed:8.4f}   {1 / packed:6.1f} runs/s")
    print(f"  joblib launcher  {joblib:8.4f}   {joblib / packed:6.1f}x (8x promised; {4 * n_joblib} runs)")
    print(f"  torch script     {script:8.4f}   {script / packed:6.1f}x (12x promised; 16 runs)")
    if importlib.util.find_spec("jax") and importlib.util.find_spec("optax"):
        jax = timed([sys.executable, str(HERE / "peers.py"), "jax", str(n)]) / (4 * n)
        print(f"  jax              {jax:8.4f}   {jax / packed:6.1f}x (2x promised; compiling included)")
    else:
        print("  jax                     -   not installed")


def workers() -> None:
    """One worker and two, on the same sweep, long enough that the start (importing torch, mostly) is a small part."""
    base = [*without(SMALL, "training.steps"), *QUIET, "training.steps=4000"]
    one, two = (sweep(*base, "seed=range(60)", f"hydra.launcher.n_workers={n}") for n in (1, 2))
    start = sweep(*without(SMALL, "training.steps"), *QUIET, "seed=0", "training.steps=0")
    beyond = (one - start) / (two - start)
    print(f"workers, 240 runs of 4000 steps; start-up {start:.1f} s")
    print(f"  one {one:.1f} s, two {two:.1f} s: {one / two:.2f}x (1.8x promised); beyond start-up {beyond:.2f}x")


def scale() -> None:
    """Time per run and memory of the main process, at 1,000 and 10,000 runs."""
    print("scale, runs of 20 steps")
    base = [*without(SMALL, "training.steps"), *QUIET, "task.n_points=100", "training.steps=20"]
    per_run = []
    for n in (1000, 10000):
        before = time.perf_counter()
        sweep(*base, f"seed=range({n // 4})")
        per_run.append((time.perf_counter() - before) / n)
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        print(f"  {n:6} runs: {per_run[-1] * 1e3:6.2f} ms per run, greatest process {peak:.2f} GB (under 1 promised)")
    print(f"  ratio {per_run[1] / per_run[0]:.2f} (at most 1.3 promised)")


PARTS = {part.__name__: part for part in (overhead, throughput, workers, scale)}


def main() -> int:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        print(f"unknown {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    for name in chosen:
        PARTS[name]()
    return 0


if __name__ == "__main__":
    sys.exit(main())
