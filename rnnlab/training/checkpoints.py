"""Checkpoints: the state of unfinished runs on disk.  A run that continues from its state ends with the same bits.

There is one file per pack, `<folder>/<name>.checkpoint`.  The state of a lane does not depend on the others, so lanes
at the same step can continue in any pack.  A file holds, one after the other:

    32 bytes    SHA-256 of the head
    8 bytes     the length of the head, little-endian
    the head    JSON: who made the file, the step, the lanes, name, type and shape of each array, SHA-256 of the arrays
    the arrays  as they lie in memory, with one row per lane

What fits these digests was written by rnnlab and is whole, so it needs no other check; anything else is damaged.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import sys
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from rnnlab.records.files import replace_file
from rnnlab.version import __version__

# Another version may compute other numbers, so a checkpoint of another version is not continued.
MADE_BY = f"schema 2, rnnlab {__version__}, torch {version('torch')}, numpy {version('numpy')}"
SUFFIX = ".checkpoint"
_DIGEST, _LENGTH = 32, 8  # bytes


@dataclass(frozen=True)
class LaneState:
    """One unfinished run after `step` updates.  weights: (P,) as in Network.flat.  slots: the rows of the optimiser's
    state, and the carried states, by name.  lane: what Lane.progress returned."""

    run_id: str
    step: int
    weights: np.ndarray
    slots: dict[str, np.ndarray]
    lane: dict[str, Any]


class _Damaged(Exception):
    """Why a file cannot be used: a few words for a person."""


def write_checkpoint(path: Path, states: Sequence[LaneState]) -> None:
    """Write a checkpoint; an older file is replaced in one step.  states: of lanes of one program, at the same step."""
    arrays = {"weights": np.stack([s.weights for s in states])}
    arrays |= {f"slot.{name}": np.stack([s.slots[name] for s in states]) for name in states[0].slots}
    content = b"".join(array.tobytes() for array in arrays.values())
    head = {
        "made_by": MADE_BY,
        "step": states[0].step,
        "lanes": [{"run_id": s.run_id, "lane": s.lane} for s in states],
        "arrays": {name: [array.dtype.str, array.shape] for name, array in arrays.items()},
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    text = json.dumps(head).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path, "wb") as file:
        file.write(hashlib.sha256(text).digest() + len(text).to_bytes(_LENGTH, "little"))
        file.write(text)
        file.write(content)


def read_checkpoints(folder: Path, run_ids: Collection[str]) -> dict[str, LaneState]:
    """The latest state of every run of `run_ids` that has one.

    A file that cannot be used is named on stderr and left out: its runs start again from the beginning, and their
    numbers are the same.  It is removed, unless it is only that it cannot be read."""
    latest: dict[str, LaneState] = {}
    for path in _files(folder):
        for state in _usable(path, run_ids)[1]:
            if state.run_id not in latest or state.step > latest[state.run_id].step:
                latest[state.run_id] = state
    return latest


def runs_with_checkpoints(folder: Path) -> set[str]:
    """The run_ids of all states in the folder.  What cannot be used is dealt with as by `read_checkpoints`."""
    return {run_id for path in _files(folder) for run_id in _usable(path)[0]}


def forget(folder: Path, run_ids: Collection[str], *, also_in_part: bool) -> None:
    """Delete the checkpoints whose runs are all in `run_ids`.  It raises nothing.

    also_in_part: delete also those of which only some runs are in `run_ids`."""
    for path in _files(folder):
        listed = [run_id in run_ids for run_id in _usable(path)[0]]
        if listed and (all(listed) or (also_in_part and any(listed))):
            _remove(path)
    with suppress(OSError):  # it holds other files, or is not there
        folder.rmdir()


def forget_runs(folder: Path, run_ids: Collection[str]) -> None:
    """Delete the states of these runs; what a file holds of others stays.  Raises OSError."""
    for path in _files(folder):
        there = set(_usable(path)[0])
        if there & set(run_ids):
            others = _usable(path, there - set(run_ids))[1]
            if others:
                write_checkpoint(path, others)
            else:
                path.unlink(missing_ok=True)
    with suppress(OSError):  # it holds other files, or is not there
        folder.rmdir()


def _files(folder: Path) -> list[Path]:
    """Also those of former versions, *.npz, of which none can be used."""
    try:
        return sorted(path for path in folder.iterdir() if path.suffix in (SUFFIX, ".npz"))
    except OSError:
        return []


def _remove(path: Path) -> None:
    with suppress(OSError):  # it stays, and takes nothing but its place
        path.unlink()


def _usable(path: Path, wanted: Collection[str] = ()) -> tuple[list[str], list[LaneState]]:
    """The run_ids of the states in a file, and the states of the wanted runs; nothing where it cannot be used.

    The arrays are read, and held against their digest, only where a run is wanted."""
    try:
        with path.open("rb") as file:
            head = _head(file)
            run_ids = [lane["run_id"] for lane in head["lanes"]]
            return run_ids, _states(file, head, wanted) if set(run_ids) & set(wanted) else []
    except FileNotFoundError:  # another process has removed it
        pass
    except OSError as error:
        print(f"rnnlab: {path}: cannot be read ({error.strerror}); its runs start again", file=sys.stderr)
    except _Damaged as error:
        print(f"rnnlab: {path}: {error}; it is removed, and its runs start again", file=sys.stderr)
        _remove(path)
    return [], []


def _head(file: BinaryIO) -> dict[str, Any]:
    digest, length = file.read(_DIGEST), int.from_bytes(file.read(_LENGTH), "little")
    text = file.read(min(length, os.fstat(file.fileno()).st_size))
    if hashlib.sha256(text).digest() != digest:
        raise _Damaged("is no whole checkpoint")
    head: dict[str, Any] = json.loads(text)
    if head["made_by"] != MADE_BY:
        raise _Damaged(f"is a checkpoint of {head['made_by']}, and this is {MADE_BY}")
    return head


def _states(file: BinaryIO, head: Mapping[str, Any], wanted: Collection[str]) -> list[LaneState]:
    content = file.read()
    if hashlib.sha256(content).hexdigest() != head["sha256"]:
        raise _Damaged("is no whole checkpoint")
    arrays, begin = {}, 0
    for name, (dtype, shape) in head["arrays"].items():
        array = np.frombuffer(content, dtype, math.prod(shape), begin).reshape(shape)
        arrays[name], begin = array, begin + array.nbytes
    weights = arrays.pop("weights")
    return [
        LaneState(
            lane["run_id"],
            head["step"],
            weights[row],
            {name.removeprefix("slot."): array[row] for name, array in arrays.items()},
            lane["lane"],
        )
        for row, lane in enumerate(head["lanes"])
        if lane["run_id"] in wanted
    ]
