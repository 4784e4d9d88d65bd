"""Time per training step and run: packed cells beside torch.nn's, a loop of nn.Linear, and the arithmetic floor.

A step is forward, backward, clipping by global norm and Adam: sequence to sequence, squared error, one thread.
All figures of a row are taken in turn, in this process, and each is the best of its repeats: only ratios count.
Seconds are of the processor, which other programs on the machine stretch least.

    python benchmarks/step.py                 all tables
    python benchmarks/step.py --repeats 9     quieter
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch

from rnnlab.nets.activations import ACTIVATIONS, make_activation
from rnnlab.nets.buffered.workspace import Workspace
from rnnlab.nets.cells import CELLS
from rnnlab.nets.losses import MeanSquaredError
from rnnlab.nets.network import Architecture, Network
from rnnlab.nets.optimizers import clip_by_global_norm
from rnnlab.nets.optimizers.adam import Adam

Step = Callable[[], object]

#        T    B    I    H    R   least ratio to torch.nn.RNN that the project promises
SIZES = [
    (100, 32, 2, 16, 32, 8.0),
    (100, 32, 2, 32, 16, 5.0),
    (100, 32, 2, 64, 16, 2.5),
    (100, 32, 2, 128, 4, 1.4),
    (28, 256, 28, 256, 2, 1.0),
]
#        cell    H    R   least ratio to torch.nn.LSTM and GRU, at T=100 B=32 I=2
GATED_SIZES = [
    ("lstm", 16, 32, 1.5),
    ("lstm", 32, 16, 1.5),
    ("lstm", 128, 2, 1.0),
    ("gru", 16, 32, 5.0),
    ("gru", 32, 16, 5.0),
    ("gru", 128, 2, 1.0),
]


def packed_step(T: int, B: int, I: int, H: int, R: int, activation: str = "tanh", cell: str = "rnn") -> Step:
    network = Network(Architecture(CELLS[cell], I, H, 1, 1, True, True, T, "every"), [make_activation(activation)] * R)
    generator = np.random.default_rng(0)
    for lane in range(R):
        for name, w in network.specs.items():
            network.set_weight(lane, name, generator.normal(scale=H**-0.5, size=(w.fan_in, len(w.gates) * w.fan_out)))
    workspace, loss = Workspace(network, B), MeanSquaredError("linear")
    optimizer = Adam([Adam.Options()] * R, network.flat)
    x = torch.nn.functional.pad(torch.randn(R, T, B, I), (0, -I % 4))
    target, sample_weight, clip_norm = torch.randn(R, 1, T * B), torch.ones(T * B), torch.ones(R)

    @torch.inference_mode()
    def step() -> None:
        losses, dz = loss(workspace.forward(x), target, sample_weight)
        workspace.backward(dz.div_(T * B))
        grads = workspace.gather_grads()
        norms = torch.linalg.vector_norm(grads, dim=1)
        clip_by_global_norm(grads, norms, clip_norm)
        update = optimizer.update(grads)
        torch.stack([losses, norms, torch.linalg.vector_norm(update, ord=float("inf"), dim=1)]).tolist()
        network.flat.sub_(update)

    return step


def torch_step(model: torch.nn.Module, T: int, B: int, I: int) -> Step:
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    x, target = torch.randn(T, B, I), torch.randn(T, B, 1)

    def step() -> None:
        loss = torch.nn.functional.mse_loss(model(x), target)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()

    return step


class TorchRnn(torch.nn.Module):
    def __init__(self, input_size: int, hidden_size: int, layer: type[torch.nn.RNNBase] = torch.nn.RNN):
        super().__init__()
        self.rnn, self.readout = layer(input_size, hidden_size), torch.nn.Linear(hidden_size, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.readout(self.rnn(x)[0])


class LinearLoop(torch.nn.Module):
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


def floor_s(T: int, B: int, I: int, H: int) -> float:
    """What the arithmetic alone would take: its products at the rate of one large product, one tanh an element."""
    a, b = torch.randn(1024, 1024), torch.randn(1024, 1024)
    flops_per_s = 2 * 1024**3 / best(lambda: a @ b, 5)
    elements = torch.randn(32 * 1024)
    tanh_s = best(lambda: torch.sigmoid(elements), 5) / elements.numel()
    products = 2 * T * B * H * (2 * I + 3 * H + 3)
    return products / flops_per_s + T * B * H * tanh_s


def best(step: Step, repeats: int) -> float:
    """Seconds of the fastest of so many calls, after one that is not counted."""
    step()
    times = []
    for _ in range(repeats):
        started = time.process_time()
        step()
        times.append(time.process_time() - started)
    return min(times)


def side_by_side(steps: dict[str, Step], repeats: int) -> dict[str, float]:
    """The best time of each, in seconds, taken in turn, so that a slow moment of the machine meets all of them."""
    rounds = [{name: best(step, 3) for name, step in steps.items()} for _ in range(repeats)]
    return {name: min(r[name] for r in rounds) for name in steps}


def print_rnn(repeats: int) -> None:
    print("milliseconds per training step and run")
    print("  T   B   I   H   R   packed  nn.RNN   ratio  promised  nn.Linear loop   ratio    floor")
    for T, B, I, H, R, promised in SIZES:
        peers = {"rnn": torch_step(TorchRnn(I, H), T, B, I), "loop": torch_step(LinearLoop(I, H), T, B, I)}
        times = side_by_side({"packed": packed_step(T, B, I, H, R), **peers}, repeats)
        ours, floor = times["packed"] / R, floor_s(T, B, I, H)
        rnn, loop = times["rnn"] / ours, times["loop"] / ours
        print(
            f"{T:3} {B:3} {I:3} {H:3} {R:3} {ours * 1e3:8.3f} {times['rnn'] * 1e3:7.2f} {rnn:6.2f}x {promised:8.1f}x"
            f" {times['loop'] * 1e3:15.2f} {loop:6.2f}x {floor * 1e3:8.3f}"
        )


def print_gated(repeats: int) -> None:
    T, B, I = 100, 32, 2
    layers = {"lstm": torch.nn.LSTM, "gru": torch.nn.GRU}
    print(f"\ncells with gates (T={T} B={B} I={I})\ncell    H   R   packed torch.nn   ratio  promised")
    for cell, H, R, promised in GATED_SIZES:
        peer = torch_step(TorchRnn(I, H, layers[cell]), T, B, I)
        times = side_by_side({"packed": packed_step(T, B, I, H, R, cell=cell), "torch": peer}, repeats)
        ours, torchs = times["packed"] / R * 1e3, times["torch"] * 1e3
        print(f"{cell:<5} {H:3} {R:3} {ours:8.3f} {torchs:8.2f} {torchs / ours:6.2f}x {promised:8.1f}x")


def print_activations(repeats: int) -> None:
    T, B, I, H, R, _ = SIZES[1]
    print(f"\nactivations, time of a step relative to tanh (T={T} B={B} H={H} R={R})")
    times = side_by_side({name: packed_step(T, B, I, H, R, name) for name in ACTIVATIONS}, repeats)
    for name, seconds in times.items():
        print(f"  {name:<12}{seconds / times['tanh']:5.2f}x")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=5)
    repeats = parser.parse_args().repeats
    torch.set_num_threads(1)
    torch.set_flush_denormal(True)  # as in training
    torch.manual_seed(0)
    for table in (print_rnn, print_gated, print_activations):
        table(repeats)


if __name__ == "__main__":
    main()
