"""The targets of an export, a file each.  A command chooses one by its name, `--to <name>`.

To add a target, write one file in this folder; nothing else changes:

    @register("mine", holds="one file per run, for Mine", open_with="mine {folder}", library="mine", extra="mine")
    def write(source: Source, building: Path, place: Path) -> None:
        ...  # write files into `building`

A target outside of this folder is registered in the same way, when its module is imported.  The modules of this folder
import the libraries of their tools inside functions: `rnnlab-export --help` works without them.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from rnnlab.export.source import Source
from rnnlab.registry import Registry

Write = Callable[[Source, Path, Path], None]


@dataclass(frozen=True)
class Target:
    """write(source, building, place) fills the empty folder `building`, which is renamed to `place` afterwards.

    holds: what the export consists of, for --help.  open_with: the command that shows an export, with {folder} for its
    absolute path.  library: the module that must be importable, and extra: what `pip install rnnlab[extra]` installs it
    with; both "" where nothing more is needed.
    """

    write: Write
    holds: str
    open_with: str = ""
    library: str = ""
    extra: str = ""


_TARGETS: Registry[Target] = Registry("a target of exports")


def register(
    name: str, *, holds: str, open_with: str = "", library: str = "", extra: str = ""
) -> Callable[[Write], Write]:
    """Make the function below it reachable as `--to <name>`.  Raises ValueError for a name that is taken."""

    def enter(write: Write) -> Write:
        _TARGETS.add(name, Target(write, holds, open_with, library, extra))
        return write

    return enter


def targets() -> Registry[Target]:
    """All targets that are registered by now, by name."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return _TARGETS
