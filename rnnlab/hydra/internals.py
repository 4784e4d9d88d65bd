"""The private names of Hydra 1.3 and OmegaConf 2.3 that rnnlab uses, all of them, each with the reason.

Whoever moves to another version of Hydra looks here first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import NoReturn

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.core_plugins.file_config_source import FileConfigSource as FileConfigSource
from hydra._internal.hydra import Hydra as Hydra
from hydra._internal.sources_registry import SourcesRegistry
from hydra._internal.utils import create_config_search_path, get_args_parser
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep
from hydra.core.utils import JobReturn, JobStatus
from hydra.plugins.config_source import ConfigSource
from omegaconf import AnyNode, DictConfig
from omegaconf._utils import OmegaConfDumper

from rnnlab.options import ConfigError, shown

MOST_JOBS = 2_000_000  # of a sweep: a job takes about a kilobyte of memory


def search_path(main: str) -> ConfigSearchPath:
    """Where Hydra looks for configs: its own, `main`, what plugins add, and the ConfigStore ("schema").

    hydra.initialize makes one, too, but at once sets up the GlobalHydra of the process, which is the caller's."""
    return create_config_search_path(main)


def application(name: str, where: ConfigSearchPath) -> Hydra:
    """A Hydra that runs jobs and sweeps, as hydra.main makes it, without a GlobalHydra and a command line."""
    return Hydra(name, ConfigLoaderImpl(config_search_path=where))


def replace_source(source: type[ConfigSource]) -> None:
    """Read the configs of a scheme by another class.  Hydra itself never replaces one that is registered.

    The class gets the name of the one that it replaces: Hydra may register that one again, and takes two classes of
    one name for the same."""
    types = SourcesRegistry.instance().types
    source.__name__ = types[source.scheme()].__name__
    types[source.scheme()] = source


def overrides_first(words: Sequence[str]) -> list[str]:
    """The words of a command line, the overrides before Hydra's flags and their values.

    Hydra's own parser takes overrides from one place only: in `a=1 -m b=2` it does not know b=2.  Raises ConfigError
    for a flag that there is not."""
    parser = get_args_parser()
    parser.error = _refuse  # type: ignore[method-assign]
    overrides = list(parser.parse_intermixed_args(list(words)).overrides)
    flags = [word for word in words if word != "--"]
    for override in overrides:
        if override.startswith("--") or "--" in words:
            _refuse(f"unrecognized arguments: {override}")
        flags.remove(override)
    return [*overrides, *flags]


def _refuse(message: str) -> NoReturn:
    raise ConfigError(f"{message}; `rnnlab --help` shows what there is, `rnnlab --hydra-help` Hydra's flags")


@contextmanager
def errors_raised_only() -> Iterator[None]:
    """Without the line "Error executing job with overrides", which Hydra writes on stderr before it raises what a job
    has raised."""
    before = JobReturn.return_value

    def return_value(job: JobReturn) -> object:
        if job.status is JobStatus.FAILED:
            raise job._return_value
        return before.fget(job)  # type: ignore[attr-defined]

    JobReturn.return_value = property(return_value, before.fset)  # type: ignore[attr-defined, method-assign, assignment]
    try:
        yield
    finally:
        JobReturn.return_value = before  # type: ignore[method-assign]


def job_overrides(overrides: Sequence[Override], max_batch_size: int | None) -> list[list[list[str]]]:
    """All combinations of the swept values, in batches.  Raises ConfigError for more than can be planned.

    What a sweep on the command line means is defined by Hydra's basic sweeper alone; it has no public function."""
    by_key = {override.get_key_element(): override for override in overrides}  # of two for one key the last counts
    n_jobs = math.prod(map(_n_values, by_key.values()))
    if n_jobs > MOST_JOBS:
        swept = ", ".join(str(o.input_line) for o in by_key.values() if o.is_sweep_override())
        raise ConfigError(
            f"{shown(swept)[1:-1]}: a sweep of {n_jobs:.3g} runs; at most {MOST_JOBS} are planned at once"
        )
    return BasicSweeper.split_arguments(list(by_key.values()), max_batch_size)


def _n_values(override: Override) -> float:
    """How many values an override stands for; 1 for those of a glob, which are few."""
    match override.value():
        case ChoiceSweep(list=values):
            return len(values)
        case RangeSweep(start=start, stop=stop, step=step) if start is not None and stop is not None and step:
            return max(0, math.ceil(min((stop - start) / step, 1e18)))
        case _:
            return 1


def with_value(override: Override, value: int, text: str) -> Override:
    """An override that is read from `text`, which differs from that of `override` in a whole number alone."""
    return replace(override, _value=value, input_line=text)


def override_dirname(overrides: Sequence[Override], exclude_keys: Sequence[str], item_sep: str, kv_sep: str) -> str:
    """hydra.job.override_dirname, which stands in the hydra.yaml of every job.

    The config loader makes it while it composes a job, and so nothing public makes it without composing."""
    return get_overrides_dirname(list(overrides), list(exclude_keys), item_sep, kv_sep)


def is_untyped(node: DictConfig, key: str) -> bool:
    """Whether the value at a key has no type, so that any plain value may take its place.

    OmegaConf tells the type of a value, but not whether the value is bound to it."""
    return type(node._get_node(key)) is AnyNode


class Dumper(yaml.CDumper):
    """YAML as OmegaConf.to_yaml writes it, by the library that is written in C: Hydra's files, five times as fast.

    OmegaConf quotes text that YAML would read as a number; only its private dumper knows when."""


Dumper.add_representer(str, OmegaConfDumper.str_representer)
