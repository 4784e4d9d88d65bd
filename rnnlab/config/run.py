"""RunConfig: everything that defines the numbers of one run, and nothing else (no paths, device, launcher).

`parse.from_node` makes one of what Hydra composed; `run_id` is a hash of its content.  Only options that act are part
of the content: with cell.num_layers=1 cell.dropout changes nothing, so it is not in the run's config, and runs that
differ in nothing else are one run.  Options that no number depends on, such as training.save_weights, are no part of it
either.  The content also says which code computes the run: the number of rnnlab's numerics, and the digests of the
plugins of which the run uses an entry.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from typing import Any

from rnnlab import plugins
from rnnlab.config.keys import defaults_of, flattened, keys_of_field, options_of
from rnnlab.config.sections import DivergenceConfig, InitConfig, ReadoutConfig, TrainingConfig
from rnnlab.config.until import KEYS as UNTIL
from rnnlab.nets.activations import ACTIVATIONS
from rnnlab.nets.cells import CELLS, CellOptions
from rnnlab.nets.initializers import INITIALIZERS
from rnnlab.nets.losses import LOSSES
from rnnlab.nets.optimizers import OPTIMIZERS, OptimizerOptions
from rnnlab.options import LARGEST, ConfigError, default_of, rule_of, shown, written
from rnnlab.records.run import CODE
from rnnlab.registry import Registry
from rnnlab.tasks import PLACES, TASKS, Task
from rnnlab.version import NUMERICS

GROUPS: Mapping[str, Registry[Any]] = {"task": TASKS, "cell": CELLS, "optimizer": OPTIMIZERS}
SECTIONS: Mapping[str, type] = {
    "readout": ReadoutConfig,
    "init": InitConfig,
    "training": TrainingConfig,
    "divergence": DivergenceConfig,
}
CELLS.checks.append(lambda cell: _check_options(cell.Options))
OPTIMIZERS.checks.append(lambda optimizer: _check_options(optimizer.Options))
ACTIVATIONS.checks.append(lambda _: _check_options(*(cell.Options for cell in CELLS.values())))
PARTS = ("task", "cell", "readout", "init", "optimizer", "training", "divergence")
SHARED_BY_SEEDS = ("parts", "code", "condition_id", "_around_seed", "_names")  # what RunConfig keeps of a condition
LONGEST_NAME = 200  # bytes; file systems end at 255
# Composed with a run, and no part of it.
SURROUNDINGS = ("device", "backend", "study", "question", "source", "claims", *UNTIL, "plugins", "match", "hydra")
TOP_LEVEL = (*PARTS, "seed", *SURROUNDINGS)


@dataclass(frozen=True)
class RunConfig:
    """One run.  A condition is a run without its seed.

    Options that do not act have their default value, whatever they are made with, and are not in `as_dict`."""

    task: Task
    cell: CellOptions
    readout: ReadoutConfig
    init: InitConfig
    optimizer: OptimizerOptions
    training: TrainingConfig
    divergence: DivergenceConfig
    seed: int = 0

    def __post_init__(self) -> None:
        for key in _idle(self._sections()):
            part, _, name = key.partition(".")
            section = getattr(self, part)
            (default,) = (default_of(f) for f in fields(section) if f.name == name)
            object.__setattr__(self, part, replace(section, **{name: default}))
        _ = self.code  # of this moment, and of no later one when other plugins are loaded

    def with_seed(self, seed: object) -> RunConfig:
        """The same condition with another seed.  What follows from the condition alone is not computed again, which
        takes a hundred times as long.  Raises ConfigError."""
        seed = checked_seed(seed)
        other = object.__new__(RunConfig)
        for name in (*PARTS, *SHARED_BY_SEEDS):
            object.__setattr__(other, name, getattr(self, name))
        object.__setattr__(other, "seed", seed)
        return other

    def _sections(self) -> tuple[Any, ...]:
        return tuple(getattr(self, part) for part in PARTS)

    @cached_property
    def parts(self) -> tuple[Any, ...]:
        """The sections in the order of PARTS: all but the seed.  Runs that `with_seed` has made share this object."""
        return self._sections()

    @property
    def idle(self) -> Mapping[str, str]:
        """The fields that do not act, by their keys, each with the reason: {"cell.dropout": "cell.num_layers=1"}."""
        return _idle(self.parts)

    @cached_property
    def code(self) -> dict[str, int | str]:
        """What computes the run: {"numerics": 1, "my.py": sha256}, with the plugins of which it uses an entry."""
        used = {plugin.name: plugin.sha256 for module in self._modules() if (plugin := plugins.plugin_of(module))}
        return {"numerics": NUMERICS, **dict(sorted(used.items()))}

    def _modules(self) -> Iterator[str | None]:
        """The modules that have added the entries of registries that act in this run; None for rnnlab's own."""
        idle = self.idle
        for part, section in zip(PARTS, self.parts, strict=True):
            if part in GROUPS:
                yield GROUPS[part].module_of(section.name)
            for f in fields(section):
                registry, value = rule_of(f).members, getattr(section, f.name)
                if f"{part}.{f.name}" in idle:
                    continue
                if isinstance(registry, Registry):
                    yield registry.module_of(value.name)
                elif part == "init" and isinstance(value, str):
                    yield INITIALIZERS.module_of(value)
        yield LOSSES.module_of(self.task.loss)

    def as_dict(self) -> dict[str, Any]:
        """The options that define the run's numbers, the seed and the code as plain data, in the order of the fields.
        `from_node` makes a run with the same numbers of it, where the code is the same."""
        acting = {part: dict(values) for part, values in _acting(self.parts).items()}
        return acting | {"seed": self.seed, CODE: dict(self.code)}

    def as_node(self) -> dict[str, Any]:
        """Every option as plain data, also those that no number depends on.  `from_node` makes an equal run of it."""
        parts = {part: flattened(section) for part, section in zip(PARTS, self.parts, strict=True)}
        return {
            part: ({"name": getattr(self, part).name} if part in GROUPS else {}) | values
            for part, values in parts.items()
        } | {"seed": self.seed}

    @cached_property
    def run_id(self) -> str:
        """content_hash of `as_dict`."""
        before, after = self._around_seed
        return _digest(f'{before},"seed":{self.seed},{after}')

    @cached_property
    def _around_seed(self) -> tuple[str, str]:
        """The text whose digest is the run_id, before the seed and behind it: its keys are sorted."""
        config = self.as_dict()
        before, after = ({key: config[key] for key in config if holds(key)} for holds in ("seed".__gt__, "seed".__lt__))
        return _content_text(before)[:-1], _content_text(after)[1:]

    @cached_property
    def condition_id(self) -> str:
        return content_hash({key: value for key, value in self.as_dict().items() if key != "seed"})

    @cached_property
    def folder(self) -> str:
        """A short readable name for the run's folder, ending in its run_id."""
        return f"{self._names}-s{self.seed}-{self.run_id}"

    @cached_property
    def _names(self) -> str:
        activation = [] if "cell.activation" in self.idle else [self.cell.activation.name]
        return "-".join((self.task.name, self.cell.name, *activation))


@lru_cache(maxsize=1024)
def _idle(parts: tuple[Any, ...]) -> Mapping[str, str]:
    """RunConfig.idle, of the sections in the order of PARTS."""
    named = dict(zip(PARTS, parts, strict=True))
    values = {f"{group}.name": named[group].name for group in GROUPS}
    stated = []
    for part, section in named.items():
        for f in fields(section):
            values[f"{part}.{f.name}"] = getattr(section, f.name)
            stated += [(f"{part}.{f.name}", when) for when in rule_of(f).acts]
    found: dict[str, str] = {}
    for key, when in stated:
        if key not in found and not when.holds(*(values[other] for other in when.keys)):
            found[key] = ", ".join(f"{other.removesuffix('.name')}={written(values[other])}" for other in when.keys)
    return found


@lru_cache(maxsize=1024)  # runs that differ in their seed alone have the same
def _acting(parts: tuple[Any, ...]) -> Mapping[str, Mapping[str, Any]]:
    """RunConfig.as_dict without the seed, of the sections in the order of PARTS."""
    idle, acting = _idle(parts), {}
    for part, section in zip(PARTS, parts, strict=True):
        acting[part] = {"name": section.name} if part in GROUPS else {}
        for f in fields(section):
            if f"{part}.{f.name}" not in idle and rule_of(f).identifies:
                acting[part] |= keys_of_field(section, f)
    return acting


def options_class(group: str, name: str) -> type:
    """The dataclass of a group's member: of a cell or an optimiser its Options; a task is a dataclass itself."""
    member = GROUPS[group][name]
    return member if group == "task" else member.Options


def _check_options(*sections: type) -> None:
    """Raise ValueError for sections with a key that stands for two things, as a plugin's entry may bring it about."""
    for section in sections:
        options_of(section)


def defaults(group: str = "", name: str = "") -> dict[str, Any]:
    """Every key of a group's member with its default; without a group, those of the sections, and the seed."""
    if group:
        return {"name": name} | defaults_of(options_class(group, name))
    return {key: defaults_of(section) for key, section in SECTIONS.items()} | {"seed": RunConfig.seed}


def content_hash(data: Mapping[str, Any]) -> str:
    """Twelve hexadecimal digits that follow from the content alone.  Two of a million runs share one with p < 0.002.

    Names of plugins are left out, and where a task has the digest of its files, the places where they lie."""
    return _digest(_content_text(data))


def _content_text(data: Mapping[str, Any]) -> str:
    task = data.get("task")
    if isinstance(task, Mapping) and task.get("sha256") is not None:
        data = {**data, "task": {key: value for key, value in task.items() if key not in PLACES}}
    if isinstance(code := data.get(CODE), Mapping):
        data = {**data, CODE: sorted(map(str, code.values()))}
    return json.dumps(data, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def checked_seed(seed: object) -> int:
    """A seed as it may stand in a run.  Raises ConfigError."""
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise ConfigError(f"seed: {shown(seed)}; must be a whole number from 0 up")
    if seed > LARGEST:
        raise ConfigError(f"seed: {shown(seed)}; must be a whole number of at most {LARGEST} (2^53 - 1)")
    return seed
