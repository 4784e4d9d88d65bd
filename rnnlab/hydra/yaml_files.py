"""The YAML files of a person's own --config-dir as configs of Hydra."""

from __future__ import annotations

from pathlib import Path

import yaml
from hydra.plugins.config_source import ConfigResult

from rnnlab.hydra.internals import FileConfigSource, replace_source
from rnnlab.options import ConfigError
from rnnlab.yaml_text import check_yaml, what_is_wrong


class CheckedFiles(FileConfigSource):
    """The files of a folder, as Hydra reads them, each of which is checked first."""

    def load_config(self, config_path: str) -> ConfigResult:
        """Raises ConfigError for a file that cannot be read, and ConfigLoadError where there is none."""
        file = Path(self.path, self._normalize_file_name(config_path))
        if file.is_file():
            check_yaml(file)
        try:
            return super().load_config(config_path)
        except yaml.YAMLError as error:
            # What the events do not show: a tag that is not known, a key that is there twice.
            raise ConfigError(f"{file}{what_is_wrong(error)}") from None


def use_checked_files() -> None:
    """Let Hydra read files by the class above, in this process."""
    replace_source(CheckedFiles)
