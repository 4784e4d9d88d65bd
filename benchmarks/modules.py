"""rnnlab.RNN, LSTM and GRU beside torch.nn's, in a training loop of plain PyTorch: milliseconds per step.

A step is forward, mean squared error of a linear readout at every step of the sequences, backward and Adam (fused), in
one thread; T=100, B=32, I=2.  The modules of a row begin with the same weights and take their steps in turn, in this
process, and each figure is the best of its repeats: only ratios count.  Seconds are of the processor, which other
programs on the machine stretch least.

    python benchmarks/modules.py                    a Markdown table
    python benchmarks/modules.py --repeats 40       quieter
    python benchmarks/modules.py --compile          all modules in torch.compile
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable
from time import process_time

import torch

import rnnlab

CELLS, HIDDEN = ("RNN", "LSTM", "GRU"), (16, 32, 64, 128)
T, B, I = 100, 32, 2


def training_step(layer: torch.nn.Module, hidden_size: int, compiled: bool) -> Callable[[], float]:
    """A function that trains for one step and returns the loss."""
    torch.manual_seed(1)
    readout = torch.nn.Linear(hidden_size, 1)
    x, target = torch.randn(T, B, I), torch.randn(T, B, 1)
    optimizer = torch.optim.Adam([*layer.parameters(), *readout.parameters()], lr=1e-3, fused=True)

    def loss_of(x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        return torch.nn.functional.mse_loss(readout(layer(x)[0]), target)

    loss = torch.compile(loss_of) if compiled else loss_of

    def step() -> float:
        optimizer.zero_grad()
        value = loss(x, target)
        value.backward()
        optimizer.step()
        return float(value.detach())

    return step


def in_turn(steps: list[Callable[[], float]], repeats: int) -> list[float]:
    """The fewest milliseconds of each."""
    best = [float("inf")] * len(steps)
    for _ in range(repeats):
        losses = []
        for n, step in enumerate(steps):
            step()  # not counted: its memory comes back into the cache
            started = process_time()
            losses.append(step())
            best[n] = min(best[n], 1000 * (process_time() - started))
        assert max(losses) - min(losses) < 1e-3 * max(losses), "they do not compute the same"
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--compile", action="store_true")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    print(f"torch {torch.__version__}, T={T} B={B} I={I}, load {os.getloadavg()[0]:.1f}\n")
    print("| | torch.nn, ms | rnnlab, ms | torch.nn / rnnlab |\n|---|---|---|---|")
    for cell in CELLS:
        for hidden_size in HIDDEN:
            steps = []
            for library in (torch.nn, rnnlab):
                torch.manual_seed(0)
                steps.append(training_step(getattr(library, cell)(I, hidden_size), hidden_size, arguments.compile))
            theirs, ours = in_turn(steps, arguments.repeats)
            print(f"| {cell} H={hidden_size} | {theirs:.2f} | {ours:.2f} | {theirs / ours:.1f} |", flush=True)


if __name__ == "__main__":
    main()
