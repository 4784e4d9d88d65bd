"""Rows of numbers cut into windows with what comes after them, a part of the rows after the other.

A window has the rows up to and with its end e; its targets are the rows e + 1 to e + horizon, or the last of these
alone.  All targets of a window lie in its part; the window itself may reach back into the part before.  No window and
no target has a gap.  A filled value is no target, and no window ends on one: it was filled with what comes after.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from rnnlab.tasks.base import Split


@dataclass(frozen=True, eq=False)
class Windows(Split):
    """ends: (N,), the row that each window ends on.  seasonal: like the targets, what the target was in the last season
    whose value was known at the window's end; None where there are no seasons."""

    ends: np.ndarray
    seasonal: np.ndarray | None


@dataclass(frozen=True, eq=False)
class Rows:
    """values: (rows, inputs), NaN in gaps.  known: (rows,), whether all values of a row were observed.  observed:
    (rows,), whether the target was."""

    values: np.ndarray
    known: np.ndarray
    observed: np.ndarray


def ahead_of(horizon: int, every_step: bool) -> np.ndarray:
    """How many rows after a window its targets are."""
    return np.arange(1 if every_step else horizon, horizon + 1)


def windows_in(
    rows: Rows, target: int, window: int, ahead: np.ndarray, part: tuple[int, int], season: int | None
) -> tuple[Windows, int]:
    """The windows whose targets lie in the part (its first row and the one after its last), float32; and how many were
    left out because of gaps."""
    start, stop = part
    first, last = max(window - 1, start - int(ahead[0])), stop - 1 - int(ahead[-1])
    ends = np.arange(first, last + 1)
    holes = np.concatenate([[0], np.cumsum(np.isnan(rows.values).any(axis=1))])
    whole = holes[ends + 1] == holes[ends + 1 - window]
    targets = ends[:, None] + ahead
    kept = whole & rows.known[ends] & rows.observed[targets].all(axis=1)
    ends, targets = ends[kept], targets[kept]
    values = rows.values.astype(np.float32)
    inputs = np.lib.stride_tricks.sliding_window_view(values, window, axis=0).transpose(0, 2, 1)
    seasonal = None if season is None else _seasons_before(rows, target, ends, targets, season)
    return (
        Windows(np.ascontiguousarray(inputs[ends - window + 1]), values[targets, target], ends, seasonal),
        int((~kept).sum()),
    )


def _seasons_before(rows: Rows, target: int, ends: np.ndarray, targets: np.ndarray, season: int) -> np.ndarray:
    """(N, O) The observed value a whole number of seasons before each target, the last one up to the window's end; NaN
    where there is none."""
    found = np.full(targets.shape, np.nan)
    n_back = -(-(targets - ends[:, None]) // season)  # as many seasons as lead back to the window
    at = targets - season * n_back
    while (open_ := np.isnan(found) & (at >= 0)).any():
        use = open_ & rows.observed[np.maximum(at, 0)]
        found[use] = rows.values[at[use], target]
        at = at - season
    return found


def forecasts_by_row(
    ends: np.ndarray, ahead: np.ndarray, targets: np.ndarray, said: np.ndarray, closed_loop: np.ndarray | None
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Targets and forecasts (N, O) of windows with these ends (N,), by the rows that they are about.

    Returns the rows and, for each of them, `truth`, `one_step` (the forecast of the first step ahead), `closed_loop`
    (N,) as it is given, and step_<k> of the other steps; NaN where a row was not forecast so many steps ahead."""
    rows = np.unique(ends[:, None] + ahead)
    truth = np.full(len(rows), np.nan, np.float32)
    forecasts = np.full((len(ahead), len(rows)), np.nan, said.dtype)
    for k, steps in enumerate(ahead):
        at = np.searchsorted(rows, ends + steps)
        truth[at], forecasts[k, at] = targets[:, k], said[:, k]
    loop = np.full(len(rows), np.nan, said.dtype) if closed_loop is None else closed_loop
    others = {f"step_{k}": column for k, column in zip(ahead[1:], forecasts[1:], strict=True)}
    return rows, {"truth": truth, "one_step": forecasts[0], "closed_loop": loop, **others}
