"""Tasks whose data come from files: read by path, known by content.

A run is identified by the digest of what its files hold (`sha256`), not by where they lie; rnnlab/config/run.py leaves
the PLACES out of the run's hash where a digest is known.  A file that cannot be used is a ConfigError, which names the
option that gave its path.
"""

from __future__ import annotations

import codecs
import hashlib
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from rnnlab.options import ConfigError
from rnnlab.tasks.base import Task

PATHS = ("path", "valid_path", "test_path", "data_dir")
PLACES = (*PATHS, "fetch")  # the options that say where files lie or come from
MARKS = {  # byte-order marks; that of UTF-32 begins with that of UTF-16
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}


class FileTask(Task):
    """A task with options for where its files lie; without them it has data of its own.

    Every such task has the option sha256, the digest of the content; null stands for whatever the files hold now."""

    sha256: str | None

    @property
    def files(self) -> Mapping[str, str]:
        """The options that name a file, with the paths they name."""
        return {name: getattr(self, name) for name in PATHS if getattr(self, name, None) is not None}

    def digest(self) -> str:
        """The digest of what the files hold; for a single file it is what sha256sum says."""
        return combined([_file_digest(name, path, *state(name, path)) for name, path in self.files.items()])

    def fingerprinted(self) -> FileTask:
        if not self.files:
            if self.sha256 is not None:
                raise ConfigError(f"task.sha256: {self.sha256!r}; belongs to a file, and none is named")
            return self
        found = self.digest()
        if self.sha256 not in (None, found):
            raise ConfigError(
                f"task.sha256: {self.sha256!r}; {' and '.join(self.files.values())} has {found} (null: as it is now)"
            )
        return replace(self, **{"sha256": found})  # a field of every such task, but not of this class

    def content(self) -> dict[str, bytes]:
        """The files' content by option.  Raises ValueError where it has changed since the run was checked."""
        content = {name: read_bytes(name, path) for name, path in self.files.items()}
        if content and self.sha256 not in (None, combined([hashlib.sha256(c).hexdigest() for c in content.values()])):
            raise ValueError(f"{' or '.join(self.files.values())} has changed since the run was checked")
        return content


def combined(digests: list[str]) -> str:
    """One digest for several files."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


@lru_cache(maxsize=64)
def _file_digest(option: str, path: str, modified_ns: int, size: int) -> str:
    return hashlib.sha256(read_bytes(option, path)).hexdigest()


def state(option: str, path: str) -> tuple[int, int]:
    """When a file was modified, and its size: while both stay, what was read of it is not read again."""
    try:
        found = Path(path).stat()
    except OSError as error:
        raise _unreadable(option, path, error) from None
    return found.st_mtime_ns, found.st_size


def read_bytes(option: str, path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise _unreadable(option, path, error) from None


def decoded(option: str, path: str, content: bytes, encoding: str | None) -> str:
    """The content as text, with every line ending turned into a newline and without a byte-order mark.

    encoding: its name in Python; None: the one that `recognized_encoding` finds.  Raises ConfigError."""
    found = encoding or recognized_encoding(content)
    if found is None:
        byte = _first_undecodable(content, "utf-8")
        raise ConfigError(
            f"task.{option}: {path!r}; is not UTF-8 text, see its byte {byte}; task.encoding names another encoding, "
            "such as cp1252, latin-1 or utf-16"
        )
    try:
        text = content.decode(found)
    except LookupError:
        raise ConfigError(
            f"task.encoding: unknown {encoding!r}; one that Python knows, such as utf-8, utf-16, cp1252, latin-1, gbk"
        ) from None
    except UnicodeError:
        byte = _first_undecodable(content, found)
        raise ConfigError(f"task.{option}: {path!r}; is not text in {found}, see its byte {byte}") from None
    return text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")


def recognized_encoding(content: bytes) -> str | None:
    """The encoding that a byte-order mark names; UTF-16 where one of the first two bytes is zero; else UTF-8 if all of
    the content is; else None."""
    for mark, encoding in MARKS.items():
        if content.startswith(mark):
            return encoding
    if content[:2].count(0) == 1:
        return "utf-16-be" if content[0] == 0 else "utf-16-le"
    return "utf-8" if _first_undecodable(content, "utf-8") is None else None


def _first_undecodable(content: bytes, encoding: str) -> int | None:
    """The number of the first byte that cannot be decoded; None if there is none."""
    try:
        content.decode(encoding)
    except UnicodeDecodeError as error:
        return error.start
    except UnicodeError:  # UTF-16 without a byte-order mark, where one is asked for
        return 0
    return None


def _unreadable(option: str, path: str, error: OSError) -> ConfigError:
    return ConfigError(f"task.{option}: {path!r}; cannot be read ({(error.strerror or str(error)).lower()})")
