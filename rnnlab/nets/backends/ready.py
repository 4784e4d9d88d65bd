"""Kernels that are ready to be called: compiled once per machine, and loaded from the disk afterwards.

Of several processes that find nothing on the disk one compiles, and the others wait for it.  It compiles in two
processes of their own, side by side: the kernels that are called by name, and the entry points, which call them.

    python -m rnnlab.nets.backends.ready      compile them now, if they are not on the disk
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from contextlib import suppress
from functools import cache

import numpy as np
from filelock import FileLock, Timeout

from rnnlab import plugins
from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends.base import LaneRecipe, Order, Recipe, Samples, Updates
from rnnlab.nets.cells import CELLS
from rnnlab.nets.kernels import place
from rnnlab.nets.network import Architecture
from rnnlab.nets.optimizers import OPTIMIZERS

READY = "ready"  # a file in the kernels' folder, made when everything is compiled
LONGEST_S = 300.0  # to wait for another process that compiles


def is_ready() -> bool:
    """Whether all kernels lie on the disk."""
    return (place.folder() / READY).exists()


@cache
def load() -> None:
    """Load all kernels into this process; compile them first, if they are not on the disk, and say so on stderr.

    Raises RuntimeError where they cannot be compiled."""
    if not is_ready():
        lock = FileLock(place.folder() / ".lock")
        with suppress(Timeout, OSError, NotImplementedError):  # a file system without locks: two may compile at once
            lock.acquire(timeout=LONGEST_S)
        try:
            if not is_ready():
                _compile()
        finally:
            lock.release()
    from rnnlab.nets.backends import compiled  # noqa: F401  # with all kernels
    from rnnlab.nets.kernels import library

    library.load()
    call_all()


def _compile() -> None:
    started = time.monotonic()
    _say("compiling the kernels for this machine, once: about 25 s")
    # numba optimises less than it could: a third less time, and the same speed, as the hot loops are in the library.
    environment = {**os.environ, "NUMBA_OPT": "1", "RNNLAB_CACHE": str(place.base())}
    command = [sys.executable, "-m", "rnnlab.nets.backends.ready"]
    parts = [
        subprocess.Popen([*command, part], env=environment, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
        for part in ("kernels", "entries")
    ]
    own = json.dumps([vars(plugin) for plugin in plugins.loaded()]).encode()
    for part in parts:
        _, output = part.communicate(own)
        errors = output.decode(errors="replace")
        if part.returncode:
            raise RuntimeError(errors.strip().splitlines()[-1] if errors.strip() else f"exit {part.returncode}")
    _say(f"compiled in {time.monotonic() - started:.0f} s, kept in {place.folder()}")
    with suppress(OSError):
        (place.folder() / READY).touch()
    place.remove_unused()


def _say(text: str) -> None:
    print(f"rnnlab: {text}", file=sys.stderr, flush=True)


def call_all() -> None:
    """Call every entry point once, on the smallest network: numba compiles or loads a function when it is called."""
    from rnnlab.nets.backends.compiled import CompiledBackend

    a = Architecture(CELLS["rnn"], 1, 1, 1, 1, True, True, 2, "last")
    recipe = Recipe(a, "mse", "linear", "sgd", n_steps=1, batch_size=1, chunk=1)
    lane = LaneRecipe(make_activation("tanh"), OPTIMIZERS["sgd"].Options())
    backend = CompiledBackend(recipe, [lane])
    samples = Samples(np.zeros((1, 2, 1), np.float32), np.zeros((1, 1, 1), np.float32))
    rows, live = np.zeros((1, 1, 1), np.int64), np.ones(1, bool)
    backend.train(Updates(samples, rows, 1, live, live), recording=True)
    backend.losses(samples, Order(rows, np.ones(1, np.int64)))
    backend.closed_loop(samples.inputs, 1)
    backend.exponents(samples, rows[0], np.ones((1, 1, 1, 1, 1, 1)))


def main(part: str) -> None:
    """part: "kernels" or "entries", to compile only these; "" for both, if they are not on the disk."""
    if not part:
        load()
        return
    for plugin in json.load(sys.stdin.buffer):  # those of the process that asked for it
        plugins.arrived(**plugin)
    from rnnlab.nets.backends import compiled  # noqa: F401  # with all kernels
    from rnnlab.nets.kernels import library

    if part == "kernels":
        library.load()
    else:
        library.promise()
        library.Entry.only_compiled = True
        call_all()


if __name__ == "__main__":
    main(*sys.argv[1:] or [""])
