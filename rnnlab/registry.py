"""A registry: names, and what they stand for.  An entry is registered where it is defined.

    ACTIVATIONS: Registry[type[Activation]] = Registry("an activation")

    @ACTIVATIONS.register("tanh")
    class Tanh(Activation): ...

Whoever lists the names asks the registry at that moment, so an entry that is registered later is found, too.
A registry remembers which module outside of rnnlab has added an entry: plugins.py knows the plugins by it.  A name
stands in the names of folders and in overrides, so it consists of letters, digits and underscores.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from types import FrameType
from typing import Any, ClassVar, Generic, TypeVar

Entry = TypeVar("Entry")
AnyEntry = TypeVar("AnyEntry")

NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
PROGRAM = "__main__"  # the module of a script, or of the cells of a notebook


def registrant() -> str | None:
    """The module outside of rnnlab whose code is registering something; None when it is rnnlab itself."""
    frame: FrameType | None = sys._getframe(1)
    while frame and frame.f_globals.get("__name__", "").startswith("rnnlab."):
        frame = frame.f_back
    module = frame.f_globals.get("__name__", "") if frame else ""
    return None if not module or module.startswith("importlib") else module  # a module of rnnlab is being imported


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Read like a dict, in the order of registration.

    kind: "an activation", for complaints.  decorator: what people write above an entry, without its arguments.
    checks: each is called with an entry that a module outside of rnnlab adds, and raises what is wrong with it."""

    every: ClassVar[list[Registry[Any]]] = []

    def __init__(self, kind: str, decorator: str = "register") -> None:
        self._kind, self._decorator = kind, decorator
        self.checks: list[Callable[[Entry], None]] = []
        self._entries: dict[str, Entry] = {}
        self._modules: dict[str, str] = {}
        self.every.append(self)

    def add(self, name: str, entry: Entry) -> None:
        """Raises what `check_name` and the checks raise, and ValueError for a name that is taken.

        The program itself may define its own entry again: whoever runs a cell of a notebook twice means the second."""
        self.check_name(name)
        module, before = registrant(), dict(self._entries)
        if name in before and not (module == self._modules.get(name) == PROGRAM):
            raise ValueError(f"{self._kind} named {name!r} is registered already")
        self._entries[name] = entry
        if module:
            try:
                for check in self.checks:
                    check(entry)
            except BaseException:
                self._entries = before
                raise
            self._modules[name] = module

    def check_name(self, name: object) -> None:
        """Raise TypeError where a decorator stands above an entry without a name, and ValueError for a name with other
        characters than letters, digits and underscores."""
        if not isinstance(name, str):
            raise TypeError(f'{self._kind} must have a name: @{self._decorator}("name")')
        if not NAME.fullmatch(name):
            raise ValueError(
                f"{self._kind}'s name must be letters, digits and _, and begin with a letter, not {name!r}"
            )

    def register(self, name: str) -> Callable[[AnyEntry], AnyEntry]:
        """As a decorator: add what is defined below it, and leave it as it is."""
        self.check_name(name)

        def enter(entry: AnyEntry) -> AnyEntry:
            self.add(name, entry)  # type: ignore[arg-type]  # a decorator keeps the narrower type of its argument
            return entry

        return enter

    def remove(self, name: str) -> None:
        """Take an entry out again, so that its name is free for another definition.  Raises KeyError."""
        del self._entries[name]
        self._modules.pop(name, None)

    def module_of(self, name: str) -> str | None:
        """The module outside of rnnlab that has added an entry; None for an entry of rnnlab itself."""
        return self._modules.get(name)

    def names_of(self, package: str) -> list[str]:
        """The entries that a module, or any module of a package, has added."""
        return [name for name, module in self._modules.items() if module.partition(".")[0] == package]

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
