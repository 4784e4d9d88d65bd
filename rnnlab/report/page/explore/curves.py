"""curves.csv of all runs in few bytes: 16 bits a value, precise to a pixel.

A column of positive numbers is kept as its logarithm in steps of 0.2 %, any other one in steps of a 16,000th of its
range.  Along a run only the differences between steps are kept, low bytes and high bytes apart: they deflate well.

    length of the header (4 bytes, little-endian) | header, JSON | per column: low bytes, then high bytes

One value is one number q: NaN (and infinities) is 65535, zero on a log scale 65534, else low + q * step.
The header names the columns, and for every run its steps and how many of its values the columns have.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rnnlab.records.metrics import labelled
from rnnlab.report.figures.choice import evenly
from rnnlab.report.page.explore.columns import Member

MAX_POINTS = 60  # of a curve
MAX_VALUES = 700_000  # in a page; the losses come first
FIRST = ("eval_loss", "train_loss", "grad_norm")
NOT_FINITE, ZERO, LARGEST = 65535, 65534, 65533
LOG_STEP = math.log10(1.002)
N_LINEAR = 16_000


@dataclass(frozen=True)
class Coded:
    """A column of all runs behind each other.  codes: (values,) uint16."""

    head: dict[str, Any]
    codes: np.ndarray


def packed_curves(members: Sequence[Member], max_values: int = MAX_VALUES) -> bytes:
    """The curves of all runs; a run without curves has no points.  Columns are left out as soon as they do not fit."""
    kept = [_thinned(member.curves) for member in members]
    lengths = [len(curves.get("step", ())) for curves in kept]
    names = dict.fromkeys(name for curves in kept for name in curves if name != "step")
    order = sorted(names, key=lambda name: FIRST.index(name) if name in FIRST else len(FIRST))
    n_columns = min(len(order), max(1, max_values // max(1, sum(lengths))))
    shown = order[:n_columns]
    losses = {member.run.task.loss for member in members}
    loss = losses.pop() if len(losses) == 1 else ""
    coded = [_coded(name, labelled(name, loss), kept, lengths) for name in shown]
    steps: dict[tuple[int, ...], int] = {}
    of_run = [steps.setdefault(tuple(map(int, curves.get("step", ()))), len(steps)) for curves in kept]
    header = {"steps": list(steps), "of_run": of_run, "columns": [each.head for each in coded]}
    text = json.dumps(header | {"left_out": order[n_columns:]}, separators=(",", ":")).encode()
    parts = [len(text).to_bytes(4, "little"), text]
    for each in coded:
        change = _differences(each.codes, lengths)
        parts += [(change & 255).astype(np.uint8).tobytes(), (change >> 8).astype(np.uint8).tobytes()]
    return b"".join(parts)


def _thinned(curves: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """At most MAX_POINTS of the rows, evenly, with the first and the last one."""
    n = len(curves.get("step", ()))
    if n <= MAX_POINTS:
        return dict(curves)
    rows = np.array(evenly(range(n), MAX_POINTS))
    return {name: column[rows] for name, column in curves.items()}


def _coded(name: str, title: str, kept: Sequence[Mapping[str, np.ndarray]], lengths: Sequence[int]) -> Coded:
    values = np.concatenate([_values(curves.get(name), n) for curves, n in zip(kept, lengths, strict=True)])
    finite = np.isfinite(values)
    known = values[finite]
    positive = known[known > 0]
    log = bool(positive.size) and bool((known >= 0).all())
    scaled = np.full(len(values), math.nan)
    with np.errstate(divide="ignore", invalid="ignore"):
        scaled[finite] = np.log10(known) if log else known
    there = scaled[np.isfinite(scaled)]
    low, high = (float(there.min()), float(there.max())) if there.size else (0.0, 0.0)
    step = max(LOG_STEP if log else (high - low) / N_LINEAR, (high - low) / LARGEST) or 1.0
    codes = np.full(len(values), NOT_FINITE, np.uint16)
    usable = np.isfinite(scaled)
    codes[usable] = np.rint((scaled[usable] - low) / step).astype(np.uint16)
    codes[finite & ~usable] = ZERO
    return Coded({"name": name, "title": title, "log": log, "low": low, "step": step}, codes)


def _values(column: np.ndarray | None, n: int) -> np.ndarray:
    return np.full(n, math.nan) if column is None else np.asarray(column, float)


def _differences(codes: np.ndarray, lengths: Sequence[int]) -> np.ndarray:
    """Of neighbours, modulo 65536; the first value of each run as it is."""
    change = codes.copy()
    change[1:] -= codes[:-1]
    begins = np.cumsum([0, *lengths[:-1]])[np.array(lengths, int) > 0] if len(lengths) else np.empty(0, int)
    change[begins] = codes[begins]
    return change
