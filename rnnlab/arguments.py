"""What must be known of a command line before Hydra composes it: --config-dir, and the plugins."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rnnlab import places
from rnnlab.options import ConfigError

CONFIG_DIR = ("--config-dir", "-cd")


def words_of(arguments: Sequence[str]) -> list[str]:
    """The words of the command line; when a shell asks for completions, those of the line that is being completed."""
    if any(word in ("--shell-completion", "-sc") for word in arguments) and (line := os.environ.get("COMP_LINE")):
        try:
            return shlex.split(line)[1:]
        except ValueError:  # an open quotation mark
            return line.split()[1:]
    return list(arguments)


def config_dir(words: Sequence[str]) -> Path | None:
    """The folder of --config-dir, if there is one."""
    for n, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in CONFIG_DIR and (equals or n + 1 < len(words)):
            return Path(value if equals else words[n + 1])
    return None


def members_in(folder: Path | None, group: str) -> list[str]:
    """The members of a group that have a file in the folder of --config-dir, sorted."""
    return sorted(path.stem for path in (folder / group).glob("*.yaml")) if folder else []


def without_config_dir(words: Sequence[str]) -> list[str]:
    """The words without --config-dir and its folder."""
    kept: list[str] = []
    for n, word in enumerate(words):
        is_folder = n > 0 and words[n - 1] in CONFIG_DIR
        if word.partition("=")[0] not in CONFIG_DIR and not is_folder:
            kept.append(word)
    return kept


def value_of(key: str, words: Sequence[str]) -> str | None:
    """What the command line says for a key; None if nothing."""
    values = [word.partition("=")[2] for word in words if word.startswith(f"{key}=")]
    return values[-1] if values else None


def plugins_of(words: Sequence[str]) -> tuple[Any, Path]:
    """The value of the key `plugins`, and the folder that its paths are relative to.

    The command line's value counts before that of the chosen study.  Raises ConfigError for a value that is no list."""
    given = value_of("plugins", words)
    if given is not None:
        return _given(given), Path()
    study = value_of("experiment", words)
    folder = config_dir(words)
    folders = [places.EXPERIMENTS, *([folder / "experiment"] if folder else [])]
    for folder in folders:
        if study and (file := folder / f"{study}.yaml").is_file():
            return _of_study(file), folder
    return None, Path()


def _given(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(
            f"plugins: {text!r}; must be one list of Python files and installed modules, as [my.py]"
        ) from None


def _of_study(file: Path) -> Any:
    """What a study's file says.  Raises ConfigError for a file that is no YAML, or stands for too much."""
    import yaml

    from rnnlab.yaml_text import check_yaml, what_is_wrong

    check_yaml(file)
    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise ConfigError(f"{file}{what_is_wrong(error)}") from None
    except ValueError:  # a date or a number that Python does not know, as yaml reads it; Hydra reads it otherwise
        return None
    return content.get("plugins") if isinstance(content, dict) else None
