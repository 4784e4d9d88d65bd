"""Checkpoints: the state of unfinished runs on disk.  A run that continues from its state ends with the same bits.

There is one file per pack, `<folder>/<name>.npz`: arrays with one row per lane, and JSON for everything else (no
pickle).  The state of a lane does not depend on the others, so lanes at the same step can continue in any pack.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.records.files import replace_file
from rnnlab.version import __version__

# Another version may compute other numbers, so a checkpoint of another version is ignored.
MADE_BY = f"schema 1, rnnlab {__version__}, torch {version('torch')}, numpy {version('numpy')}"


@dataclass(frozen=True)
class LaneState:
    """One unfinished run after `step` updates.  weights: (P,) as in Network.flat.  slots: the rows of the optimiser's
    state, and the carried states, by name.  lane: what Lane.progress returned."""

    run_id: str
    step: int
    weights: np.ndarray
    slots: dict[str, np.ndarray]
    lane: dict[str, Any]


def write_checkpoint(path: Path, states: Sequence[LaneState]) -> None:
    """Write a checkpoint; an older file is replaced in one step.  states: of lanes of one program, at the same step."""
    arrays = {f"slot.{name}": np.stack([s.slots[name] for s in states]) for name in states[0].slots}
    lanes = [{"run_id": s.run_id, "lane": s.lane} for s in states]
    head = json.dumps({"made_by": MADE_BY, "step": states[0].step, "lanes": lanes})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path, "wb") as file:
        weights = np.stack([s.weights for s in states])
        np.savez(file, allow_pickle=False, head=np.array(head), weights=weights, **arrays)


def read_checkpoints(folder: Path, run_ids: Sequence[str]) -> dict[str, LaneState]:
    """The latest state of every run of `run_ids` that has one.

    A file that cannot be read is ignored: its runs start again from the beginning, and their numbers are the same."""
    latest: dict[str, LaneState] = {}
    wanted = set(run_ids)
    for path in sorted(folder.glob("*.npz")) if folder.is_dir() else []:
        for state in _read(path, wanted):
            if state.run_id not in latest or state.step > latest[state.run_id].step:
                latest[state.run_id] = state
    return latest


def forget(folder: Path, run_ids: Collection[str], *, also_in_part: bool) -> None:
    """Delete the checkpoints whose runs are all in `run_ids`, and those that cannot be read.

    also_in_part: delete also those of which only some runs are in `run_ids`."""
    for path in folder.glob("*.npz") if folder.is_dir() else []:
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                listed = [lane["run_id"] in run_ids for lane in json.loads(str(file["head"]))["lanes"]]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            listed = [True]
        if all(listed) or (also_in_part and any(listed)):
            path.unlink(missing_ok=True)


def _read(path: Path, wanted: set[str]) -> Iterator[LaneState]:
    """The states of the wanted runs in one file; none if it cannot be read or another version wrote it."""
    try:
        with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
            head = json.loads(str(file["head"]))
            if head["made_by"] != MADE_BY or not wanted & {lane["run_id"] for lane in head["lanes"]}:
                return
            arrays = {name: file[name] for name in file.files if name != "head"}
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return
    for row, lane in enumerate(head["lanes"]):
        if lane["run_id"] in wanted:
            slots = {name.removeprefix("slot."): a[row] for name, a in arrays.items() if name.startswith("slot.")}
            yield LaneState(lane["run_id"], head["step"], arrays["weights"][row], slots, lane["lane"])
