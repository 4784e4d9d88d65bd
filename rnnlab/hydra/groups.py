"""The groups task, cell and optimizer, and the sections of a run, as Hydra's configs: made from their dataclasses.

A default stands in the dataclass alone.  The registries are asked at the moment when Hydra asks, so that a member that
was registered later can be chosen, too.  Imports torch.
"""

from __future__ import annotations

from typing import Any, ClassVar

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import OmegaConf

from rnnlab.config.keys import options_of
from rnnlab.config.run import GROUPS, SECTIONS, defaults, options_class

TOP = "sections"  # one config, for the top: conf/config.yaml names it in its defaults list


class GroupSource(ConfigSource):
    """<group>/<name>, such as cell/lstm, and `sections`: readout, init, training, divergence and seed.

    completed: the key whose value a shell completes, such as cell.activation.  Hydra completes the members of groups
    alone, so the key passes for a group then, and its names for members."""

    completed: ClassVar[str] = ""

    @staticmethod
    def scheme() -> str:
        return "registries"

    def available(self) -> bool:
        return True

    def is_group(self, config_path: str) -> bool:
        if config_path.rstrip("/") in ("", *GROUPS):  # the top, too, or a shell does not complete their names
            return True
        return config_path == self.completed and bool(_names_at(config_path))

    def is_config(self, config_path: str) -> bool:
        group, name = _group_and_name(config_path)
        return name in GROUPS[group] if group in GROUPS else (group, name) == ("", TOP)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        group = config_path.rstrip("/")
        if group and group not in GROUPS:
            return [] if results_filter is ObjectType.GROUP else _names_at(group)
        groups = [] if group or results_filter is ObjectType.CONFIG else list(GROUPS)
        configs = sorted(GROUPS[group]) if group in GROUPS else [TOP] * (not group)
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


def _names_at(key: str) -> list[str]:
    """The names that may be the value of a key, whichever member of its group is chosen: of cell.activation, those of
    the activations; of a key that takes anything else, none."""
    part, _, name = key.partition(".")
    members = [options_class(part, member) for member in GROUPS.get(part, ())]
    sections = members or [section for section in [SECTIONS.get(part)] if section]
    options = [option for section in sections for option in options_of(section) if option.key == name]
    names = [word for option in options for rule in option.rules if rule.allowed for word in rule.allowed()]
    return sorted(set(names))


def _group_and_name(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").rpartition("/")
    return group, name
