"""The groups task, cell and optimizer, and the sections of a run, as Hydra's configs: made from their dataclasses.

A default stands in the dataclass alone.  The registries are asked at the moment when Hydra asks, so that a member that
was registered later can be chosen, too.  Imports torch.
"""

from __future__ import annotations

from typing import Any

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from rnnlab.config.run import GROUPS, defaults

SECTIONS = "sections"  # one config, for the top: conf/config.yaml names it in its defaults list


class GroupSource(ConfigSource):
    """<group>/<name>, such as cell/lstm, and `sections`: readout, init, training, divergence and seed."""

    @staticmethod
    def scheme() -> str:
        return "registries"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        return config_path.rstrip("/") in ("", *GROUPS)  # the top, too, or a shell does not complete their names

    def is_config(self, config_path: str) -> bool:
        group, name = _group_and_name(config_path)
        return name in GROUPS[group] if group in GROUPS else (group, name) == ("", SECTIONS)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        group = config_path.rstrip("/")
        groups = [] if group or results_filter is ObjectType.CONFIG else list(GROUPS)
        configs = sorted(GROUPS[group]) if group in GROUPS else [SECTIONS] * (not group)
        return groups + ([] if results_filter is ObjectType.GROUP else configs)

    def load_config(self, config_path: str) -> ConfigResult:
        """Raises ConfigLoadError for what is_config does not know."""
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {config_path}")
        group, name = _group_and_name(config_path)
        node: dict[str, Any] = defaults(group, name) if group else defaults()
        return ConfigResult(self.provider, self.full_path(), OmegaConf.create(node), {"package": group})


class GroupSearchPath(SearchPathPlugin):
    """Makes Hydra look into GroupSource."""

    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("rnnlab", f"{GroupSource.scheme()}://")


def _group_and_name(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").rpartition("/")
    return group, name
