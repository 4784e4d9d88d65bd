"""What a backend is: it holds the networks of a pack, trains them and evaluates them.

A pack has R lanes, each with a network of its own; all have one architecture.  Arrays at the border are numpy, float32
for numbers and int64 for tokens, classes and row numbers.  Axis letters: R run, T time, B batch, I input, O output,
P parameters, A answers (T where every step is answered, else 1), L layers.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np

from rnnlab.nets.activations import Activation, make_activation
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OptimizerOptions

LEAST_CHUNK = 32  # samples: evaluation computes at least so many at once, also if the training batches are smaller
SATURATED = 0.1  # a pre-activation is saturated where the slope is below this share of the largest
MOST_STEPS = 200  # Lyapunov exponents: only the last steps of a longer trajectory are used
SETTLING = 0.25  # and in this share of them the directions settle, before their lengths count


@dataclass(frozen=True)
class Recipe:
    """What the lanes of a pack share.

    loss: a name in nets/losses.py.  readout: the readout's activation.  optimizer: a name in nets/optimizers.
    n_steps: the updates of a whole run, for schedules.  batch_size: samples of an update.
    carries: the state is carried from batch to batch.  drops: there is dropout.
    chunk: how many samples of a batch are computed at once; the sums over the batch go chunk by chunk."""

    architecture: Architecture
    loss: str
    readout: str
    optimizer: str
    n_steps: int
    batch_size: int
    chunk: int
    carries: bool = False
    drops: bool = False


@dataclass(frozen=True)
class LaneRecipe:
    """What a lane has of its own.  loss_limit: a training loss above it counts as diverged."""

    activation: Activation
    optimizer: OptimizerOptions
    gate_activation: Activation = field(default_factory=lambda: make_activation("sigmoid"))
    loss_limit: float = math.inf


@dataclass(frozen=True, eq=False)
class Samples:
    """Sequences, and what should be answered.  Lanes with the same data share rows.

    inputs: numbers (n, T, I), or tokens (n, T).  targets: numbers (n, A, O), or classes (n, A)."""

    inputs: np.ndarray
    targets: np.ndarray


@dataclass(frozen=True, eq=False)
class Order:
    """Which rows of Samples the lanes read, chunk by chunk: the first sizes[k] of rows[:, k].

    rows (R, K, C); sizes (K,).  carries: sample c of a chunk continues sample c of the chunk before, and begins with
    its last state; else every sample begins with a state of zero."""

    rows: np.ndarray
    sizes: np.ndarray
    carries: bool = False


@dataclass(frozen=True, eq=False)
class Updates:
    """What was drawn for n updates of every lane, one after the other.

    rows (R, n, B): of samples.  first: the number of the first update, from 1.
    begins (n,): whether the states begin with zero; else with those after the update before.  Where no state is carried
    all are True.
    live (R,): the lanes to be trained; the others stay as they are.
    keep: dropout.  For each layer the factors by which its states are multiplied before the next layer reads them,
    (R, n, T, B, H), and last those of what the readout reads, (R, n, A, B, .); without layers only these.  None: no
    dropout.
    noise (R, n, P): is added to the gradients after clipping.  None: no noise."""

    samples: Samples
    rows: np.ndarray
    first: int
    begins: np.ndarray
    live: np.ndarray
    keep: Sequence[np.ndarray] | None = None
    noise: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Taken:
    """What became of the updates of a lane, (R,) each.  Of a lane that is not live nothing is said.

    n_taken: updates that were taken.  A lane that diverges keeps the weights before that update, and takes no more.
    reasons: why it diverged, a number of nets/divergence.py; 0: it did not.
    losses, grad_norms: of the last update that was computed, the norm before clipping.
    n_clipped: how many of the updates that were taken had a clipped gradient.
    measured: the diagnostics of the last of the n updates, by name (see diagnostics.py), where they were asked
    for; of a lane that diverged before that update nothing is said.
    through_time: the norms of dL/dh[t] at that update, (R, L, T); None without recurrent layers."""

    n_taken: np.ndarray
    reasons: np.ndarray
    losses: np.ndarray
    grad_norms: np.ndarray
    n_clipped: np.ndarray
    measured: Mapping[str, np.ndarray] = field(default_factory=dict)
    through_time: np.ndarray | None = None


class Backend(ABC):
    """The networks of R lanes, and the state of their training."""

    name: ClassVar[str]

    def __init__(self, recipe: Recipe, lanes: Sequence[LaneRecipe], device: str = "cpu"):
        """All weights are zero, and so is the optimiser's state."""
        self.recipe, self.lanes, self.device = recipe, list(lanes), device

    @abstractmethod
    def weights(self) -> np.ndarray:
        """A copy of all parameters, (R, P): those of Architecture.weights() one after the other, each (fan_in, gates *
        fan_out) row by row."""

    @abstractmethod
    def set_weights(self, weights: np.ndarray) -> None:
        """weights (R, P)"""

    @abstractmethod
    def state(self) -> dict[str, np.ndarray]:
        """A copy of everything beside the weights that the next update depends on, by name, (R, ...) each: the
        optimiser's state, and "carried" where states are carried from batch to batch."""

    @abstractmethod
    def set_state(self, state: Mapping[str, np.ndarray]) -> None:
        """Continue from what `state` returned."""

    def made_for(self, lanes: Sequence[LaneRecipe]) -> Backend:
        """A new backend of the same kind for other lanes."""
        return type(self)(self.recipe, lanes, self.device)

    def select(self, lanes: Sequence[int]) -> Backend:
        """A new backend with a copy of some of the lanes, in the given order."""
        chosen = self.made_for([self.lanes[lane] for lane in lanes])
        chosen.set_weights(self.weights()[list(lanes)])
        chosen.set_state({name: values[list(lanes)] for name, values in self.state().items()})
        return chosen

    @abstractmethod
    def train(self, updates: Updates, *, recording: bool) -> Taken:
        """Do the updates.  recording: measure also the diagnostics of the last one."""

    @abstractmethod
    def losses(self, samples: Samples, order: Order) -> np.ndarray:
        """The mean loss over the samples in `order`, (R,) float64.  Dropout does not act."""

    @abstractmethod
    def outputs(self, samples: Samples, rows: np.ndarray) -> np.ndarray:
        """rows (R, N) of the samples -> what the readout says, (R, N, A, O).  Every sequence begins with a state of
        zero."""

    @abstractmethod
    def closed_loop(self, windows: np.ndarray, steps: int) -> np.ndarray:
        """windows (R, T, I) -> (R, steps, O): each answer becomes the newest value of the next window, the oldest is
        dropped, and the state starts from zero for each window.  Needs I = O, and answers at the last step."""

    @abstractmethod
    def exponents(self, samples: Samples, rows: np.ndarray, directions: np.ndarray) -> np.ndarray:
        """The first K Lyapunov exponents of every layer along trajectories on the samples `rows` (R, N), (R, L, K):
        see training/dynamics.py.

        directions (R, L, N, K, S, H): where the K vectors begin, in the space of the S states of a layer."""
