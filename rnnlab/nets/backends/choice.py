"""Which backend computes a run.

The choice follows from the run, the device, the key `backend` and the machine alone, never from the other runs of a
sweep.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import find_spec

from rnnlab.nets.backends.base import Backend, LaneRecipe, Recipe

BACKENDS = ("auto", "compiled", "torch")


def why_not_compiled(recipe: Recipe, lane: LaneRecipe, device: str) -> str | None:
    """Why no kernel computes a lane, in a few words; None if one does.  Compiles nothing."""
    if device != "cpu":
        return f"kernels compute on device=cpu, not on device={device}"
    if find_spec("numba") is None:
        return "numba is not installed"
    from rnnlab.nets.kernels.coverage import without_kernel

    phis = (lane.activation, lane.gate_activation)
    return without_kernel(recipe.architecture.cell, phis, recipe.loss, recipe.readout, recipe.optimizer)


@cache
def cannot_compile() -> str | None:
    """Why no kernel can be had on this machine; None if they are loaded now, for the life of this process."""
    try:
        from rnnlab.nets.backends.ready import load

        load()
    except Exception as error:
        from rnnlab.nets.kernels.place import machine

        return f"the kernels cannot be compiled for {machine()}: {error}"
    return None


def choose(recipe: Recipe, lane: LaneRecipe, device: str, backend: str) -> str:
    """The name of the backend that computes a lane here: "compiled" or "torch".

    backend: a name of BACKENDS; auto takes plain torch where nothing can be compiled, and says so on stderr.
    Raises ValueError where backend=compiled cannot be."""
    if backend == "torch":
        return "torch"
    reason = why_not_compiled(recipe, lane, device)
    if reason is None and (reason := cannot_compile()) and backend == "auto":
        say(reason)
    if reason and backend == "compiled":
        raise ValueError(reason)
    return "torch" if reason else "compiled"


@cache
def say(reason: str) -> None:
    """Say once on stderr why there are no kernels."""
    print(f"rnnlab: {reason}; plain torch computes instead", file=sys.stderr, flush=True)


def make(name: str, recipe: Recipe, lanes: Sequence[LaneRecipe], device: str) -> Backend:
    """A backend by its name."""
    if name == "compiled":
        from rnnlab.nets.backends.compiled import CompiledBackend
        from rnnlab.nets.backends.ready import load

        load()
        return CompiledBackend(recipe, lanes, device)
    if device == "cpu":
        from rnnlab.nets.backends.apart import LanesApart

        return LanesApart(recipe, lanes, device)
    from rnnlab.nets.backends.plain import PlainBackend

    return PlainBackend(recipe, lanes, device)
