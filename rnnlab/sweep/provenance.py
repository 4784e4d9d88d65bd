"""When, where and with what a run was computed: everything about a record that does not follow from its config."""

from __future__ import annotations

import os
import platform
import shlex
import sys
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rnnlab.lazy import torch
from rnnlab.version import __version__


def provenance() -> dict[str, Any]:
    """What this process can say, for provenance.json."""
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return {"finished": now, **_surroundings(), "command": command(), "pid": os.getpid()}


@cache
def _surroundings() -> dict[str, Any]:
    import numpy

    return {
        "host": platform.node(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "torch": version("torch"),
        "numpy": numpy.__version__,
        "rnnlab": __version__,
    }


@cache
def computed_with(backend: str) -> dict[str, str]:
    """The backend, and what its instructions follow from."""
    if backend == "compiled":
        from rnnlab.nets.kernels.library import processor

        return {"backend": backend, "processor": processor()[0], **{n: version(n) for n in ("numba", "llvmlite")}}
    return {"backend": backend, "cpu_capability": torch.backends.cpu.get_cpu_capability()}


def command() -> str:
    """The command line of this process, as a person could type it again."""
    program = Path(sys.argv[0]).name
    return " ".join(["python -m rnnlab" if program == "__main__.py" else program, shlex.join(sys.argv[1:])]).rstrip()
