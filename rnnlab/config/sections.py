"""The sections of a run's config that are no group: readout, initialisation, training, divergence."""

from __future__ import annotations

from dataclasses import dataclass

from rnnlab.nets.cells import CELLS
from rnnlab.nets.cells.base import has_recurrent_weights
from rnnlab.nets.cells.options import HAS_LAYERS
from rnnlab.nets.initializers import initializers_of
from rnnlab.nets.losses import READOUT_ACTIVATIONS
from rnnlab.options import When, choice, number, option

EACH_ITS_OWN = When(("init.weights",), lambda weights: weights is None)
HAS_EMBEDDING = When(("cell.embedding_size",), lambda size: size is not None)
HAS_RECURRENCE = When(("cell.name",), lambda name: has_recurrent_weights(CELLS[name]))
HAS_A_BIAS = When(
    ("cell.bias", "cell.num_layers", "readout.bias"), lambda bias, layers, readout: (bias and layers >= 1) or readout
)
IS_EVALUATED_ON_THE_WAY = When(("training.eval_every",), lambda every: every is not None)


@dataclass(frozen=True)
class ReadoutConfig:
    """The linear readout of the top layer's states."""

    activation: str = choice("linear", READOUT_ACTIVATIONS, about="of what the readout says")
    bias: bool = option(True, about="whether the readout has a bias")
    dropout: float = number(
        0.0, at_least=0, below=1, about="the share of the states it reads that is set to zero, in training"
    )


@dataclass(frozen=True)
class InitConfig:
    """How weights begin: for each kind of matrix an initializer, and the factor that its draw is multiplied by."""

    weights: str | None = choice(
        None,
        lambda: initializers_of("input"),
        about="of input, recurrent and readout weights alike; null: each its own",
    )
    embedding: str = choice(
        "normal", lambda: initializers_of("embedding"), acts=[HAS_EMBEDDING], about="of the tokens' embedding"
    )
    input: str = choice(
        "uniform",
        lambda: initializers_of("input"),
        acts=[HAS_LAYERS, EACH_ITS_OWN],
        about="of the layers' input weights",
    )
    recurrent: str = choice(
        "uniform",
        lambda: initializers_of("recurrent"),
        acts=[HAS_LAYERS, HAS_RECURRENCE, EACH_ITS_OWN],
        about="of the layers' recurrent weights",
    )
    readout: str = choice(
        "uniform", lambda: initializers_of("readout"), acts=[EACH_ITS_OWN], about="of the readout's weights"
    )
    bias: str = choice(
        "uniform_hidden",
        lambda: initializers_of("bias"),
        acts=[HAS_A_BIAS],
        about="of the layers' and the readout's bias",
    )
    embedding_scale: float = number(1.0, at_least=0, acts=[HAS_EMBEDDING], about="factor of the embedding")
    input_scale: float = number(1.0, at_least=0, acts=[HAS_LAYERS], about="factor of the input weights")
    recurrent_scale: float = number(
        1.0, at_least=0, acts=[HAS_LAYERS, HAS_RECURRENCE], about="factor of the recurrent weights"
    )
    readout_scale: float = number(1.0, at_least=0, about="factor of the readout's weights")
    bias_scale: float = number(1.0, at_least=0, acts=[HAS_A_BIAS], about="factor of the biases")


@dataclass(frozen=True)
class TrainingConfig:
    """How long a run is trained, on what, and when it is evaluated."""

    steps: int = number(300, at_least=0, about="optimiser updates")
    batch_size: int | None = number(64, at_least=1, about="null: the whole training set, at every step")
    eval_every: int | None = number(
        10, at_least=1, about="steps between two rows of curves.csv, the first at step 0; null: one row, at the end"
    )
    eval_samples: int | None = number(
        None, at_least=1, about="how many of the first samples of a split are evaluated, of the test all; null: all"
    )
    fresh: bool = option(False, about="every batch is generated anew, if the task can do that")
    gradient_noise: float = number(
        0.0, at_least=0, about="standard deviation at the first step; falls with (1 + step)^-0.275"
    )
    stop_at_loss: float | None = number(
        None,
        above=0,
        acts=[IS_EVALUATED_ON_THE_WAY],
        about="a run is finished as soon as its validation loss is below; null: never",
    )
    save_weights: bool = option(
        True, identifies=False, about="whether the trained weights are kept, in weights.safetensors"
    )


@dataclass(frozen=True)
class DivergenceConfig:
    """What counts as diverged, and what as learned."""

    loss_factor: float | None = number(
        1000.0,
        above=1,
        about="diverged: a loss above this many times the naive loss; null: only one that is not finite",
    )
    margin: float = number(
        0.1, at_least=0, below=1, about="learned: below the naive loss by this share of it, on the test split"
    )
