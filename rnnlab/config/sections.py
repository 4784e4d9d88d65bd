"""The sections of a run's config: their keys, types, ranges and defaults.  conf/ holds the same defaults for people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.initializers import initializers_of
from rnnlab.nets.losses import READOUT_ACTIVATIONS
from rnnlab.nets.schedules import SCHEDULES
from rnnlab.options import choice, number


@dataclass(frozen=True)
class CellConfig:
    """What all cells have in common."""

    name: str
    activation: str = choice("tanh", ACTIVATIONS)
    negative_slope: float = number(0.01)  # of leaky_relu
    alpha: float = number(1.0, above=0)  # of elu and celu
    hidden_size: int = number(50, at_least=1)
    num_layers: int = number(1, at_least=0)  # 0: the readout reads the inputs
    bias: bool = True
    dropout: float = number(0.0, at_least=0, below=1)  # between layers
    embedding_size: int | None = number(None, at_least=1)  # of tokens; null: their one-hot codes


@dataclass(frozen=True)
class RnnConfig(CellConfig):
    name: str = choice("rnn", ("rnn",))


@dataclass(frozen=True)
class MemorylessConfig(CellConfig):
    """The Elman cell without recurrence; on sequences of one step, a feed-forward network."""

    name: str = choice("memoryless", ("memoryless",))


@dataclass(frozen=True)
class LstmConfig(CellConfig):
    name: str = choice("lstm", ("lstm",))
    gate_activation: str = choice("sigmoid", ACTIVATIONS)
    forget_bias: float = number(0.0)  # added to the forget gate's bias as it is drawn; Keras has 1


@dataclass(frozen=True)
class GruConfig(CellConfig):
    name: str = choice("gru", ("gru",))
    gate_activation: str = choice("sigmoid", ACTIVATIONS)
    reset_after: bool = True  # the reset gate after the recurrent product, as in torch; false: before it


@dataclass(frozen=True)
class ReadoutConfig:
    activation: str = choice("linear", READOUT_ACTIVATIONS)
    bias: bool = True
    dropout: float = number(0.0, at_least=0, below=1)  # of the states it reads


@dataclass(frozen=True)
class InitConfig:
    """Per kind of matrix, the initializer and the factor its draw is multiplied by.

    weights: one initializer for input, recurrent and readout weights alike; null: each its own."""

    weights: str | None = choice(None, initializers_of("input"))
    embedding: str = choice("normal", initializers_of("embedding"))
    input: str = choice("uniform", initializers_of("input"))
    recurrent: str = choice("uniform", initializers_of("recurrent"))
    readout: str = choice("uniform", initializers_of("readout"))
    bias: str = choice("uniform_hidden", initializers_of("bias"))
    embedding_scale: float = number(1.0)
    input_scale: float = number(1.0)
    recurrent_scale: float = number(1.0)
    readout_scale: float = number(1.0)
    bias_scale: float = number(1.0)


@dataclass(frozen=True)
class OptimizerConfig:
    """What all optimisers have in common."""

    name: str
    learning_rate: float = number(0.01, above=0)
    clip_norm: float | None = number(None, above=0)
    clip_value: float | None = number(None, above=0)  # after clip_norm, where both are given
    weight_decay: float = number(0.0, at_least=0)
    schedule: str = choice("constant", SCHEDULES)
    warmup_steps: int = number(0, at_least=0)
    step_every: int = number(1000, at_least=1)  # of the schedule step
    step_factor: float = number(0.1, above=0, at_most=1)  # of the schedule step


@dataclass(frozen=True)
class SgdConfig(OptimizerConfig):
    name: str = choice("sgd", ("sgd",))
    momentum: float = number(0.0, at_least=0, below=1)


@dataclass(frozen=True)
class NesterovConfig(OptimizerConfig):
    name: str = choice("nesterov", ("nesterov",))
    momentum: float = number(0.9, above=0, below=1)


@dataclass(frozen=True)
class AdagradConfig(OptimizerConfig):
    name: str = choice("adagrad", ("adagrad",))
    eps: float = number(1e-10, above=0)


@dataclass(frozen=True)
class RmspropConfig(OptimizerConfig):
    name: str = choice("rmsprop", ("rmsprop",))
    learning_rate: float = number(0.001, above=0)
    decay: float = number(0.99, at_least=0, below=1)
    eps: float = number(1e-8, above=0)


@dataclass(frozen=True)
class AdadeltaConfig(OptimizerConfig):
    name: str = choice("adadelta", ("adadelta",))
    learning_rate: float = number(1.0, above=0)
    rho: float = number(0.9, at_least=0, below=1)
    eps: float = number(1e-6, above=0)


@dataclass(frozen=True)
class AdamConfig(OptimizerConfig):
    name: str = choice("adam", ("adam",))
    learning_rate: float = number(0.001, above=0)
    beta1: float = number(0.9, at_least=0, below=1)
    beta2: float = number(0.999, at_least=0, below=1)
    eps: float = number(1e-8, above=0)


@dataclass(frozen=True)
class AdamwConfig(AdamConfig):
    name: str = choice("adamw", ("adamw",))
    weight_decay: float = number(0.01, at_least=0)


@dataclass(frozen=True)
class TrainingConfig:
    steps: int = number(300, at_least=0)
    batch_size: int | None = number(None, at_least=1)  # null: the whole training set, every step
    eval_every: int | None = number(10, at_least=1)  # null: evaluated once, at the end
    eval_samples: int | None = number(None, at_least=1)  # how many of a split are looked at each time; null: all
    fresh: bool = False  # every batch is generated anew, where the task can do that
    gradient_noise: float = number(0.0, at_least=0)
    stop_at_loss: float | None = number(None, above=0)  # a run has finished when its eval_loss is below


@dataclass(frozen=True)
class DivergenceConfig:
    """loss_factor: diverged above this many times the naive loss (null: only when not finite).
    margin: learned means better than the naive loss by this share of it."""

    loss_factor: float | None = number(1000.0, above=1)
    margin: float = number(0.1, at_least=0, below=1)


CELLS: Mapping[str, type[CellConfig]] = {
    "rnn": RnnConfig,
    "memoryless": MemorylessConfig,
    "lstm": LstmConfig,
    "gru": GruConfig,
}
OPTIMIZER_CONFIGS: Mapping[str, type[OptimizerConfig]] = {
    "sgd": SgdConfig,
    "nesterov": NesterovConfig,
    "adagrad": AdagradConfig,
    "rmsprop": RmspropConfig,
    "adadelta": AdadeltaConfig,
    "adam": AdamConfig,
    "adamw": AdamwConfig,
}
