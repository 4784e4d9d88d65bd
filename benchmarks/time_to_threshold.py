"""How long each cell of a study needs to a validation score: updates, and seconds of the processor.

    python benchmarks/time_to_threshold.py outputs/modern 0.5

Updates come from the records: by task, cell and activation, at the learning rate at which the median is lowest, by
Kaplan and Meier, so that runs that never get there count.  What an update takes is measured here: the conditions of a
task are trained in turn, a pack of 8 lanes each and in one thread, and each has the best of its repeats.  Seconds are
the product.  They belong to this machine; their ratios, to the quickest of the task, say more.
"""

from __future__ import annotations

import argparse
import math
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import numpy as np

from rnnlab.config.parse import from_record
from rnnlab.config.run import RunConfig
from rnnlab.records.run import read_record
from rnnlab.report.judging.quantities import updates
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Run, Study
from rnnlab.statistics.survival import Reached, reached
from rnnlab.training.lane import Lane
from rnnlab.training.pack import Pack

LANES, UPDATES, REPEATS = 8, 20, 5
NAMED = ("task.name", "cell.name", "cell.activation")

Condition = tuple[str, ...]  # the values of NAMED


def quickest(study: Study, threshold: float) -> dict[Condition, tuple[Reached, Run]]:
    """By condition, over its other settings: the times to the threshold where their median is lowest, and a run."""
    groups: dict[tuple[Condition, str], list[Run]] = defaultdict(list)
    for run in study.members:
        named = tuple(str(run.config.get(key, "")) for key in NAMED)
        groups[named, str(sorted(run.settings.items(), key=str))].append(run)
    found: dict[Condition, tuple[Reached, Run]] = {}
    for (named, _), runs in groups.items():
        known = [value for run in runs if (value := updates(study, run, {"score": threshold})) is not None]
        if not known:
            continue
        times = reached(np.array(known))
        rank = (times.median, -times.n_reached)
        if named not in found or rank < (found[named][0].median, -found[named][0].n_reached):
            found[named] = times, runs[0]
    return found


def pack_of(run: RunConfig) -> Pack:
    return Pack.begin([Lane.start(run.with_seed(seed)) for seed in range(LANES)], "cpu", "compiled")


def seconds_per_update(runs: list[RunConfig]) -> list[float]:
    """Of one lane, in turn, the best of the repeats."""
    packs = [pack_of(replace(run, training=replace(run.training, save_weights=False))) for run in runs]
    least = [math.inf] * len(packs)
    for _ in range(REPEATS):
        for n, pack in enumerate(packs):
            drawn = pack.draw(min(UPDATES, pack.most_updates))
            started = time.process_time()
            pack.backend.train(drawn, recording=False)
            least[n] = min(least[n], (time.process_time() - started) / drawn.rows.shape[1] / LANES)
    return least


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("study", type=Path)
    parser.add_argument("score", type=float, help="the validation score that is to be reached, between 0 and 1")
    arguments = parser.parse_args()
    study = read_study(arguments.study)
    found = quickest(study, arguments.score)
    for task in dict.fromkeys(named[0] for named in found):
        of_task = sorted(named for named in found if named[0] == task)
        rows = [(named[1:], *found[named]) for named in of_task]
        configs = [from_record(read_record(arguments.study / run.folder).config) for _, _, run in rows]
        costs = seconds_per_update(configs)
        seconds = [cost * times.median for (_, times, _), cost in zip(rows, costs, strict=True)]
        print(f"\n{task}, to a validation score of {arguments.score:g}")
        print(f"{'':30} {'got there':>10} {'updates':>8} {'ms/update':>10} {'seconds':>8} {'ratio':>6}")
        for (cell, times, _), cost, taken in zip(rows, costs, seconds, strict=True):
            line = f"{' '.join(cell):30} {times.n_reached:>4} of {times.n:<3}"
            if math.isinf(times.median):
                print(f"{line}    never by half")
                continue
            print(f"{line} {times.median:8.0f} {1000 * cost:10.3f} {taken:8.3f} {taken / min(seconds):6.2f}")


if __name__ == "__main__":
    main()
