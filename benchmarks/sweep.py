"""Whole sweeps, from the command to the last record: the packed launcher beside Hydra's own, plain scripts, and JAX.

Every part is a process of its own, started here one after the other; the report is off.  Kernels are compiled before.
In brackets stands what is promised, with "!" where it is not so.

    python benchmarks/sweep.py                   all parts
    python benchmarks/sweep.py start throughput  some of: start throughput scale resume forecast workers

JAX is measured where jax and optax are installed, in this environment or in that of the interpreter JAX_PYTHON.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
QUIET = ["hydra.launcher.report=false"]
ACTIVATIONS = "cell.activation=tanh,sigmoid,relu,leaky_relu"
SMALL = [
    *("task=sines", "task.forecast_steps=0", "cell.hidden_size=32", "training.batch_size=32"),
    *("training.eval_every=null", ACTIVATIONS),
]
BASIC = ["hydra/launcher=basic", "hydra/sweeper=basic"]
JAX_PYTHON = os.environ.get("JAX_PYTHON", sys.executable)


def sweep(*arguments: str) -> float:
    """Seconds of one `rnnlab -m`, in an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        return timed([sys.executable, "-m", "rnnlab", "-m", *arguments], folder)


def timed(command: list[str], folder: str | Path = HERE) -> float:
    """Seconds of a command, which finds this repository's rnnlab."""
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    started = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL, env=os.environ | {"PYTHONPATH": path})
    return time.perf_counter() - started


def peer(name: str, n_seeds: int) -> float:
    return timed([JAX_PYTHON if name == "jax" else sys.executable, str(HERE / "peers.py"), name, str(n_seeds)])


def held(figure: float, at_least: float | None = None, at_most: float | None = None) -> str:
    """The mark of a figure, and its promise in brackets."""
    broken = (at_least is not None and figure < at_least) or (at_most is not None and figure > at_most)
    return f"{'!' if broken else ''} ({f'at least {at_least}' if at_most is None else f'at most {at_most}'} promised)"


def start() -> None:
    """The shortest sweep: one run of no steps."""
    seconds = min(sweep("task=sines", "task.n_points=120", "training.steps=0", *QUIET) for _ in range(3))
    print(f"start-up: {seconds:.2f} s{held(seconds, at_most=3)}")


def throughput() -> None:
    """4 activations x 200 seeds of a small network, 200 steps."""
    n, n_joblib, n_script = 200, 6, 4
    base = [*SMALL, "training.steps=200"]
    has_jax = subprocess.run([JAX_PYTHON, "-c", "import jax, optax"], capture_output=True).returncode == 0
    ours, jax = float("inf"), float("inf")
    for _ in range(2):  # in turn
        ours = min(ours, sweep(*base, *QUIET, f"seed=range({n})") / (4 * n))
        jax = min(jax, peer("jax", n) / (4 * n)) if has_jax else jax
    joblib = sweep(*base, f"seed=range({n_joblib})", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    peers = [
        ("joblib launcher", joblib / (4 * n_joblib), 40, f"from {4 * n_joblib} runs, 2 workers"),
        ("torch script", peer("torch", n_script) / (4 * n_script), 35, f"from {4 * n_script} runs"),
        *[("JAX", jax, 3, "compiling included")] * has_jax,
    ]
    print(f"throughput, {4 * n} runs of 200 steps, seconds per run from the command on")
    print(f"  rnnlab           {ours:8.4f}   {ours * 4 * n:.1f} s in all")
    for name, seconds, promised, how in peers:
        ratio = seconds / ours
        print(f"  {name:<15}  {seconds:8.4f}   {ratio:6.1f}x{held(ratio, at_least=promised)}   {how}")
    if not has_jax:
        print("  JAX                     -   not installed")


def scale() -> None:
    """Time per run and memory, at 1,000 and 10,000 runs."""
    print("scale, runs of 20 steps")
    base = [*SMALL, *QUIET, "task.n_points=100", "training.steps=20"]
    for n, promised in ((1000, None), (10000, 2.5)):
        per_run = sweep(*base, f"seed=range({n // 4})") / n * 1e3
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6
        mark = held(per_run, at_most=promised) if promised else ""
        print(
            f"  {n:6} runs: {per_run:5.2f} ms per run{mark}; the command's memory {peak:.2f} GB{held(peak, at_most=1)}"
        )


def resume() -> None:
    """A sweep of 20,000 runs that is complete: processor time and memory of the same command once more."""
    n_seeds = 5000
    options = {"task.n_points": 100, "task.forecast_steps": 0, "cell.hidden_size": 8, "training.batch_size": 32}
    with tempfile.TemporaryDirectory() as folder:
        make_records(Path(folder) / "outputs" / "scratch", options, n_seeds)
        command = [sys.executable, "-m", "rnnlab", "-m", "task=sines", ACTIVATIONS, f"seed=range({n_seeds})", *QUIET]
        command += [f"{key}={value}" for key, value in options.items()]
        print(f"resume, {4 * n_seeds} runs that are done, processor seconds and the command's memory")
        for what, most in (("records that were never checked", None), ("records that were checked before", 4)):
            seconds, peak_gb = spent(command, folder)
            mark = held(seconds, at_most=most) if most else ""
            print(f"  {what}: {seconds:5.2f} s{mark}; {peak_gb:.2f} GB{held(peak_gb, at_most=0.3)}")


def make_records(folder: Path, options: dict[str, float], n_seeds: int) -> None:
    """The records of a sweep over four activations, all with the numbers of one run."""
    from rnnlab.config.parse import from_node
    from rnnlab.sweep.finished import finish
    from rnnlab.training.loop import train

    node: dict[str, dict[str, object]] = {"task": {"name": "sines"}, "cell": {"name": "rnn"}, "training": {}}
    for key, value in options.items():
        section, _, name = key.partition(".")
        node[section][name] = value
    result = None
    for activation in ACTIVATIONS.partition("=")[2].split(","):
        for seed in range(n_seeds):
            cell = node["cell"] | {"activation": activation}
            run = from_node(node | {"cell": cell, "optimizer": {"name": "adam"}, "seed": seed})
            result = result or train([run])[0]
            finish(run, result).write(folder / run.folder, {"host": "made up"})


def spent(command: list[str], folder: str | Path) -> tuple[float, float]:
    """Processor seconds and peak memory in GB of a command and the processes that it waits for."""
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    environment = os.environ | {"PYTHONPATH": path}
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"the command ended with {status}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**20


def forecast() -> None:
    """300 runs of no steps, each with a closed loop of 2390 steps, as long as the lab's training set."""
    n, n_basic = 300, 20
    base = ["task=sines", "task.split=interleaved", "training.steps=0"]
    ours = sweep(*base, *QUIET, f"seed=range({n})")
    basic_start = sweep(*base, *BASIC, "seed=0")
    per_basic = (sweep(*base, *BASIC, f"seed=range({n_basic})") - basic_start) / (n_basic - 1)
    whole = basic_start + per_basic * (n - 1)
    print(f"forecast, {n} runs of zero steps with closed loops of 2390 steps")
    print(f"  rnnlab     {ours:7.1f} s")
    print(f"  basic      {whole:7.1f} s from {n_basic} runs, {per_basic * 1e3:.0f} ms per run beyond start-up")
    print(f"  ratio      {whole / ours:7.1f}x{held(whole / ours, at_least=25)}")


def workers() -> None:
    """One worker and two, on the same sweep, long enough that the start (importing torch, mostly) is a small part."""
    base = [*SMALL, *QUIET, "training.steps=4000", "seed=range(60)"]
    one, two = (sweep(*base, f"hydra.launcher.n_workers={n}") for n in (1, 2))
    print("workers, 240 runs of 4000 steps")
    print(f"  one {one:.1f} s, two {two:.1f} s: {one / two:.2f}x{held(one / two, at_least=1.8)}")


PARTS = {part.__name__: part for part in (start, throughput, scale, resume, forecast, workers)}


def main() -> int:
    chosen = sys.argv[1:] or list(PARTS)
    if unknown := set(chosen) - set(PARTS):
        print(f"unknown {', '.join(unknown)}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    sweep("task=sines", "task.n_points=120", "training.steps=0", *QUIET)  # compiles the kernels, if need be
    for name in chosen:
        PARTS[name]()
        sys.stdout.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main())
