"""Writing files: data as JSON text, and a file replaced in one step.  Imports no numpy.

Not-a-number and the infinities are spelled nan, inf and -inf.  In JSON they are strings, because JSON has no word for
them.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal


class RecordError(Exception):
    """A file of a record that cannot be read; the message says which file and why."""


def to_json(data: Mapping[str, Any]) -> str:
    """Strict JSON, keys in the order given, nan, inf and -inf as strings."""
    return json.dumps(_finite(data), indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(entry) for entry in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def write_text(path: Path, text: str) -> None:
    """Replace `path` by `text` in one step: a reader sees the old file or the new one, never a part."""
    with replace_file(path, "w") as file:
        file.write(text)


def write_bytes(path: Path, content: bytes) -> None:
    """The same for bytes."""
    with replace_file(path, "wb") as file:
        file.write(content)


@contextmanager
def replace_file(path: Path, mode: Literal["w", "wb"]) -> Iterator[Any]:
    """A temporary file to write into.  It replaces `path` when the block ends, and is removed when the block raises."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") if mode == "wb" else temporary.open("w", encoding="utf-8", newline="") as file:
            yield file
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
