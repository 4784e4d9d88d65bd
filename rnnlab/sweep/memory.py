"""How much memory a run takes, estimated before it is trained."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlab.config.run import RunConfig
from rnnlab.nets.backends import LEAST_CHUNK
from rnnlab.options import ConfigError
from rnnlab.sweep.checks import one_of_each_condition
from rnnlab.sweep.machine import memory_gb as memory_of_machine_gb
from rnnlab.sweep.options import KEY
from rnnlab.tasks.generated import Generated
from rnnlab.training.construction import architecture, recipe

FLOAT = 4  # bytes


def lane_bytes(run: RunConfig) -> int:
    """An estimate of the bytes that one lane takes: traces, each with its gradient; parameters with gradients and the
    optimiser's state; data that no other lane uses.

    Of kernels, whose lanes share the traces, it is what a pack of one takes."""
    return _trace_bytes(run) + _parameter_bytes(run) + _data_bytes(run) * run.task.generates


def run_bytes(run: RunConfig) -> int:
    """An estimate of the bytes that a run takes alone, with all of its data."""
    return _trace_bytes(run) + _parameter_bytes(run) + _data_bytes(run)


def check_memory(runs: Sequence[RunConfig], device: str, memory_gb: float | None) -> None:
    """Raise ConfigError for a run that takes more memory than there is.  memory_gb: None: what this machine has.

    Of a GPU's memory nothing is known here."""
    if device != "cpu":
        return
    limit_gb = memory_gb or memory_of_machine_gb()
    for run in one_of_each_condition(runs):
        if run_bytes(run) > limit_gb * 1e9:
            raise ConfigError(_too_large(run, limit_gb, f"{KEY}.memory_gb is" if memory_gb else "this machine has"))


def _too_large(run: RunConfig, limit_gb: float, whose: str) -> str:
    causes = {
        f"cell.hidden_size: {run.cell.hidden_size}": _parameter_bytes(run),
        f"training.batch_size: {run.training.batch_size or run.task.n_train}": _trace_bytes(run),
        f"task: {run.task.n_train} training samples of {run.task.seq_len} steps{_longer(run)}": _data_bytes(run),
    }
    largest = max(causes, key=lambda cause: causes[cause])
    return f"{largest}; a run would take about {run_bytes(run) / 1e9:.3g} GB of memory, and {whose} {limit_gb:.3g}"


def _longer(run: RunConfig) -> str:
    longer = run.task.with_longer_sequences
    return f", task.longer: {longer.seq_len} steps in the test" if longer else ""


def _trace_bytes(run: RunConfig) -> int:
    a = architecture(run)
    trace = run.task.seq_len * max(recipe(run).chunk, LEAST_CHUNK) * run.cell.hidden_size
    return FLOAT * trace * (2 * (a.cell.traces + 1) * run.cell.num_layers + 1)


def _parameter_bytes(run: RunConfig) -> int:
    return FLOAT * 8 * architecture(run).n_parameters


def _data_bytes(run: RunConfig) -> int:
    steps, longer = run.task.n_train * run.task.seq_len, run.task.with_longer_sequences
    if isinstance(longer, Generated):
        steps += longer.n_test * longer.seq_len
    return FLOAT * steps * (1 if run.task.tokens else run.task.input_size)
