"""From the configs of a pack's runs to their networks, initial weights and optimiser."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

from rnnlab.config.run import RunConfig
from rnnlab.nets.cells import CELLS, GatedOptions
from rnnlab.nets.initializers import Fan, draw
from rnnlab.nets.network import Architecture, Network
from rnnlab.nets.optimizers import OPTIMIZERS, Optimizer
from rnnlab.streams import Stream, generator


def architecture(run: RunConfig) -> Architecture:
    """The architecture of a run's network, from its task, cell and readout."""
    cell = run.cell
    return Architecture(
        cell=CELLS[cell.name].variant(cell),
        input_size=run.task.input_size,
        hidden_size=cell.hidden_size,
        output_size=run.task.output_size,
        num_layers=cell.num_layers,
        bias=cell.bias,
        readout_bias=run.readout.bias,
        seq_len=run.task.seq_len,
        answers=run.task.answers,
        tokens=run.task.tokens,
        embedding_size=cell.embedding_size,
    )


def make_network(runs: Sequence[RunConfig], device: str) -> Network:
    """A network for each run.  All weights are zero."""
    gates = [run.cell.gate_activation for run in runs if isinstance(run.cell, GatedOptions)]
    return Network(architecture(runs[0]), [run.cell.activation for run in runs], gates, device=device)


def make_optimizer(runs: Sequence[RunConfig], network: Network) -> Optimizer:
    """The optimiser of all runs, with the numbers of each."""
    return OPTIMIZERS[runs[0].optimizer.name]([run.optimizer for run in runs], network.flat, runs[0].training.steps)


def initialize(network: Network, slot: int, run: RunConfig) -> None:
    """Draw the initial weights of a lane.

    Every matrix has a generator of its own.  So a network without a bias, or with more layers, has the same numbers in
    all other matrices."""
    for name, weight in network.specs.items():
        kind, scale = getattr(run.init, weight.role), getattr(run.init, f"{weight.role}_scale")
        if weight.role in ("input", "recurrent", "readout"):
            kind = run.init.weights or kind
        fan = Fan(weight.fan_in, weight.fan_out, run.cell.hidden_size, weight.gates, run.task.seq_len)
        matrix = scale * draw(kind, generator(run.seed, Stream.INIT, zlib.crc32(name.encode())), fan)
        for n, gate in enumerate(weight.gates if weight.role == "bias" else ()):
            if added := run.cell.added_bias(gate):
                matrix[:, n * weight.fan_out : (n + 1) * weight.fan_out] += added
        network.set_weight(slot, name, matrix)
