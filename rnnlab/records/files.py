"""Files of records: data as JSON text and back, and a file replaced in one step.  Imports no numpy.

Not-a-number and the infinities are spelled nan, inf and -inf.  In JSON they are strings, because JSON has no word for
them.
"""

from __future__ import annotations

import json
import math
import os
import stat
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from rnnlab.records.temporaries import temporary

MAX_DEPTH = 16  # of lists and mappings in each other
LARGEST = 2**63 - 1  # of whole numbers


class RecordError(Exception):
    """A file of a record that cannot be used; the message says which file and why.

    damaged: the files that are not as they were written, where it is known which they are."""

    def __init__(self, message: str, damaged: Sequence[Path] = ()) -> None:
        super().__init__(message)
        self.damaged = tuple(damaged)


class UnknownSchemaError(RecordError):
    """A file that another version of rnnlab has written, in a form that this version does not know."""


def read_bytes(path: Path | str) -> bytes:
    """The content of a file.  Raises RecordError, also for what is no regular file: a pipe would never end."""
    try:
        file = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a third of the time of `open`
        try:
            found = os.fstat(file)
            if not stat.S_ISREG(found.st_mode):
                raise RecordError(f"{path}: is not a file", [Path(path)])
            content = os.read(file, found.st_size + 1)
            while part := os.read(file, max(found.st_size - len(content), 0) + 1):
                content += part
        finally:
            os.close(file)
    except FileNotFoundError:
        raise RecordError(f"{path}: no such file") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise RecordError(f"{path}: cannot be read ({reason})", [Path(path)]) from None
    return content


def read_json(path: Path) -> Any:
    """The data of a JSON file.  Raises RecordError for what `to_json` cannot have written.

    Whoever uses the data may rely on this: numbers are finite, and whole ones fit into 64 bits; text can be written as
    UTF-8; lists and mappings are nested at most MAX_DEPTH deep."""
    content = read_bytes(path)
    try:
        data = json.loads(content.decode(), parse_constant=_refuse)
        _check(data)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise RecordError(f"{path}: cannot be read ({reason})", [path]) from None
    return data


def _refuse(word: str) -> None:
    raise ValueError(f"{word} is no JSON")


def _check(data: Any) -> None:
    """Raise ValueError for what `read_json` does not let through.  One level of the data after the other."""
    level = [[data]]
    for _ in range(MAX_DEPTH + 1):
        below = []
        for values in level:
            for value in values:
                kind = type(value)
                if kind is str:
                    value.isascii() or value.encode()  # a lone surrogate raises UnicodeEncodeError
                elif kind is float:
                    if not math.isfinite(value):
                        raise ValueError("it holds a number that is too large")
                elif kind is int:
                    if not -LARGEST <= value <= LARGEST:
                        raise ValueError(f"it holds a number of {len(str(abs(value)))} digits")
                elif kind is dict:
                    "".join(value).encode()
                    below.append(value.values())
                elif kind is list:
                    below.append(value)
        if not below:
            return
        level = below
    raise ValueError(f"it is nested deeper than {MAX_DEPTH} levels")


def in_utf8(name: str) -> str:
    """The name of a file as text that can be written.  A name may hold bytes that are no UTF-8, which Python keeps as
    lone surrogates; they are shown as \\udcff."""
    return name.encode(errors="backslashreplace").decode()


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
    building = temporary(path)
    try:
        with building.open("wb") if mode == "wb" else building.open("w", encoding="utf-8", newline="") as file:
            yield file
        building.replace(path)
    except BaseException:
        building.unlink(missing_ok=True)
        raise
