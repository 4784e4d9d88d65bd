"""How wide a pack should be, and whether activations should share one: milliseconds per run, by the number of lanes.

The planner's constants are read off here.  "one" has lanes of tanh only; "four" has a quarter each of tanh, sigmoid,
relu and leaky_relu.  Times are the best of several, in one process and thread, widths in turn.

    python benchmarks/pack_width.py
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import torch

from rnnlab.config.run import RunConfig, from_node
from rnnlab.nets.padding import HIDDEN_UNIT, padded
from rnnlab.sweep.planner import best_width
from rnnlab.training.loop import train

#        hidden size, batch size, window
SIZES = [(8, 8, 10), (32, 32, 10), (50, 64, 10), (64, 32, 50), (128, 32, 50)]
FOUR = ("tanh", "sigmoid", "relu", "leaky_relu")
WIDTHS = (2, 4, 8, 16, 32, 64, 128)
STEPS = 20


def runs(hidden_size: int, batch_size: int, window: int, width: int, activations: Sequence[str]) -> list[RunConfig]:
    """A pack of the given width, an equal share of each activation."""

    def run(seed: int) -> RunConfig:
        activation = activations[seed * len(activations) // width]
        return from_node(
            {
                "task": {"name": "sines", "n_points": 600, "window": window, "forecast_steps": 0},
                "cell": {"name": "rnn", "hidden_size": hidden_size, "activation": activation},
                "optimizer": {"name": "adam"},
                "training": {"steps": STEPS, "batch_size": batch_size, "eval_every": None},
                "seed": seed,
            }
        )

    return [run(seed) for seed in range(width)]


def ms_per_step(pack: list[RunConfig]) -> float:
    started = time.perf_counter()
    train(pack)
    return (time.perf_counter() - started) / len(pack) / STEPS * 1e3


def main() -> None:
    torch.set_num_threads(1)
    print("milliseconds per run and step, with one evaluation in", STEPS, "steps")
    print("  H   B   T        " + "".join(f"{width:9}" for width in WIDTHS) + "   planned   R*B*H there")
    for H, B, T in SIZES:
        packs = {
            (name, width): runs(H, B, T, width, names)
            for name, names in (("one", FOUR[:1]), ("four", FOUR))
            for width in WIDTHS
        }
        times = dict.fromkeys(packs, float("inf"))
        for _ in range(4):
            for key, pack in packs.items():
                times[key] = min(times[key], ms_per_step(pack))
        width = best_width(packs["one", 2][0], n_workers=1, memory_gb=8)
        for name in ("one", "four"):
            row = "".join(f"{times[name, w]:9.3f}" for w in WIDTHS)
            print(f"{H:3} {B:3} {T:3}  {name:<6}{row}   {width:7}   {width * B * padded(H, HIDDEN_UNIT):8}")


if __name__ == "__main__":
    main()
