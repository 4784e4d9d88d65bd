"""The studies of experiments/ as config groups of Hydra.  A file is read when it is chosen, and not at every start.

The command registers the two plugins itself.  They are not in hydra_plugins/, where Hydra would find them: every
application of this Python environment would then see rnnlab's studies.
"""

from __future__ import annotations

from hydra.core.config_search_path import ConfigSearchPath
from hydra.core.object_type import ObjectType
from hydra.plugins.config_source import ConfigLoadError, ConfigResult, ConfigSource
from hydra.plugins.search_path_plugin import SearchPathPlugin
from omegaconf import DictConfig, OmegaConf

from rnnlab import places

_FULL = "_full"
_GROUPS = ("experiment", "scale", "scale_of_study")


class StudySource(ConfigSource):
    """experiment=<study>, scale=default|full, and scale_of_study=<study>_full, which conf/config.yaml makes of the two.

    The `full` section of a study is the size that the study's source has; scale=full lays it over the rest."""

    @staticmethod
    def scheme() -> str:
        return "studies"

    def available(self) -> bool:
        return places.EXPERIMENTS.is_dir()

    def is_group(self, config_path: str) -> bool:
        return config_path.rstrip("/") in ("", *_GROUPS)  # the top, too, or a shell does not complete their names

    def is_config(self, config_path: str) -> bool:
        group, name = _group_and_name(config_path)
        return group in _GROUPS and name in _members(group)

    def list(self, config_path: str, results_filter: ObjectType | None) -> list[str]:
        group = config_path.rstrip("/")
        if not group:
            return [] if results_filter is ObjectType.CONFIG else list(_GROUPS)
        return [] if results_filter is ObjectType.GROUP else _members(group)

    def load_config(self, config_path: str) -> ConfigResult:
        """Raises ConfigLoadError for what is_config does not know."""
        if not self.is_config(config_path):
            raise ConfigLoadError(f"Config not found : {config_path}")
        node = _node(*_group_and_name(config_path))
        return ConfigResult(self.provider, self.full_path(), node, {"package": "_global_"})


class StudySearchPath(SearchPathPlugin):
    def manipulate_search_path(self, search_path: ConfigSearchPath) -> None:
        search_path.append("rnnlab", f"{StudySource.scheme()}://")


def _group_and_name(config_path: str) -> tuple[str, str]:
    group, _, name = config_path.removesuffix(".yaml").partition("/")
    return group, name


def _members(group: str) -> list[str]:
    if group == "scale":
        return ["default", "full"]
    studies = places.options("experiment")
    return [f"{study}{_FULL}" for study in studies] if group == "scale_of_study" else studies


def _node(group: str, name: str) -> DictConfig:
    if group == "scale":
        return OmegaConf.create({})
    file = places.EXPERIMENTS / f"{name.removesuffix(_FULL)}.yaml"
    study = OmegaConf.load(file)
    if not isinstance(study, DictConfig):
        raise ConfigLoadError(f"{file}: must hold keys with values")
    full = study.pop("full", OmegaConf.create({}))
    return full if group == "scale_of_study" else study
