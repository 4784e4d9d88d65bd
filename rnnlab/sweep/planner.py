"""Which runs share a pack.

Runs that can share a program are put side by side.  A pack should be wide enough that the time of one torch call is
spent computing, and narrow enough that the states of one time step, which every call reads and writes, stay in the
second-level cache; it must fit into memory; and there should be work for every worker to the end.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab.config.run import RunConfig
from rnnlab.nets.cells import Cell
from rnnlab.nets.padding import HIDDEN_UNIT, MIN_WIDTH, padded
from rnnlab.training.batches import LEAST_CHUNK, chunk_size
from rnnlab.training.construction import architecture
from rnnlab.training.pack import program_key

STATES = 2**15  # floats in the states of one time step of a pack, (R, B, H): benchmarks/pack_width.py
MAX_WIDTH = 256

# For estimates.  Seconds of one core: per multiply-add, per state and layer, per torch call on one time step of a pack,
# per update of a pack without its passes, and per record.
MULTIPLY_ADD_S, STATE_S, CALL_S, UPDATE_S, RUN_S = 2.5e-11, 1.5e-9, 4e-6, 3e-4, 5e-3


@dataclass(frozen=True)
class Plan:
    """Every run in exactly one pack, the longest packs first."""

    packs: Sequence[Sequence[RunConfig]]

    @property
    def n_runs(self) -> int:
        return sum(map(len, self.packs))

    def estimate_s(self, n_workers: int) -> float:
        """An estimate of the seconds that the packs take together, from the sizes of their products."""
        costs = [pack_cost_s(pack) for pack in self.packs]
        return max(sum(costs) / n_workers, max(costs, default=0.0))

    def describe(self, n_done: int, n_workers: int, folder: Path) -> str:
        """What would be computed, as text for a person."""
        lines = [f"{folder}: {n_done} runs are done, {self.n_runs} to compute in {len(self.packs)} packs"]
        kinds = Counter((_program(pack[0]), len(pack)) for pack in self.packs)
        lines += [f"  {n:4} x {width:3} runs of {program}" for (program, width), n in kinds.items()]
        for pack in self.packs:
            lines += [f"    {run.folder}" for run in pack]
        lines.append(f"about {_duration(self.estimate_s(n_workers))} on {n_workers} workers; nothing was trained")
        return "\n".join(lines)


def plan(runs: Sequence[RunConfig], n_workers: int, memory_gb: float, overhead_s: float = 0.0) -> Plan:
    """Put the runs into packs.  Runs with the same activation are neighbours, so that a pack calls few functions.

    memory_gb: for n_workers packs together.  overhead_s: the seconds that a pack costs beside its runs."""
    programs: dict[object, list[RunConfig]] = {}
    for run in runs:
        programs.setdefault(program_key(run), []).append(run)
    packs: list[list[RunConfig]] = []
    for members in programs.values():
        members.sort(key=lambda run: repr(run.cell.activation))
        n_packs = math.ceil(len(members) / best_width(members[0], n_workers, memory_gb))
        n_packs = max(n_packs, _worthwhile(members, n_workers, overhead_s))
        if len(members) >= 2 * n_workers and n_packs >= n_workers:  # as many packs for each worker
            n_packs = math.ceil(n_packs / n_workers) * n_workers
        packs += [members[len(members) * n // n_packs : len(members) * (n + 1) // n_packs] for n in range(n_packs)]
    return Plan(sorted(packs, key=pack_cost_s, reverse=True))


def _worthwhile(members: Sequence[RunConfig], n_workers: int, overhead_s: float) -> int:
    """The number of packs that keeps most workers busy, where each pack has at least two lanes and its overhead is at
    most a tenth of its time."""
    most = min(n_workers, len(members) // MIN_WIDTH)
    return min(most, int(pack_cost_s(members) / (10 * overhead_s))) if overhead_s else most


def best_width(run: RunConfig, n_workers: int, memory_gb: float) -> int:
    """The best number of lanes for a pack of runs like this one."""
    by_cache = max(2, STATES // (_chunk(run) * _hidden(run)))
    by_memory = max(1, int(memory_gb * 1e9 / n_workers / lane_bytes(run)))
    return min(by_cache, by_memory, MAX_WIDTH)


def lane_bytes(run: RunConfig) -> int:
    """An estimate of the bytes that one lane takes: traces, each with its gradient; parameters with gradients and the
    optimiser's state; data that no other lane uses.  It is 0.9 to 1.7 times the measured peak of a process, for rnn,
    lstm and gru of several sizes."""
    hidden, cell = _hidden(run), _cell(run)
    trace = run.task.seq_len * max(_chunk(run), LEAST_CHUNK) * hidden
    parameters = sum(w.fan_in * w.fan_out * len(w.gates) for w in architecture(run).padded().weights().values())
    data = run.task.n_train * run.task.seq_len * (1 if run.task.tokens else run.task.input_size)
    floats = trace * (2 * (cell.traces + 1) * run.cell.num_layers + 1) + 8 * parameters + data * run.task.generates
    return 4 * floats


def pack_cost_s(pack: Sequence[RunConfig]) -> float:
    """An estimate of the seconds that a pack takes on one core."""
    run = pack[0]
    n_train, every = run.task.n_train, run.training.eval_every
    n_evaluations = 1 if every is None else 2 + run.training.steps // every
    evaluated = min(run.training.eval_samples or n_train, n_train)
    chunk = _chunk(run)
    trained_chunks = math.ceil((run.training.batch_size or n_train) / chunk)
    passes = 3 * run.training.steps * trained_chunks + 2 * n_evaluations * math.ceil(evaluated / chunk)  # forward ones
    hidden, layers, cell = _hidden(run), max(run.cell.num_layers, 1), _cell(run)
    inputs = 1 if run.task.tokens else run.task.input_size
    products = layers * cell.products * hidden + cell.blocks * (inputs + (layers - 1) * hidden) + run.task.output_size
    state_s = hidden * (products * MULTIPLY_ADD_S + layers * cell.traces * STATE_S / 3)
    steps = passes * run.task.seq_len
    calls = steps * cell.traces * layers
    return len(pack) * (steps * chunk * state_s + RUN_S) + calls * CALL_S + run.training.steps * UPDATE_S


def _cell(run: RunConfig) -> type[Cell]:
    return architecture(run).cell


def _hidden(run: RunConfig) -> int:
    return padded(run.cell.hidden_size, HIDDEN_UNIT)


def _chunk(run: RunConfig) -> int:
    return chunk_size(run.training.batch_size or run.task.n_train, run.task.seq_len, _hidden(run))


def _program(run: RunConfig) -> str:
    batch = run.training.batch_size or "all"
    return (
        f"{run.task.name}, {run.cell.name} {run.cell.num_layers} x {run.cell.hidden_size}, {run.optimizer.name}, "
        f"{run.training.steps} steps of {batch}"
    )


def _duration(seconds: float) -> str:
    return (
        f"{seconds:.0f} s"
        if seconds < 120
        else f"{seconds / 60:.0f} min"
        if seconds < 7200
        else f"{seconds / 3600:.1f} h"
    )
