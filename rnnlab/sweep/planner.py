"""Which runs share a pack.

Runs that can share a program, and that one backend computes, are put together.  On the CPU the lanes of a pack are
computed one after the other: a pack is as wide as a few seconds of work, so that there are packs for every worker to
the end, and none is so short that what it costs beside its runs counts.  On a GPU all lanes are computed in one call:
packs are wide enough that a call is spent computing.  A pack must fit into memory.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rnnlab.config.run import RunConfig
from rnnlab.options import counted
from rnnlab.sweep.memory import lane_bytes
from rnnlab.training.construction import architecture, program_key, recipe

PACK_S = 2.0  # the time of a pack on the CPU, about
STATES = 2**15  # on a GPU: floats in the states of one time step of a pack, (R, B, H)
TIMES_PLAIN = 20  # plain torch takes about so many times as long as kernels, for a network of some 32 units
MAX_WIDTH = 256
MOST_NAMED = 1000  # runs in the description of a plan

# For estimates.  Seconds of one core: per multiply-add, per state and kind of pre-activation, and per run beside its
# passes.
MULTIPLY_ADD_S, STATE_S, RUN_S = 2e-11, 5e-10, 8e-3


@dataclass(frozen=True)
class Plan:
    """Every run in exactly one pack, the longest packs first.  costs_s: an estimate for each pack."""

    packs: Sequence[Sequence[RunConfig]]
    costs_s: Sequence[float] = ()

    @property
    def n_runs(self) -> int:
        return sum(map(len, self.packs))

    def estimate_s(self, n_workers: int) -> float:
        """An estimate of the seconds that the packs take together, from the sizes of their products."""
        return max(sum(self.costs_s) / n_workers, max(self.costs_s, default=0.0))

    def describe(self, n_done: int, n_workers: int, folder: Path) -> str:
        """What would be computed, as text for a person.  Of many runs it names the first."""
        done = f"{counted(n_done, 'run')} {'is' if n_done == 1 else 'are'} done"
        lines = [f"{folder}: {done}, {self.n_runs:,} to compute in {counted(len(self.packs), 'pack')}"]
        kinds = Counter((_program(pack[0]), len(pack)) for pack in self.packs)
        lines += [f"  {n:4} x {counted(width, 'run'):>8} of {program}" for (program, width), n in kinds.items()]
        runs = (run for pack in self.packs for run in pack)
        lines += [f"    {run.folder}" for run in islice(runs, MOST_NAMED)]
        if self.n_runs > MOST_NAMED:
            lines.append(f"    ... and {self.n_runs - MOST_NAMED:,} more")
        lines.append(
            f"about {_duration(self.estimate_s(n_workers))} on {counted(n_workers, 'worker')}; nothing was trained"
        )
        return "\n".join(lines)


def plan(
    runs: Sequence[RunConfig],
    n_workers: int,
    memory_gb: float,
    overhead_s: float = 0.0,
    backend_of: Callable[[RunConfig], str] = lambda run: "compiled",
    device: str = "cpu",
) -> Plan:
    """Put the runs into packs.

    memory_gb: for n_workers packs together.  overhead_s: the seconds that a pack costs beside its runs.  backend_of:
    the name of the backend that computes a run; a pack has one.  device: that of all runs."""
    conditions: dict[int, list[RunConfig]] = {}  # runs that share their sections share all but the seed
    for run in runs:
        conditions.setdefault(id(run.parts), []).append(run)
    programs: dict[tuple[object, ...], list[list[RunConfig]]] = {}
    for same in conditions.values():
        programs.setdefault((backend_of(same[0]), *program_key(same[0])), []).append(same)
    packs: list[tuple[float, list[RunConfig]]] = []
    for (backend, *_), found in programs.items():
        found.sort(key=lambda same: repr(same[0].cell.activation))  # plain torch calls each activation once
        members = [run for same in found for run in same]
        n_packs = math.ceil(len(members) / best_width(members[0], n_workers, memory_gb, str(backend), device))
        n_packs = max(n_packs, _worthwhile(members, n_workers, overhead_s))
        if len(members) >= 2 * n_workers and n_packs >= n_workers:  # as many packs for each worker
            n_packs = min(math.ceil(n_packs / n_workers) * n_workers, len(members))
        run_s = pack_cost_s(members[:1]) * _times_compiled(str(backend), device)
        parted = [members[len(members) * n // n_packs : len(members) * (n + 1) // n_packs] for n in range(n_packs)]
        packs += [(len(pack) * run_s, pack) for pack in parted]
    packs.sort(key=lambda pack: pack[0], reverse=True)
    return Plan([pack for _, pack in packs], [cost_s for cost_s, _ in packs])


def _worthwhile(members: Sequence[RunConfig], n_workers: int, overhead_s: float) -> int:
    """The number of packs that keeps most workers busy, where the overhead of a pack is at most a tenth of its time."""
    most = min(n_workers, len(members))
    return max(1, min(most, int(pack_cost_s(members) / (10 * overhead_s)))) if overhead_s else most


def best_width(run: RunConfig, n_workers: int, memory_gb: float, backend: str = "compiled", device: str = "cpu") -> int:
    """The best number of lanes for a pack of runs like this one."""
    if device == "cpu":
        by_time = max(1, int(PACK_S / (_times_compiled(backend, device) * pack_cost_s([run]))))
    else:
        by_time = max(2, STATES // (recipe(run).chunk * run.cell.hidden_size))
    by_memory = max(1, int(memory_gb * 1e9 / n_workers / lane_bytes(run)))
    return min(by_time, by_memory, MAX_WIDTH)


def _times_compiled(backend: str, device: str) -> int:
    """How many times as long as compiled a run takes on the CPU, about."""
    return 1 if backend == "compiled" or device != "cpu" else TIMES_PLAIN


def pack_cost_s(pack: Sequence[RunConfig]) -> float:
    """An estimate of the seconds that a pack takes on one core, compiled."""
    run, a = pack[0], architecture(pack[0])
    n_train, every = run.task.n_train, run.training.eval_every
    n_evaluations = 1 if every is None else 2 + run.training.steps // every
    evaluated = min(run.training.eval_samples or n_train, n_train)
    samples = 3 * run.training.steps * (run.training.batch_size or n_train) + 2 * n_evaluations * evaluated
    hidden, layers = run.cell.hidden_size, max(run.cell.num_layers, 1)
    inputs = 1 if run.task.tokens else run.task.input_size
    products = layers * a.cell.products * hidden + a.cell.blocks * (inputs + (layers - 1) * hidden) + a.output_size
    state_s = hidden * (products * MULTIPLY_ADD_S + layers * a.cell.traces * STATE_S)
    return len(pack) * (samples * run.task.seq_len * state_s + RUN_S)


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
