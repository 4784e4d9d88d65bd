"""The private names of Hydra 1.3 and OmegaConf 2.3 that rnnlab uses, all of them, each with the reason.

Whoever moves to another version of Hydra looks here first.
"""

from __future__ import annotations

from collections.abc import Sequence

import yaml
from hydra._internal.config_loader_impl import ConfigLoaderImpl, get_overrides_dirname
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra as Hydra
from hydra._internal.utils import create_config_search_path
from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.override_parser.types import Override
from omegaconf import AnyNode, DictConfig
from omegaconf._utils import OmegaConfDumper


def search_path(main: str) -> ConfigSearchPath:
    """Where Hydra looks for configs: its own, `main`, what plugins add, and the ConfigStore ("schema").

    hydra.initialize makes one, too, but at once sets up the GlobalHydra of the process, which is the caller's."""
    return create_config_search_path(main)


def application(name: str, where: ConfigSearchPath) -> Hydra:
    """A Hydra that runs jobs and sweeps, as hydra.main makes it, without a GlobalHydra and a command line."""
    return Hydra(name, ConfigLoaderImpl(config_search_path=where))


def job_overrides(overrides: Sequence[Override], max_batch_size: int | None) -> list[list[list[str]]]:
    """All combinations of the swept values, in batches.

    What a sweep on the command line means is defined by Hydra's basic sweeper alone; it has no public function."""
    return BasicSweeper.split_arguments(list(overrides), max_batch_size)


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
