"""Text of records as Markdown: whatever it holds, it is shown as it is, and stays where it stands.

It cannot begin a heading, a list, a cell, a link, a picture or a tag, and a code span ends where it should.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

SPECIAL = re.compile(r"[\\`*\[\]|~]|(?<![^\W_])_|_(?![^\W_])")  # an underscore within a word is no emphasis
AT_THE_START = re.compile(r"([-+=#>])|(\d{1,9})([.)])")


def text(value: Any) -> str:
    """One line, within a sentence or a cell."""
    line = cell(value)
    return AT_THE_START.sub(_escaped, line, count=1) if AT_THE_START.match(line) else line


def cell(value: Any) -> str:
    """One line within a cell, where no list and no heading can begin."""
    line = _one_line(value).replace("&", "&amp;").replace("<", "&lt;")
    return SPECIAL.sub(r"\\\g<0>", line)


def row(entries: Iterable[Any]) -> str:
    """A row of a table."""
    return "| " + " | ".join(map(cell, entries)) + " |"


def _escaped(match: re.Match[str]) -> str:
    return f"\\{match[1]}" if match[1] else f"{match[2]}\\{match[3]}"


def code(value: Any) -> str:
    """A code span outside of tables."""
    line = _one_line(value).replace("`", "'")
    return f"`{line}`" if line else ""


def code_cell(value: Any) -> str:
    """A code span in a table, where | begins a new cell, also within a code span."""
    return code(value).replace("|", "\\|")


def _one_line(value: Any) -> str:
    return " ".join(str(value).split())
