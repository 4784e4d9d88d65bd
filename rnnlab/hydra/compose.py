"""Composing the jobs of a sweep in a fraction of the time that Hydra takes, with the same result.

Hydra composes each job from its files anew, which takes longer than many runs take to train.  The jobs of a sweep
differ in few values, so a config is composed once per choice of groups (a template), and plain values are set on
copies of it.  Wherever it is not certain that the result is Hydra's own, Hydra composes the job: a value that is a
list, a mapping or an interpolation, an added or deleted key, a package, a key that is no plain leaf of the config.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import Any, cast

import yaml
from hydra.core.config_loader import ConfigLoader
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override, OverrideType
from omegaconf import DictConfig, OmegaConf, open_dict

from rnnlab.hydra.internals import Dumper, is_untyped, override_dirname, with_value

PLAIN = (bool, int, float, str, type(None))
WHOLE_NUMBER = re.compile("0|[1-9][0-9]{0,17}")
PLACEHOLDER = "rnnlab-placeholder-{}"  # without a space, so that YAML does not break a line in it
HYDRA_GAPS = (  # the keys of hydra.yaml whose values differ from job to job
    "hydra.job.override_dirname",
    "hydra.job.id",
    "hydra.job.num",
    "hydra.runtime.output_dir",
    "hydra.overrides.task",
)


class Template:
    """What Hydra composed for one choice of groups, and the text of its files with gaps for what a job changes."""

    def __init__(self, config: DictConfig) -> None:
        self.config = config
        self.task = plain(without_hydra(config))
        self.interpolates = "${" in yaml.dump(self.task, Dumper=yaml.CSafeDumper)

    @cache  # noqa: B019  as many entries as there are keys in a sweep
    def is_plain_leaf(self, key: str) -> bool:
        """Whether a value can be set at `key` without applying any rule of OmegaConf."""
        parent, _, leaf = key.rpartition(".")
        if parent.split(".")[0] == "hydra" or self._stands_for_another(parent):
            return False
        node = OmegaConf.select(self.config, parent) if parent else self.config
        return isinstance(node, DictConfig) and leaf in node and is_untyped(node, leaf)

    def _stands_for_another(self, key: str) -> bool:
        """Whether a section of the key is an interpolation, so that a value would be set elsewhere."""
        node: Any = self.task
        for name in key.split(".") if key else ():
            node = node.get(name)
            if not isinstance(node, dict):
                return True
        return False

    @cache  # noqa: B019  as many entries as there are choices of keys in a sweep, usually one
    def worked_on(self, keys: tuple[str, ...]) -> DictConfig:
        """A copy of the config, on which jobs that set these keys do so one after the other.  A copy takes a hundred
        times as long as setting a value."""
        return copy.deepcopy(self.config)

    @cached_property
    def dirname_options(self) -> tuple[list[str], str, str]:
        """Which keys are left out of hydra.job.override_dirname, and what separates the others."""
        options = self.config.hydra.job.config.override_dirname
        return list(options.exclude_keys), options.item_sep, options.kv_sep

    @cached_property
    def hydra_yaml(self) -> str:
        """hydra.yaml with placeholders."""
        return _with_gaps(plain(OmegaConf.masked_copy(self.config, "hydra")), HYDRA_GAPS)

    @cache  # noqa: B019  as many entries as there are choices of keys in a sweep, usually one
    def task_yaml(self, keys: tuple[str, ...]) -> str:
        """config.yaml with placeholders for the values of `keys`."""
        return _with_gaps(_copy(self.task), keys)


@dataclass(frozen=True, slots=True)
class Job:
    """One job of a sweep.  What Hydra would have made of it is made when somebody asks."""

    template: Template
    reader: Reader
    overrides: Sequence[str]  # all of the job's, in order
    values: tuple[tuple[str, Any], ...]  # keys and values that are set on the template
    number: int

    @property
    def task(self) -> dict[str, Any]:
        """The job's config without the hydra section, as plain data.  Jobs share it but for what they set: it is only
        read."""
        task = self.template.task
        for key, value in self.values:
            task = _with(task, key.split("."), value)
        return task

    @property
    def condition(self) -> Hashable:
        """A key that is equal for jobs that differ in nothing but the seed."""
        return id(self.template), tuple(text for text in self.overrides if not text.startswith("seed="))

    def resolved(self) -> Mapping[str, Any]:
        """The job's config, as plain data without the hydra section; with interpolations as a DictConfig that resolves
        them, and that is the job's until another job of the template is asked for its own."""
        if not self.template.interpolates:
            return self.task
        return self._set_on(self.template.worked_on(tuple(key for key, _ in self.values)))

    @property
    def task_overrides(self) -> list[str]:
        return [str(override.input_line) for override in self._own()]

    @property
    def override_dirname(self) -> str:
        return override_dirname(self._own(), *self.template.dirname_options)

    def _own(self) -> list[Override]:
        """The overrides that are about the application and not about Hydra."""
        return [o for o in map(self.reader.read, self.overrides) if not o.is_hydra_override()]

    def config(self) -> DictConfig:
        """The whole config, as Hydra's loader returns it and its launchers number it."""
        return self._set_on(copy.deepcopy(self.template.config))

    def _set_on(self, config: DictConfig) -> DictConfig:
        for key, value in self.values:
            OmegaConf.update(config, key, value, merge=True)
        with open_dict(config):
            config.hydra.overrides.task = self.task_overrides
            config.hydra.job.override_dirname = self.override_dirname
            config.hydra.job.id = str(self.number)
            config.hydra.job.num = self.number
        return config

    def hydra_files(self, output_dir: str) -> dict[str, str]:
        """The texts of .hydra/config.yaml, hydra.yaml and overrides.yaml."""
        overrides = self.task_overrides
        values = (self.override_dirname, str(self.number), self.number, output_dir, overrides)
        hydra_yaml = self.template.hydra_yaml
        for key, value in zip(HYDRA_GAPS, values, strict=True):
            hydra_yaml = _fill(hydra_yaml, key, value)
        config_yaml = self.template.task_yaml(tuple(key for key, _ in self.values))
        for key, value in self.values:
            config_yaml = _fill(config_yaml, key, value)
        return {"config.yaml": config_yaml, "hydra.yaml": hydra_yaml, "overrides.yaml": to_yaml(overrides)}


class Reader:
    """Reads overrides as Hydra's parser does.  A sweep has many that differ in a whole number alone, and Hydra's parser
    takes 0.2 ms for each: of those it reads the first."""

    def __init__(self, loader: ConfigLoader) -> None:
        self._parser = OverridesParser.create(config_loader=loader)
        self._read: dict[str, Override] = {}
        self._of_number: dict[str, Override] = {}  # by key

    def read(self, text: str) -> Override:
        """Raises what Hydra raises for a text that is no override."""
        if text in self._read:
            return self._read[text]
        key, _, value = text.partition("=")
        is_number = WHOLE_NUMBER.fullmatch(value) is not None
        if is_number and key in self._of_number:
            return with_value(self._of_number[key], int(value), text)
        (found,) = self._parser.parse_overrides([text])
        (self._of_number if is_number else self._read)[key if is_number else text] = found
        return found

    def number(self, text: str) -> tuple[str, int] | None:
        """key=value with a whole number, where the key has been read with another one before."""
        key, _, value = text.partition("=")
        return (key, int(value)) if key in self._of_number and WHOLE_NUMBER.fullmatch(value) else None


class Composer:
    """Composes the jobs of one sweep."""

    def __init__(self, loader: ConfigLoader, master: DictConfig) -> None:
        self._loader, self._master = loader, master
        self._reader = Reader(loader)
        self._groups: dict[str, bool] = {}
        self._templates: dict[tuple[str, ...], Template] = {}
        self._plain_numbers: set[str] = set()  # keys whose overrides with a whole number set a plain value

    def compose(self, overrides: Sequence[str], number: int) -> Job:
        """The job of these overrides.  Raises what Hydra raises when it cannot be composed."""
        choices: list[Override] = []
        values: dict[str, Any] = {}
        for text in overrides:
            read = self._reader.number(text)
            if read and read[0] in self._plain_numbers:
                values[read[0]] = read[1]
                continue
            override = self._reader.read(text)
            key = override.key_or_group
            if override.is_hydra_override() or self._chooses(override):
                choices.append(override)
            elif _sets_plain_value(override):
                values[key] = override.value()
                if type(override.value()) is int:
                    self._plain_numbers.add(key)
            else:
                return self._by_hydra(overrides, number)
        template = self._template(choices)
        if all(map(template.is_plain_leaf, values)):
            return Job(template, self._reader, overrides, tuple(values.items()), number)
        return self._by_hydra(overrides, number)

    def _by_hydra(self, overrides: Sequence[str], number: int) -> Job:
        return Job(Template(self._load(overrides)), self._reader, overrides, (), number)

    def _chooses(self, override: Override) -> bool:
        """Whether an override chooses members of a group, as opposed to setting values."""
        key = override.key_or_group
        if key not in self._groups:
            # Not loader.get_group_options: it copies the whole repository each time it is asked.
            sources = self._loader.get_sources()
            self._groups[key] = any(source.is_group(key) and source.list(key, None) for source in sources)
        return self._groups[key] and not isinstance(override.value(), dict)

    def _template(self, choices: Sequence[Override]) -> Template:
        key = tuple(str(o.input_line) for o in choices)
        if key not in self._templates:
            self._templates[key] = Template(self._load(key))
        return self._templates[key]

    def _load(self, overrides: Sequence[str]) -> DictConfig:
        return self._loader.load_sweep_config(self._master, list(overrides))


def without_hydra(config: DictConfig) -> DictConfig:
    """A copy of what the application sees of a config."""
    return OmegaConf.masked_copy(config, [str(key) for key in config if key != "hydra"])


def plain(config: DictConfig) -> dict[str, Any]:
    """A config as plain data, with its interpolations as they are written."""
    return cast(dict[str, Any], OmegaConf.to_container(config))


def _sets_plain_value(override: Override) -> bool:
    """Whether an override is key=value with a value that only the parser has to interpret."""
    if override.type is not OverrideType.CHANGE or override.package is not None:
        return False
    value = override.value()
    return isinstance(value, PLAIN) and not (isinstance(value, str) and ("${" in value or value == "???"))


def _copy(data: Any) -> Any:
    """A deep copy of plain data; copy.deepcopy takes ten times as long."""
    if isinstance(data, dict):
        return {key: _copy(value) for key, value in data.items()}
    if isinstance(data, list):
        return [_copy(value) for value in data]
    return data


def _with(data: dict[str, Any], path: Sequence[str], value: Any) -> dict[str, Any]:
    """Plain data with another value at a place that is there already.  The rest is shared with `data`."""
    key, *rest = path
    return {**data, key: _with(data[key], rest, value) if rest else value}


def _set(data: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a key with dots, which is there already."""
    *parents, leaf = key.split(".")
    for parent in parents:
        data = data[parent]
    data[leaf] = value


def _with_gaps(data: dict[str, Any], keys: Sequence[str]) -> str:
    """The YAML of `data` (which is changed) with placeholders in the place of some values."""
    for key in keys:
        _set(data, key, PLACEHOLDER.format(key))
    return to_yaml(data)


def _fill(text: str, key: str, value: Any) -> str:
    place = f" {PLACEHOLDER.format(key)}\n"
    return text.replace(place, (_text_at if isinstance(value, PLAIN) else _text_at.__wrapped__)(key, value) + "\n", 1)


@lru_cache(maxsize=4096, typed=True)
def _text_at(key: str, value: Any) -> str:
    """The YAML of a value at its place: where YAML breaks a line depends on the column in which the value begins."""
    if type(value) is int:
        return f" {value}"
    *parents, leaf = key.split(".")
    nested = {leaf: value}
    for parent in reversed(parents):
        nested = {parent: nested}
    return to_yaml(nested).split("\n", len(parents))[-1].partition(":")[2].rstrip("\n")


def to_yaml(data: Any) -> str:
    """The YAML of plain data, as OmegaConf.to_yaml writes it."""
    return yaml.dump(data, default_flow_style=False, allow_unicode=True, sort_keys=False, Dumper=Dumper)
