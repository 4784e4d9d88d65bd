"""From the configs of a pack's runs to what a backend needs, and to the initial weights."""

from __future__ import annotations

import math
import zlib

import numpy as np

from rnnlab.config.architecture import architecture_of
from rnnlab.config.run import RunConfig
from rnnlab.nets.backends import LaneRecipe, Recipe, choose, why_not_compiled
from rnnlab.nets.cells import GatedOptions
from rnnlab.nets.initializers import Fan, draw
from rnnlab.nets.network import Architecture
from rnnlab.streams import Stream, generator
from rnnlab.training.batches import chunk_size


def architecture(run: RunConfig) -> Architecture:
    """The architecture of a run's network, from its task, cell and readout."""
    return architecture_of(run.task, run.cell, run.readout)


def recipe(run: RunConfig) -> Recipe:
    """What the run has in common with the other lanes of its pack."""
    batch_size, a = run.training.batch_size or run.task.n_train, architecture(run)
    return Recipe(
        a,
        run.task.loss,
        run.readout.activation,
        run.optimizer.name,
        run.training.steps,
        batch_size,
        chunk_size(batch_size, a.seq_len, a.hidden_size, a.cell.traces),
        carries=run.task.carries_state,
        drops=run.cell.dropout > 0 or run.readout.dropout > 0,
    )


def lane_recipe(run: RunConfig, loss_limit: float = math.inf) -> LaneRecipe:
    """What the run has of its own."""
    gates = {"gate_activation": run.cell.gate_activation} if isinstance(run.cell, GatedOptions) else {}
    return LaneRecipe(run.cell.activation, run.optimizer, loss_limit=loss_limit, **gates)


def no_kernel(run: RunConfig, device: str) -> str | None:
    """Why no kernel computes the run; None if one does.  Compiles nothing."""
    return why_not_compiled(recipe(run), lane_recipe(run), device)


def backend_of(run: RunConfig, device: str, backend: str) -> str:
    """The name of the backend that computes the run here.  backend: auto, compiled or torch.

    Raises ValueError where backend=compiled and there are no kernels for the run, or not here."""
    return choose(recipe(run), lane_recipe(run), device, backend)


def program_key(run: RunConfig) -> tuple[object, ...]:
    """A key that is equal for runs that can be lanes of one pack: same task, shapes, kind of optimiser and training.

    Activation, initialisation, all numbers of the optimiser, divergence limits and seed can differ."""
    has_dropout = (run.cell.dropout > 0, run.readout.dropout > 0)
    return (run.task, architecture(run), run.readout.activation, has_dropout, run.optimizer.name, run.training)


def initial_weights(run: RunConfig) -> np.ndarray:
    """The parameters before training, (P,) float32, one after the other as in Architecture.places().

    Every matrix has a generator of its own.  So a network without a bias, or with more layers, has the same numbers in
    all other matrices."""
    matrices = []
    for name, weight in architecture(run).weights().items():
        rng = generator(run.seed, Stream.INIT, zlib.crc32(name.encode()))
        if weight.role == "own":
            drawn = run.cell.drawn(weight.name, rng, weight.fan_in, weight.fan_out)
            matrices.append(drawn.astype(np.float32).ravel())
            continue
        kind, scale = getattr(run.init, weight.role), getattr(run.init, f"{weight.role}_scale")
        if weight.role in ("input", "recurrent", "readout"):
            kind = run.init.weights or kind
        fan = Fan(weight.fan_in, weight.fan_out, run.cell.hidden_size, weight.gates, run.task.seq_len)
        matrix = scale * draw(kind, rng, fan)
        for n, gate in enumerate(weight.gates if weight.role == "bias" else ()):
            if added := run.cell.added_bias(gate):
                matrix[:, n * weight.fan_out : (n + 1) * weight.fan_out] += added
        matrices.append(matrix.astype(np.float32).ravel())
    return np.concatenate(matrices)
