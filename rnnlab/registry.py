"""A registry: names, and what they stand for.  An entry is registered where it is defined.

    ACTIVATIONS: Registry[type[Activation]] = Registry("an activation")

    @ACTIVATIONS.register("tanh")
    class Tanh(Activation): ...

Whoever lists the names asks the registry at that moment, so an entry that is registered later is found, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Generic, TypeVar

Entry = TypeVar("Entry")
AnyEntry = TypeVar("AnyEntry")


class Registry(Mapping[str, Entry], Generic[Entry]):
    """Read like a dict, in the order of registration.  kind: "an activation", for complaints."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._entries: dict[str, Entry] = {}

    def add(self, name: str, entry: Entry) -> None:
        """Raises ValueError for a name that is taken."""
        if name in self._entries:
            raise ValueError(f"{self._kind} named {name!r} is registered already")
        self._entries[name] = entry

    def register(self, name: str) -> Callable[[AnyEntry], AnyEntry]:
        """As a decorator: add what is defined below it, and leave it as it is."""

        def enter(entry: AnyEntry) -> AnyEntry:
            self.add(name, entry)  # type: ignore[arg-type]  # a decorator keeps the narrower type of its argument
            return entry

        return enter

    def remove(self, name: str) -> None:
        """Take an entry out again, so that its name is free for another definition.  Raises KeyError."""
        del self._entries[name]

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)
