"""Temporary files and folders, which get their final name when they are whole, and what killed writers have left.

A temporary name says who writes: `.<name>.<machine>-<pid>-<start>.tmp`.  So whoever finds one can tell whether its
writer still lives.  The writer may be on another machine that sees the same folder; there nobody can look for the
process, and only what is older than a day counts as left over.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from functools import cache
from pathlib import Path

DAY_S = 24 * 3600.0  # nobody writes one file or folder for so long
# Of earlier versions of rnnlab: `.<name>.<pid>.tmp`.
_NAME = re.compile(
    r"\.(?P<name>.+)\.(?:(?P<machine>[0-9a-f]{8})-)?(?P<pid>\d{1,9})(?:-(?P<start>\d{1,19}))?\.(?P<kind>tmp|old)"
)


def temporary(path: Path) -> Path:
    """Where this process writes what is to become `path`: a name in the same folder."""
    return path.with_name(f".{path.name}.{this_process()}.tmp")


def this_process() -> str:
    """A name for this process that no other one has, on this or another machine: <machine>-<pid>-<start>."""
    pid = os.getpid()
    return f"{_machine()}-{pid}-{_start(pid) or 0}"


def is_here(process: str) -> bool:
    """Whether the process that `this_process` named is one of this machine."""
    return process.partition("-")[0] == _machine()


def has_ended(process: str, last_sign: float, patience_s: float = DAY_S) -> bool:
    """Whether the process that `this_process` named has ended.

    last_sign: the time of its last sign of life, in seconds since 1970.  Nobody can look for a process of another
    machine: it counts as ended when the last sign is older than `patience_s`."""
    machine, _, rest = process.partition("-")
    pid, _, begun = rest.partition("-")
    if machine == _machine() and os.name == "posix":
        start = _start(int(pid))
        return start is None or (start != int(begun or 0) and start != 0)
    return time.time() - last_sign > patience_s


def former(temporary: Path) -> Path:
    """The name for what stood in the place of a temporary folder, while the two change places."""
    return temporary.with_suffix(".old")


def remove_left_over(folders: Iterable[Path], name: str | None = None) -> None:
    """Remove from these folders what killed writers have left; never what is being written.

    What had been set aside gets its place back, if nothing is there.  name: only what was to become `name`.  What
    cannot be removed stays: it does no harm."""
    for folder in folders:
        with suppress(OSError), os.scandir(folder) as entries:
            for entry in [entry for entry in entries if entry.name.startswith(".")]:
                found = _NAME.fullmatch(entry.name)
                if found and name in (None, found["name"]) and _is_left_over(entry, found):
                    _remove(Path(entry.path), found["name"] if found["kind"] == "old" else None)


def _is_left_over(entry: os.DirEntry[str], found: re.Match[str]) -> bool:
    try:
        last_sign = entry.stat(follow_symlinks=False).st_mtime
    except OSError:  # it is gone
        return False
    return has_ended(f"{found['machine']}-{found['pid']}-{found['start'] or 0}", last_sign)


def _remove(path: Path, former_name: str | None) -> None:
    with suppress(OSError):
        if former_name and not path.with_name(former_name).exists():
            path.rename(path.with_name(former_name))
        elif path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink()


@cache
def _machine() -> str:
    """This machine since it was started, and the container, in which a process is known by its number."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text())
    with suppress(OSError):
        parts.append(os.readlink("/proc/self/ns/pid"))
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:8]


def _start(pid: int) -> int | None:
    """When a process of this machine was started, in ticks since the start of the machine; None: there is none.

    0 where the system does not say when."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return None if fields[0] in "ZX" else int(fields[19])  # Z, X: it has ended
    except (OSError, ValueError, IndexError):
        pass
    if os.name != "posix":  # elsewhere os.kill would end the process
        return 0
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return None
    except OSError:  # somebody else's
        pass
    return 0
