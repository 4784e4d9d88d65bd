"""A lane that overflows disturbs no neighbour: random packs of random runs, in which one lane goes to infinity.

The files of every other lane's record must be, byte for byte, those of the same run trained alone.

    python benchmarks/neighbours.py [--packs 200] [--seed 0]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from random import Random
from typing import Any

from rnnlab.config.parse import from_node
from rnnlab.config.run import RunConfig
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.optimizers import OPTIMIZERS
from rnnlab.sweep.finished import finish
from rnnlab.training.construction import backend_of
from rnnlab.training.loop import train

FEW = {"n_train": 40, "n_eval": 12, "n_test": 12}
TASKS: tuple[dict[str, Any], ...] = (
    {"name": "sines", "n_points": 60, "window": 6, "forecast_steps": 4},
    {"name": "sinc", "n_points": 60, "window": 5, "forecast_steps": 4},
    {"name": "digits"},
    {"name": "adding", "length": 6, **FEW},
    {"name": "parity", "length": 5, **FEW},
    {"name": "copy", "length": 2, "n_symbols": 2, "n_kinds": 3, **FEW},
)
OVERFLOWS: tuple[dict[str, Any], ...] = (  # ways to infinity, or near it: with no limit that would stop the lane before
    {"optimizer.learning_rate": 1e30},
    {"optimizer.learning_rate": 3e38},
    {"init.recurrent_scale": 1e20},
    {"init.readout_scale": 1e30},
    {"init.input_scale": 3e37, "cell.activation": "relu"},
    {"init.recurrent_scale": 50.0, "cell.activation": "relu", "optimizer.learning_rate": 1e5},
)


def pack(rng: Random) -> tuple[list[RunConfig], int]:
    """Runs that can be one pack, with all that may differ drawn for each, and the place of the one that overflows."""
    shared, width = _shared(rng), rng.randrange(2, 8)
    place = rng.randrange(width)
    return [_run(rng, shared, overflows=n == place) for n in range(width)], place


def _shared(rng: Random) -> dict[str, Any]:
    """What the runs of a pack have in common."""
    layers = rng.choice([1, 1, 1, 2])
    return {
        "task": rng.choice(TASKS),
        "cell": {
            "name": rng.choice(["rnn", "lstm", "gru"]),
            "hidden_size": rng.choice([1, 3, 8, 17, 33]),
            "num_layers": layers,
            "bias": rng.random() < 0.8,
        },
        "readout": {"bias": rng.random() < 0.8, "dropout": rng.choice([0.0, 0.0, 0.3])},
        "optimizer": {"name": rng.choice([*OPTIMIZERS])},
        "training": {
            "steps": rng.randrange(3, 25),
            "batch_size": rng.choice([1, 4, 9, 16]),
            "eval_every": rng.choice([1, 4, 100]),
        },
    }


def _run(rng: Random, shared: dict[str, Any], overflows: bool) -> RunConfig:
    node = {section: dict(values) for section, values in shared.items()} | {"seed": rng.randrange(10**6)}
    node["cell"]["activation"] = rng.choice([*ACTIVATIONS])
    node["optimizer"] |= {"learning_rate": 10 ** rng.uniform(-5, 0), "clip_norm": rng.choice([None, 1.0, 1e-3])}
    node["init"] = {"recurrent_scale": rng.choice([0.1, 1.0, 1.0, 1.5])}
    if overflows:
        node["divergence"] = {"loss_factor": None}
        for key, value in rng.choice(OVERFLOWS).items():
            section, _, option = key.partition(".")
            node[section][option] = value
    return from_node(node)


def disturbed(runs: Sequence[RunConfig], place: int) -> list[str]:
    """The files of the other lanes' records that differ from those of the same run alone."""
    found = []
    for run, result in zip(runs, train(runs), strict=True):
        if run is not runs[place]:
            packed, alone = finish(run, result).files, finish(run, train([run])[0]).files
            names = sorted(packed.keys() | alone.keys())
            found += [f"{run.folder}/{name}" for name in names if packed.get(name) != alone.get(name)]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--packs", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = Random(options.seed)
    n_lanes, n_diverged, found = 0, 0, []
    for number in range(options.packs):
        runs, place = pack(rng)
        assert {backend_of(run, "cpu", "auto") for run in runs} == {"compiled"}, "plain torch promises less"
        found += [f"pack {number}: {what}" for what in disturbed(runs, place)]
        n_lanes += len(runs) - 1
        (last,) = train([runs[place]])
        n_diverged += last.diverged
    print(f"{options.packs} packs, {n_lanes} neighbours; {n_diverged} of the other lanes diverged")
    print("\n".join(found) or "no byte of a neighbour differs")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
