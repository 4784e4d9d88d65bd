"""Blocks of a page of Markdown: where they stand, what their opening markers say, and other text in their place."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from rnnlab.options import ConfigError

BEGIN, END = "<!-- rnnlab: ", "<!-- rnnlab: end -->"
END_WORD = "end"
MARKER = re.compile(r"<!--\s*rnnlab:\s*(.*?)\s*-->")
FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")


@dataclass(frozen=True)
class Block:
    """words: of the opening marker.  first, last: the lines of the page between the markers, counted from 0; last is
    that of the end marker.  place: the page and the line of the opening marker, for complaints."""

    words: str
    first: int
    last: int
    place: str


def blocks_of(text: str, page: str) -> tuple[Block, ...]:
    """The blocks of a page in their order; what stands in a fence of code is no marker.

    Raises ConfigError for markers that do not go together.  page: its name, for the complaint."""
    found: list[Block] = []
    opened: tuple[str, int] | None = None
    fence = ""
    for n, line in enumerate(lines_of(text)):
        mark = FENCE.match(line)
        if mark and not fence:
            fence = mark[1]
        elif mark and line.strip() == mark[1] and mark[1].startswith(fence):
            fence = ""
        if fence or not re.search(r"<!--\s*rnnlab:", line):
            continue
        place, marker = f"{page}:{n + 1}", MARKER.fullmatch(line.strip())
        if marker is None:
            raise ConfigError(f"{place}: {line.strip()!r}; a marker must stand alone on its line, as {END}")
        if marker[1] != END_WORD and opened is None:
            opened = marker[1], n
        elif marker[1] != END_WORD and opened is not None:
            raise ConfigError(f"{place}: a block begins within that of line {opened[1] + 1}, which has no {END} before")
        elif opened is None:
            raise ConfigError(f"{place}: {END}; no block begins before it")
        else:
            found.append(Block(opened[0], opened[1] + 1, n, f"{page}:{opened[1] + 1}"))
            opened = None
    if opened is not None:
        raise ConfigError(f"{page}:{opened[1] + 1}: the block has no {END}")
    return tuple(found)


def with_contents(text: str, blocks: Sequence[Block], contents: Sequence[str]) -> str:
    """The page with these contents between its markers, an empty line around each; its line ends stay what they are."""
    lines = lines_of(text)
    line_end = "\r\n" if "\r\n" in text else "\n"
    for block, content in reversed(list(zip(blocks, contents, strict=True))):
        lines[block.first : block.last] = ["", *content.split("\n"), ""]
    return line_end.join(lines)


def content_of(text: str, block: Block) -> str:
    """What stands between the markers, without the empty lines around it."""
    return "\n".join(lines_of(text)[block.first : block.last]).strip("\n")


def lines_of(text: str) -> list[str]:
    return text.replace("\r\n", "\n").split("\n")
