"""RunConfig: everything that defines the numbers of one run, and nothing else (no paths, device, launcher).

conf/ holds the defaults, these dataclasses the types and ranges (conf/README.md maps one to the other).  `from_node`
turns what Hydra composed into a checked RunConfig; `run_id` is a hash of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnlab.activations import ACTIVATIONS
from rnnlab.initializers import INITIALIZERS
from rnnlab.losses import READOUT_ACTIVATIONS
from rnnlab.options import ConfigError, check, check_choice, choice, number
from rnnlab.tasks import TASKS, Task


@dataclass(frozen=True)
class RnnConfig:
    """cell=rnn, and cell=memoryless: the same without recurrence"""

    name: str = choice("rnn", ("rnn", "memoryless"))
    activation: str = choice("tanh", ACTIVATIONS)
    negative_slope: float = number(0.01)  # of leaky_relu
    alpha: float = number(1.0, above=0)  # of elu and celu
    hidden_size: int = number(50, at_least=1)
    num_layers: int = number(1, at_least=1)
    bias: bool = True


@dataclass(frozen=True)
class ReadoutConfig:
    activation: str = choice("linear", READOUT_ACTIVATIONS)
    bias: bool = True


@dataclass(frozen=True)
class InitConfig:
    """Per kind of matrix, the initializer and the factor its draw is multiplied by"""

    input: str = choice("uniform", INITIALIZERS)
    recurrent: str = choice("uniform", INITIALIZERS)
    readout: str = choice("uniform", INITIALIZERS)
    bias: str = choice("uniform_hidden", INITIALIZERS)
    input_scale: float = number(1.0)
    recurrent_scale: float = number(1.0)
    readout_scale: float = number(1.0)
    bias_scale: float = number(1.0)


@dataclass(frozen=True)
class SgdConfig:
    name: str = choice("sgd", ("sgd",))
    learning_rate: float = number(0.01, above=0)
    momentum: float = number(0.0, at_least=0, below=1)
    clip_norm: float | None = number(None, above=0)


@dataclass(frozen=True)
class RmspropConfig:
    name: str = choice("rmsprop", ("rmsprop",))
    learning_rate: float = number(0.001, above=0)
    decay: float = number(0.99, at_least=0, below=1)
    eps: float = number(1e-8, above=0)
    clip_norm: float | None = number(None, above=0)


@dataclass(frozen=True)
class AdamConfig:
    name: str = choice("adam", ("adam",))
    learning_rate: float = number(0.001, above=0)
    beta1: float = number(0.9, at_least=0, below=1)
    beta2: float = number(0.999, at_least=0, below=1)
    eps: float = number(1e-8, above=0)
    clip_norm: float | None = number(None, above=0)


@dataclass(frozen=True)
class TrainingConfig:
    steps: int = number(300, at_least=0)
    batch_size: int | None = number(None, at_least=1)  # null: the whole training set, every step
    eval_every: int = number(10, at_least=1)


@dataclass(frozen=True)
class DivergenceConfig:
    """loss_factor: diverged above this many times the naive loss (null: only when not finite).
    margin: learned means better than the naive loss by this share of it."""

    loss_factor: float | None = number(1000.0, above=1)
    margin: float = number(0.1, at_least=0, below=1)


CELLS: Mapping[str, type] = {"rnn": RnnConfig, "memoryless": RnnConfig}
OPTIMIZER_CONFIGS: Mapping[str, type] = {"sgd": SgdConfig, "rmsprop": RmspropConfig, "adam": AdamConfig}
GROUPS: Mapping[str, Mapping[str, type]] = {"task": TASKS, "cell": CELLS, "optimizer": OPTIMIZER_CONFIGS}
SECTIONS: Mapping[str, type] = {
    "readout": ReadoutConfig,
    "init": InitConfig,
    "training": TrainingConfig,
    "divergence": DivergenceConfig,
}


@dataclass(frozen=True)
class RunConfig:
    """One run.  A condition is a run without its seed."""

    task: Task
    cell: RnnConfig
    readout: ReadoutConfig
    init: InitConfig
    optimizer: SgdConfig | RmspropConfig | AdamConfig
    training: TrainingConfig
    divergence: DivergenceConfig
    seed: int = number(0, at_least=0)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the fields."""
        return asdict(self)

    @property
    def run_id(self) -> str:
        return content_hash(self.as_dict())

    @property
    def condition_id(self) -> str:
        return content_hash({key: value for key, value in self.as_dict().items() if key != "seed"})

    @property
    def folder(self) -> str:
        """A short readable name for the run's folder, ending in its run_id."""
        parts = (self.task.name, self.cell.name, self.cell.activation, f"s{self.seed}", self.run_id)
        return "-".join(parts)


def content_hash(data: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that follow from the content alone.  Two of a million runs share one with p < 0.002."""
    text = json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def from_node(node: DictConfig | Mapping[str, Any]) -> RunConfig:
    """What was composed (keys that do not belong to a run are left aside) -> RunConfig.  Raises ConfigError."""
    config = node if isinstance(node, DictConfig) else OmegaConf.create(dict(node))
    parts: dict[str, Any] = {}
    for key, members in GROUPS.items():
        name = OmegaConf.select(config, f"{key}.name")
        check_choice(key, name, members)
        parts[key] = _typed(members[name], config[key], key)
    for key, section in SECTIONS.items():
        parts[key] = _typed(section, config.get(key) or {}, key)
    run = RunConfig(**parts, seed=_seed(config))
    check(run, "run")
    _check_fit(run)
    return run


def _typed(section: type, node: Any, key: str) -> Any:
    """The node's values as a checked instance of `section`."""
    known = [f.name for f in fields(section)]
    for name in node:
        check_choice(f"{key}.<option>", name, known)
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(section), node))
    except OmegaConfBaseException as error:
        name = str(error.full_key or "").split(".")[-1]
        kind = next((f.type for f in fields(section) if f.name == name), "")
        value = OmegaConf.to_container(node).get(name) if name else None
        raise ConfigError(f"{key}.{name}: {value!r}; must be of type {kind}") from None
    check(options, key)
    return options


def _seed(config: DictConfig) -> int:
    seed = config.get("seed", 0)
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed: {seed!r}; must be a whole number from 0 up")
    return seed


def _check_fit(run: RunConfig) -> None:
    """What single values cannot show."""
    run.task.check()
    if run.task.loss == "mse" and run.readout.activation == "softmax" and run.task.output_size == 1:
        raise ConfigError("readout.activation: 'softmax'; of a single output is always 1; one of linear, sigmoid, ...")
    n_train = len(run.task.data(run.seed).train)
    if run.training.batch_size is not None and run.training.batch_size > n_train:
        raise ConfigError(
            f"training.batch_size: {run.training.batch_size}; must be at most {n_train}, the size of the training set "
            "(null: all of it)"
        )
