"""The engines, a file each: places where packs are computed.  A sweep chooses one by its name.

To add an engine, write one file in this folder; nothing else changes:

    @dataclass
    class MySettings:
        queue: str = "short"  # hydra.launcher.mine.queue
        hours: float = number(1.0, above=0)  # hydra.launcher.mine.hours

    @register("mine", MySettings)
    class MyEngine: ...  # what rnnlab.sweep.engine.Engine asks for

An engine outside of this folder is registered in the same way, when its module is imported.  Every start of Hydra
imports all modules of this folder, so they import torch, numpy and what only they need inside functions.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TypeVar

from rnnlab.options import check, check_choice
from rnnlab.registry import Registry
from rnnlab.sweep.engine import Engine
from rnnlab.sweep.options import KEY, SweepOptions

AnyEngine = TypeVar("AnyEngine", bound=type[Engine])


@dataclass(frozen=True)
class Registration:
    """An engine and the dataclass of its settings; None: it has none."""

    engine: type[Engine]
    settings: type | None


_ENGINES: Registry[Registration] = Registry("an engine")


def register(name: str, settings: type | None = None) -> Callable[[AnyEngine], AnyEngine]:
    """Make the engine reachable as hydra.launcher.engine=<name>, its settings as hydra.launcher.<name>.<key>."""

    def enter(engine: AnyEngine) -> AnyEngine:
        _ENGINES.add(name, Registration(engine, settings))
        return engine

    return enter


def engines() -> Registry[Registration]:
    """All engines that are registered by now, by name."""
    for module in pkgutil.iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return _ENGINES


def check_options(options: SweepOptions) -> None:
    """Raise ConfigError for the first option, or setting of an engine, that cannot be used."""
    check_choice(f"{KEY}.engine", options.engine, engines())
    check(options, KEY)
    for name, settings in options.settings.items():
        check(settings, f"{KEY}.{name}")


def start_engine(options: SweepOptions, device: str, folder: Path) -> Engine:
    """The engine that the options name, for a sweep into `folder`.  Raises ConfigError when it is not available."""
    chosen = engines()[options.engine]
    default = chosen.settings() if chosen.settings else None
    return chosen.engine.start(options.settings.get(options.engine, default), options, device, folder)
