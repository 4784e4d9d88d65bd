"""Sweeps of 10^5 and 10^6 runs on 10, 100 and 1,000 nodes, in simulated time: where would the limit be?

The real Execution hands packs to a simulated cluster whose clock jumps from event to event.  What things cost is
measured elsewhere (docs/scaling.md says where) and stated below; nodes fail at random, and take their packs with them.

    python benchmarks/scale_simulation.py                     the table
    python benchmarks/scale_simulation.py --mtbf-h 10         with nodes that fail every ten hours
"""

from __future__ import annotations

import argparse
import heapq
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from types import SimpleNamespace

from rnnlab.sweep.engine import Died, Done, Event, Pack
from rnnlab.sweep.execute import Execution
from rnnlab.sweep.finished import FinishedRun

CORES = 16  # of a node; each computes one pack at a time
MAX_WIDTH = 32  # runs of a pack; fewer where else a core would be idle, as rnnlab.sweep.planner plans it


@dataclass(frozen=True)
class Costs:
    """Seconds of one core."""

    run: float  # training
    compose: float = 0.0005  # per run: composed, checked, hashed, looked for and planned, before the first pack starts
    write: float = 0.0017  # per run: received and written down by the front end
    pack: float = 0.01  # beside its runs, on the node
    report: float = 0.002  # per run, at the end


@dataclass
class SimulatedCluster:
    """An engine in simulated time.  mtbf_s: mean time between failures of a node; a lost pack is reported at once."""

    n_nodes: int
    costs: Costs
    mtbf_s: float
    generator: random.Random
    now: float = 0.0
    busy_s: float = 0.0
    n_free: int = 0
    finishing: list[tuple[float, int, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.n_free = self.n_nodes * CORES

    def submit(self, pack: Pack) -> None:
        self.n_free -= 1
        takes = self.costs.pack + len(pack.runs) * self.costs.run
        lost_after = self.generator.expovariate(1 / self.mtbf_s)
        event: Event = Died(pack) if lost_after < takes else Done(pack, _finished(pack), {})
        takes = min(takes, lost_after)
        self.busy_s += takes
        heapq.heappush(self.finishing, (self.now + takes, id(pack), event))

    def wait(self, timeout_s: float | None) -> list[Event]:
        """Everything that has happened by now, or else the next thing, however long that takes."""
        if not self.finishing or (timeout_s == 0 and self.finishing[0][0] > self.now):
            return []
        self.now = max(self.now, self.finishing[0][0])
        events = []
        while self.finishing and self.finishing[0][0] <= self.now:
            events.append(heapq.heappop(self.finishing)[2])
        self.n_free += len(events)
        return events


def _finished(pack: Pack) -> list[FinishedRun]:
    return [FinishedRun(run.run_id, {}, "completed", False, 0.0, "") for run in pack.runs]


def simulate(n_runs: int, n_nodes: int, costs: Costs, mtbf_h: float) -> dict[str, float]:
    """What a sweep comes to, in seconds but for the counts."""
    cluster = SimulatedCluster(n_nodes, costs, mtbf_h * 3600, random.Random(0), now=n_runs * costs.compose)
    runs = [SimpleNamespace(run_id=n) for n in range(n_runs)]
    width = min(MAX_WIDTH, max(2, n_runs // (n_nodes * CORES)))
    packs = [Pack(runs[n : n + width], "cpu", checkpoint_s=60.0) for n in range(0, n_runs, width)]
    endings: Counter[str] = Counter()
    really = time.process_time()
    for delivery in Execution(packs, cluster).deliveries():
        if delivery is not None:
            endings[delivery.finished.status] += 1
            cluster.now += costs.write
    really = time.process_time() - really
    whole = cluster.now + n_runs * costs.report
    ideal = n_runs * costs.run / (n_nodes * CORES)
    return {
        "whole": whole,
        "ideal": ideal,
        "front end": n_runs * (costs.compose + costs.write),
        "report": n_runs * costs.report,
        "execution": really,
        "used": cluster.busy_s / (n_nodes * CORES * whole),
        "failed": endings["failed"],
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mtbf-h", type=float, default=1000.0, help="hours between two failures of a node")
    options = parser.parse_args()
    print(
        f"{CORES} packs of up to {MAX_WIDTH} runs at once on a node; a failure every {options.mtbf_h:g} hours; seconds"
    )
    print("core-s/run     runs  nodes    ideal    whole   cores busy  front end  report  scheduling  lost")
    for run_s in (1.0, 60.0):
        for n_runs in (10**5, 10**6):
            for n_nodes in (10, 100, 1000):
                s = simulate(n_runs, n_nodes, Costs(run=run_s), options.mtbf_h)
                print(
                    f"{run_s:10.0f} {n_runs:8} {n_nodes:6} {s['ideal']:8.0f} {s['whole']:8.0f} {s['used']:11.0%}"
                    f" {s['front end']:10.0f} {s['report']:7.0f} {s['execution']:11.1f} {s['failed']:5.0f}"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
