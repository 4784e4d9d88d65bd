"""Where compiled kernels are kept: a folder of the user's cache, named by all that the machine code follows from.

An edited kernel, another version of numba or llvmlite, and another processor have another folder.  The folder of
RNNLAB_CACHE is used if that is set; one of this process alone, if no folder can be written.
"""

from __future__ import annotations

import atexit
import hashlib
import os
import platform
import shutil
import tempfile
import time
from contextlib import suppress
from functools import cache
from importlib.metadata import version
from pathlib import Path

from rnnlab.nets import divergence
from rnnlab.nets.kernels import forms

UNUSED_S = 30 * 24 * 3600.0
SOURCES = (*sorted(Path(__file__).parent.glob("*.py")), Path(divergence.__file__))


@cache
def fingerprint() -> str:
    """A name that follows from the kernels' sources, those of plugins with vector forms, the versions of what compiles
    them, and the machine."""
    # numba keeps what it compiled by the place and the time of a file: the same sources elsewhere are compiled again.
    parts = [f"{path} {path.stat().st_mtime_ns} ".encode() + path.read_bytes() for path in SOURCES]
    told = [os.environ.get(name, "") for name in ("NUMBA_CPU_NAME", "NUMBA_CPU_FEATURES")]
    parts += [f"{plugin.name} {plugin.sha256}".encode() for plugin in forms.of_plugins()]
    parts.append(" ".join((machine(), version("numpy"), platform.python_version(), *told)).encode())
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]


def machine() -> str:
    """The processor and the versions of what compiles for it, for a person."""
    names = (f"{name} {version(name)}" for name in ("numba", "llvmlite"))
    return f"{_processor()} with {', '.join(names)}"


def _processor() -> str:
    """Its model and a digest of what it can do, by which machines that share a home folder differ."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split("\n\n")[0].splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    told = dict(line.partition(":")[::2] for line in lines)
    known = {key.strip(): value.strip() for key, value in told.items()}
    can = hashlib.sha256(known.get("flags", known.get("Features", "")).encode()).hexdigest()[:6]
    return f"{known.get('model name', platform.machine())} ({can})"


@cache
def base() -> Path:
    """The folder of all that rnnlab keeps, which exists and can be written."""
    told = os.environ.get("RNNLAB_CACHE")
    try:
        chosen = Path(told) if told else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rnnlab"
        chosen.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=chosen):
            return chosen
    except (OSError, RuntimeError):  # there may be no home
        own = Path(tempfile.mkdtemp(prefix="rnnlab-"))
        atexit.register(shutil.rmtree, own, ignore_errors=True)
        return own


@cache
def folder() -> Path:
    """The folder of the kernels, which exists."""
    chosen = base() / f"kernels-{fingerprint()}"
    chosen.mkdir(exist_ok=True)
    with suppress(OSError):
        os.utime(chosen)  # used now: see remove_unused
    return chosen


def remove_unused() -> None:
    """Remove the kernels of other versions and processors that nobody has used for a month."""
    for other in base().glob("kernels-*"):
        with suppress(OSError):
            if time.time() - other.stat().st_mtime > UNUSED_S:
                shutil.rmtree(other)
