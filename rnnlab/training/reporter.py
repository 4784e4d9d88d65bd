"""How far the runs of a pack are, said about once a second by the worker that trains them."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from rnnlab.config.run import RunConfig
from rnnlab.records.progress import PackProgress, Rows, RunProgress, as_curves, to_text
from rnnlab.training.lane import Lane

EVERY_S = 1.0
COMPUTED, WAITED = 200, 20  # at most one part in so many of the time goes into making the text, and into writing it
MOST_ROWS = 100  # of a run's curves


class Reporter:
    """Says how far the runs of one pack are.  Runs that are not trained yet are at step 0.

    say: takes the name of the pack's file and its text; see rnnlab.records.progress."""

    def __init__(self, runs: Sequence[RunConfig], say: Callable[[str, str], None]) -> None:
        self._say, self._due = say, 0.0
        self._runs = {run.run_id: RunProgress(run.folder, run.run_id, 0) for run in runs}
        self._curves: dict[str, Rows] = {}
        self._steps = runs[0].training.steps
        self.name = PackProgress(self._steps, tuple(self._runs.values())).name

    def begin(self, lanes: Sequence[Lane]) -> None:
        """Training of these runs begins, or goes on from a checkpoint."""
        for lane in lanes:
            self._runs[lane.run.run_id] = _progress(lane, begun=lane.steps_done)
        self._write(lanes)

    def update(self, lanes: Sequence[Lane]) -> None:
        """Some updates have been computed."""
        if time.monotonic() >= self._due:
            self._write(lanes)

    def _write(self, lanes: Sequence[Lane]) -> None:
        started, computing = time.monotonic(), time.thread_time()
        for lane in lanes:
            run_id = lane.run.run_id
            self._runs[run_id] = _progress(lane, self._runs[run_id].begun)
            self._curves[run_id] = as_curves(lane.rows, MOST_ROWS)
        self._say(self.name, to_text(PackProgress(self._steps, tuple(self._runs.values()), self._curves)))
        now, computed = time.monotonic(), time.thread_time() - computing
        self._due = now + max(EVERY_S, COMPUTED * computed, WAITED * (now - started))


def _progress(lane: Lane, begun: int) -> RunProgress:
    return RunProgress(lane.run.folder, lane.run.run_id, lane.steps_done, begun, lane.live)
