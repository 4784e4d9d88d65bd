"""Time per training step and run: the compiled kernels beside torch.nn, a plain loop, and the arithmetic floor.

A step is forward, backward, clipping by global norm and Adam: sequence to sequence, squared error, one thread.  Ours is
CompiledBackend.train with as many updates in a call as in training.  All figures of a row are taken in turn, in this
process, and each is the best of its repeats: only ratios count.  Seconds are of the processor, which other programs on
the machine stretch least.  "!" marks what is not as promised.

    python benchmarks/step.py                     all tables
    python benchmarks/step.py cells activations   some of: cells lanes activations compile
    python benchmarks/step.py --repeats 9         quieter
"""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Callable
from dataclasses import replace
from time import process_time

import floor
import numpy as np
import torch

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.backends import LaneRecipe, Recipe, Samples, Updates
from rnnlab.nets.backends.compiled import CompiledBackend
from rnnlab.nets.cells import CELLS
from rnnlab.nets.kernels.forms import NUMBERS
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers.adam import Adam
from rnnlab.training.batches import chunk_size
from rnnlab.training.pack import MOST_COMPUTED

Step = Callable[[], object]

# Promised:           torch.nn / ours at least, and ours / floor at most, at each H below with so many lanes
HIDDEN = (16, 32, 64, 128)
LANES = (32, 16, 8, 4)
PROMISED = {
    "rnn": ((25, 12, 5, 2.6), (1.5, 1.25, 1.2, 1.15)),
    "lstm": ((4, 2.2, 1.7, 1.3), (1.5, 1.25, 1.2, 1.15)),
    "gru": ((20, 8, 4, 2), (None, None, None, None)),
}
WIDE = (28, 256, 28, 256, 2)  # T, B, I, H, lanes
WIDE_PROMISED = 1.4  # torch.nn.RNN / ours
ALONE_PROMISED = 1.15  # a pack of one / a lane in a pack of 32
ACTIVATION_PROMISED = 1.3  # an activation / tanh
LAYERS = {"rnn": torch.nn.RNN, "lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
T, B, I = 100, 32, 2


class Ours:
    """Calls of CompiledBackend.train.  n: the steps of all runs that a call takes."""

    def __init__(self, cell: str, T: int, B: int, I: int, H: int, R: int, activation: str = "tanh"):
        a = Architecture(CELLS[cell], I, H, 1, 1, True, True, T, "every")
        recipe = Recipe(
            a, "mse", "linear", "adam", n_steps=10**6, batch_size=B, chunk=chunk_size(B, T, H, CELLS[cell].traces)
        )
        lane = LaneRecipe(make_activation(activation), Adam.Options(clip_norm=1.0))
        self.backend = CompiledBackend(recipe, [lane] * R)
        draw = np.random.default_rng(0)
        self.backend.set_weights(draw.uniform(-(H**-0.5), H**-0.5, (R, a.n_parameters)))
        n, n_samples = max(1, MOST_COMPUTED // (3 * R * B * T * a.n_parameters)), 8 * B
        inputs, targets = (draw.normal(size=(n_samples, T, width)).astype(np.float32) for width in (I, 1))
        rows = draw.integers(n_samples, size=(R, n, B))
        self.updates = Updates(Samples(inputs, targets), rows, 1, np.ones(n, bool), np.ones(R, bool))
        self.n = R * n

    def __call__(self) -> None:
        taken = self.backend.train(self.updates, recording=False)
        assert taken.n_taken.sum() == self.n, "a lane has diverged"
        self.updates = replace(self.updates, first=self.updates.first + self.updates.rows.shape[1])


class Layer(torch.nn.Module):
    """A layer of torch.nn with a readout."""

    def __init__(self, cell: str, input_size: int, hidden_size: int):
        super().__init__()
        self.layer, self.readout = LAYERS[cell](input_size, hidden_size), torch.nn.Linear(hidden_size, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.layer(x)[0])


class Loop(torch.nn.Module):
    """The class of the blog posts: two nn.Linear and a Python loop over time."""

    def __init__(self, input_size: int, hidden_size: int):
        super().__init__()
        self.input, self.recurrent = torch.nn.Linear(input_size, hidden_size), torch.nn.Linear(hidden_size, hidden_size)
        self.readout = torch.nn.Linear(hidden_size, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        h = x.new_zeros(x.shape[1], self.recurrent.in_features)
        states = []
        for x_t in x.unbind(0):
            h = torch.tanh(self.input(x_t) + self.recurrent(h))
            states.append(h)
        return self.readout(torch.stack(states))


def torch_step(model: torch.nn.Module, T: int, B: int, I: int) -> Step:
    parameters = list(model.parameters())
    optimizer = torch.optim.Adam(parameters, lr=1e-3, fused=True)
    x, target = torch.randn(T, B, I), torch.randn(T, B, 1)

    def step() -> None:
        loss = torch.nn.functional.mse_loss(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()

    return step


def side_by_side(steps: dict[str, Step], repeats: int) -> dict[str, float]:
    """The fewest seconds of each, taken in turn, so that a slow moment of the machine meets all of them.

    Of ours: per step and run."""
    times = dict.fromkeys(steps, float("inf"))
    for _ in range(repeats):
        for name, step in steps.items():
            step()  # not counted: its memory comes back into the cache
            for _ in range(3):
                started = process_time()
                step()
                times[name] = min(times[name], process_time() - started)
    return {
        name: seconds / step.n if isinstance(step := steps[name], Ours) else seconds for name, seconds in times.items()
    }


def held(figure: float, at_least: float | None = None, at_most: float | None = None) -> str:
    """A figure beside its promise, with a mark where it is broken."""
    if at_least is None and at_most is None:
        return f"{figure:6.2f}             "
    broken = (at_least is not None and figure < at_least) or (at_most is not None and figure > at_most)
    word, promise = ("least", at_least) if at_most is None else ("most", at_most)
    return f"{figure:6.2f}{'!' if broken else ' '} ({word} {promise:g})".ljust(19)


def print_cells(repeats: int) -> None:
    print("milliseconds per training step and run, one thread; in brackets what is promised, ! where it is not so")
    print("floor: multiply-adds of forward pass, reverse pass, weight gradients and readout at the rate of a large")
    print("product by torch's BLAS, and the forward pass's activations at the rate of torch.sigmoid")
    print("cell    T   B   H  runs    ours  torch.nn  torch.nn / ours    plain loop  / ours   floor  ours / floor")
    sizes = [(cell, T, B, I, H, R, *promised) for cell, table in PROMISED.items()
             for H, R, *promised in zip(HIDDEN, LANES, *table, strict=True)]  # fmt: skip
    sizes.insert(len(HIDDEN), ("rnn", *WIDE, WIDE_PROMISED, None))
    rates = []
    for cell, t, b, i, h, r, least, most in sizes:
        steps: dict[str, Step] = {"ours": Ours(cell, t, b, i, h, r), "torch": torch_step(Layer(cell, i, h), t, b, i)}
        if cell == "rnn":
            steps["loop"] = torch_step(Loop(i, h), t, b, i)
        times = side_by_side(steps | floor.parts(), repeats)
        ours, floor_s = times["ours"], floor.floor_s(cell, t, b, i, h, times)
        ratio, over = held(times["torch"] / ours, at_least=least), held(ours / floor_s, at_most=most)
        rates.append(floor.flops_per_s(times) / 1e9)
        loop = f"{times['loop'] * 1e3:10.2f}{times['loop'] / ours:8.1f}" if "loop" in times else " " * 18
        print(
            f"{cell:<5}{t:4}{b:4}{h:4}{r:6}{ours * 1e3:8.3f}{times['torch'] * 1e3:10.2f}  "
            f"{ratio}{loop}{floor_s * 1e3:8.3f} {over.rstrip()}",
            flush=True,
        )
    print(f"the rate of the products in the floor: {min(rates):.0f} to {max(rates):.0f} GFLOP/s")


def print_lanes(repeats: int) -> None:
    print(f"\na pack of one, relative to a lane in a pack of 32 (T={T} B={B})")
    for H in HIDDEN[:3]:
        times = side_by_side({str(R): Ours("rnn", T, B, I, H, R) for R in (1, 32)}, repeats)
        print(f"  H={H:<4}{held(times['1'] / times['32'], at_most=ALONE_PROMISED)}")


def print_activations(repeats: int) -> None:
    H, R = 32, 16
    print(f"\nactivations, the time of a step relative to tanh (T={T} B={B} H={H})")
    kernels = [name for name in ACTIVATIONS if name in NUMBERS]
    times = side_by_side({name: Ours("rnn", T, B, I, H, R, name) for name in kernels}, repeats)
    for name, seconds in times.items():
        print(f"  {name:<12}{held(seconds / times['tanh'], at_most=ACTIVATION_PROMISED)}")


def print_compile(repeats: int) -> None:
    print(f"\ntorch.compile of the plain loop, milliseconds per training step (T={T} B={B}; nothing is promised)")
    if not (shutil.which("g++") or shutil.which("clang++")):
        print("  not measured: there is no C++ compiler")
        return
    for H, R in zip(HIDDEN, LANES, strict=True):
        loop = Loop(I, H)
        steps = {"ours": Ours("rnn", T, B, I, H, R), "compiled": torch_step(torch.compile(loop), T, B, I)}
        times = side_by_side(steps, repeats)
        ours, compiled = times["ours"], times["compiled"]
        print(f"  H={H:<4}{compiled * 1e3:8.2f} ms, ours {ours * 1e3:.3f} ms: {compiled / ours:.1f}x", flush=True)


TABLES = {"cells": print_cells, "lanes": print_lanes, "activations": print_activations, "compile": print_compile}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tables", nargs="*", choices=[[], *TABLES])
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in the kernels
    torch.manual_seed(0)
    for name in options.tables or TABLES:
        TABLES[name](options.repeats)


if __name__ == "__main__":
    main()
