"""RunConfig: everything that defines the numbers of one run, and nothing else (no paths, device, launcher).

conf/ holds the defaults, these dataclasses the types and ranges (conf/README.md maps one to the other).  `from_node`
turns what Hydra composed into a checked RunConfig; `run_id` is a hash of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from typing import Any

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnlab.activations import ACTIVATIONS
from rnnlab.initializers import initializers_of
from rnnlab.losses import READOUT_ACTIVATIONS
from rnnlab.options import ConfigError, check, check_choice, choice, number
from rnnlab.tasks import PLACES, TASKS, Task


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

    input: str = choice("uniform", initializers_of("input"))
    recurrent: str = choice("uniform", initializers_of("recurrent"))
    readout: str = choice("uniform", initializers_of("readout"))
    bias: str = choice("uniform_hidden", initializers_of("bias"))
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
    eval_every: int | None = number(10, at_least=1)  # null: evaluated once, at the end


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


SURROUNDINGS = ("device", "study", "question", "source", "claims", "hydra")  # composed with a run, and no part of it
TOP_LEVEL = (*GROUPS, *SECTIONS, "seed", *SURROUNDINGS)


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
    seed: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Plain data, in the order of the fields."""
        return asdict(self)

    @cached_property
    def run_id(self) -> str:
        return content_hash(self.as_dict())

    @cached_property
    def condition_id(self) -> str:
        return content_hash({key: value for key, value in self.as_dict().items() if key != "seed"})

    @cached_property
    def folder(self) -> str:
        """A short readable name for the run's folder, ending in its run_id."""
        parts = (self.task.name, self.cell.name, self.cell.activation, f"s{self.seed}", self.run_id)
        return "-".join(parts)


def content_hash(data: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that follow from the content alone.  Two of a million runs share one with p < 0.002.

    Where a task's files lie is left out if the digest of what they hold is there."""
    task = data.get("task")
    if isinstance(task, Mapping) and task.get("sha256") is not None:
        data = {**data, "task": {key: value for key, value in task.items() if key not in PLACES}}
    return hashlib.sha256(_canonical(data).encode()).hexdigest()[:12]


def from_node(node: DictConfig | Mapping[str, Any]) -> RunConfig:
    """What was composed -> RunConfig, without what only surrounds the run.  Raises ConfigError."""
    unknown = [str(key) for key in node if key not in TOP_LEVEL]
    if unknown:
        raise ConfigError(f"{unknown[0]}: no such key; at the top there are {', '.join(TOP_LEVEL)}")
    if isinstance(node, DictConfig):
        node = {key: _plain(node[key]) for key in (*GROUPS, *SECTIONS, "seed") if key in node}
    parts: dict[str, Any] = {}
    for key, members in GROUPS.items():
        options = node.get(key)
        name = options.get("name") if isinstance(options, Mapping) else None
        check_choice(key, name, members)
        parts[key] = _typed(members[name], key, _canonical(options))
    for key, section in SECTIONS.items():
        parts[key] = _typed(section, key, _canonical(node.get(key) or {}))
    parts["task"] = parts["task"].fingerprinted()
    run = RunConfig(**parts, seed=_checked_seed(node.get("seed", 0)))
    _check_fit(run)
    return run


def _plain(node: Any) -> Any:
    return OmegaConf.to_container(node, resolve=True) if OmegaConf.is_config(node) else node


def _canonical(data: Any) -> str:
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def check_surroundings(config: DictConfig) -> None:
    """Raise ConfigError for what surrounds a run and cannot be used: device, study."""
    check_choice("device", config.device, ("cpu", "cuda"))
    if config.device == "cuda" and not torch.cuda.is_available():
        raise ConfigError("device: 'cuda'; this machine has no usable CUDA device; one of cpu")
    study = config.study
    if not isinstance(study, str) or not study or study.startswith(".") or set(study) & set("/\\\0"):
        raise ConfigError(f"study: {study!r}; must be a folder's name, without slashes, not starting with a dot")


@cache  # the runs of a sweep differ in a few values, and most of their sections not at all
def _typed(section: type, key: str, text: str) -> Any:
    """The values of a section, as JSON, as a checked instance of `section`."""
    values = json.loads(text)
    known = {f.name: f for f in fields(section)}
    if not isinstance(values, dict):
        raise ConfigError(f"{key}: {values!r}; must have the keys {', '.join(known)}")
    for name in values:
        if name not in known:
            raise ConfigError(f"{key}.{name}: no such key; {key} has {', '.join(known)}")
        if known[name].type in (bool, "bool") and not isinstance(values[name], bool):  # OmegaConf takes 2 for true
            raise ConfigError(f"{key}.{name}: {values[name]!r}; must be of type bool, true or false")
    try:
        options = OmegaConf.to_object(OmegaConf.merge(OmegaConf.structured(section), values))
    except OmegaConfBaseException as error:
        name = str(error.full_key or "").split(".")[-1]
        kind = known[name].type if name in known else ""
        raise ConfigError(f"{key}.{name}: {values.get(name)!r}; must be of type {kind}") from None
    check(options, key)
    return options


def _checked_seed(seed: Any) -> int:
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed: {seed!r}; must be a whole number from 0 up")
    return seed


def _check_fit(run: RunConfig) -> None:
    """What single values cannot show."""
    run.task.check()
    if run.task.loss == "mse" and run.readout.activation == "softmax" and run.task.output_size == 1:
        raise ConfigError("readout.activation: 'softmax'; of a single output is always 1; one of linear, sigmoid, ...")
    n_train = run.task.n_train
    if run.training.batch_size is not None and run.training.batch_size > n_train:
        raise ConfigError(
            f"training.batch_size: {run.training.batch_size}; must be at most {n_train}, the size of the training set "
            "(null: all of it)"
        )
