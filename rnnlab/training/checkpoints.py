"""The state of runs that are not finished, on disk: continued from, they end in the same bits.

One file per pack, `<folder>/<name>.npz`: arrays with one row a lane, and JSON for everything else, no pickle.  A lane's
state is its own, so any pack of lanes that stand at the same step can go on from it.
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

from rnnlab import __version__
from rnnlab.records.files import replace_file

# Another version may compute something else: its states are not gone on from.
MADE_BY = f"schema 1, rnnlab {__version__}, torch {version('torch')}, numpy {version('numpy')}"


@dataclass(frozen=True)
class LaneState:
    """One run on its way.  weights (P,) and slots (P,) as in Network.flat and Optimizer.state; `lane` is plain data."""

    run_id: str
    step: int
    weights: np.ndarray
    slots: dict[str, np.ndarray]
    lane: dict[str, Any]


def write_checkpoint(path: Path, states: Sequence[LaneState]) -> None:
    """Replace the file in one step.  states: lanes of one program at one step."""
    arrays = {f"slot.{name}": np.stack([s.slots[name] for s in states]) for name in states[0].slots}
    lanes = [{"run_id": s.run_id, "lane": s.lane} for s in states]
    head = json.dumps({"made_by": MADE_BY, "step": states[0].step, "lanes": lanes})
    path.parent.mkdir(parents=True, exist_ok=True)
    with replace_file(path, "wb") as file:
        np.savez(file, head=np.array(head), weights=np.stack([s.weights for s in states]), **arrays)


def read_checkpoints(folder: Path, run_ids: Sequence[str]) -> dict[str, LaneState]:
    """The latest state of each of the runs that has one.  A file that cannot be read is passed over: its runs begin
    anew, and come out the same."""
    latest: dict[str, LaneState] = {}
    wanted = set(run_ids)
    for path in sorted(folder.glob("*.npz")) if folder.is_dir() else []:
        for state in _read(path, wanted):
            if state.run_id not in latest or state.step > latest[state.run_id].step:
                latest[state.run_id] = state
    return latest


def forget(folder: Path, run_ids: Collection[str], *, also_in_part: bool) -> None:
    """Remove the files whose runs are all among `run_ids`, or also those of which some are.  A broken file goes too."""
    for path in folder.glob("*.npz") if folder.is_dir() else []:
        try:
            with path.open("rb") as opened, np.load(opened, allow_pickle=False) as file:
                held = [lane["run_id"] in run_ids for lane in json.loads(str(file["head"]))["lanes"]]
        except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
            held = [True]
        if all(held) or (also_in_part and any(held)):
            path.unlink(missing_ok=True)


def _read(path: Path, wanted: set[str]) -> Iterator[LaneState]:
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
