"""RunConfig: everything that defines the numbers of one run, and nothing else (no paths, device, launcher).

conf/ holds the defaults, sections.py the types and ranges (conf/README.md maps one to the other).  `from_node` turns
what Hydra composed into a checked RunConfig; `run_id` is a hash of its content.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache, cached_property
from typing import Any

from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from rnnlab.config.sections import (
    CELLS,
    OPTIMIZER_CONFIGS,
    CellConfig,
    DivergenceConfig,
    InitConfig,
    OptimizerConfig,
    ReadoutConfig,
    TrainingConfig,
)
from rnnlab.options import ConfigError, check, check_choice
from rnnlab.tasks import PLACES, TASKS, Task

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
    cell: CellConfig
    readout: ReadoutConfig
    init: InitConfig
    optimizer: OptimizerConfig
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
    if run.cell.embedding_size and not run.task.tokens:
        raise ConfigError(
            f"cell.embedding_size: {run.cell.embedding_size}; must be null, task {run.task.name} reads numbers"
        )
    if run.cell.num_layers == 0 and run.task.tokens:
        raise ConfigError(f"cell.num_layers: 0; must be at least 1, task {run.task.name} reads tokens")
    if run.training.fresh and not run.task.generates:
        raise ConfigError(f"training.fresh: true; must be false, task {run.task.name} has a fixed training set")
    _check_batch_size(run)


def _check_batch_size(run: RunConfig) -> None:
    n_train, batch_size = run.task.n_train, run.training.batch_size
    if run.training.fresh:
        if batch_size is None:
            raise ConfigError("training.batch_size: null; must be a number where training.fresh=true")
    elif batch_size is not None and batch_size > n_train:
        raise ConfigError(
            f"training.batch_size: {batch_size}; must be at most {n_train}, the size of the training set "
            "(null: all of it)"
        )
