"""How far the packs are that are trained on Ray nodes which do not see the study's folder.

An actor of Ray takes what they say, and the command writes it into the study's folder, where every reader looks."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from rnnlab.records.progress import forget_pack, pack_name, write_pack


class Box:
    """The latest text of each name.  It lives in a process of the cluster."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}

    def put(self, name: str, text: str) -> None:
        self._texts[name] = text

    def take(self) -> dict[str, str]:
        """What has come since the last time."""
        texts, self._texts = self._texts, {}
        return texts


class Mailbox:
    """The command's side.  module: Ray.  folder: the study's."""

    def __init__(self, module: Any, folder: Path) -> None:
        self._ray, self._folder = module, folder.absolute()
        self._box = module.remote(num_cpus=0, max_restarts=-1)(Box).remote()
        self._asked: Any = None
        self._written: set[str] = set()

    def say(self) -> Callable[[str, str], None]:
        """What a worker calls; it goes to the worker with its pack, and does not wait."""
        box = self._box

        def say(name: str, text: str) -> None:
            with suppress(Exception):  # it is lost, and nothing else
                box.put.remote(name, text)

        return say

    def empty(self, packs: Collection[tuple[str, int]]) -> None:
        """Write what has come, without waiting for more.  packs: the first run_id, and the number of runs, of those
        that are queued or trained now; the files of others are removed."""
        there = {pack_name(first, n) for first, n in packs}
        if self._asked is None:
            self._asked = self._box.take.remote()
        elif self._ray.wait([self._asked], timeout=0)[0]:
            asked, self._asked = self._asked, None
            with suppress(Exception):  # the node of the actor is lost: Ray starts it again on another one
                for name, text in self._ray.get(asked).items():
                    if name in there:
                        write_pack(self._folder, name, text)
                        self._written.add(name)
        for name in self._written - there:
            forget_pack(self._folder, name)
        self._written &= there
