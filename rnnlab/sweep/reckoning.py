"""How much of the work is done and how long the rest will take, from the steps of the runs.

The work of a run is the time that the planner expects of it; a step is its share of that.  Only what is done while this
command looks on tells how fast the work goes: steps from before, of a checkpoint or of a job that was running already,
do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from rnnlab.records.progress import PackProgress, RunProgress

FIRST_S = 2.0  # of looking on, before the rest is estimated


class _Work:
    """Of each run a share of its work, 0 at first.  The sum is kept, as it is asked for with every run that ends."""

    def __init__(self, costs: Mapping[str, float]) -> None:
        self._costs, self._shares, self.total = costs, dict.fromkeys(costs, 0.0), 0.0

    def __getitem__(self, run_id: str) -> float:
        return self._shares[run_id]

    def __setitem__(self, run_id: str, share: float) -> None:
        self.total += self._costs[run_id] * (share - self._shares[run_id])
        self._shares[run_id] = share


class Reckoning:
    """costs: by run_id, what a run costs, in any unit.  now: in seconds, of a clock that is given with each call."""

    def __init__(self, costs: Mapping[str, float], now: float) -> None:
        self._costs, self._began = costs, now
        self._has_seen = False
        self._done = _Work(costs)
        self._before = _Work(costs)  # what was done before this command looked on
        self._total = sum(costs.values())

    def see(self, packs: Iterable[PackProgress], now: float) -> None:
        """What is being trained at this moment."""
        found = [(run, pack.steps) for pack in packs for run in pack.runs if run.run_id in self._costs]
        first = bool(found) and not self._has_seen
        if first:
            self._has_seen, self._began = True, now  # workers take a while to start
        for run, steps in found:
            done = 1.0 if not run.live else run.step / steps if steps else 0.0
            if not self._done[run.run_id]:
                self._before[run.run_id] = done if first else run.begun / steps if steps else 0.0
            self._done[run.run_id] = done

    def finish(self, run_id: str) -> None:
        """The run has ended; a run that diverged has no steps left."""
        self._has_seen, self._done[run_id] = True, 1.0

    @property
    def share(self) -> float:
        """The share of the work that is done, 0 to 1."""
        return self._done.total / self._total if self._total else 1.0

    def left_s(self, now: float) -> float | None:
        """The seconds that the rest takes at the speed so far; None: nobody knows yet."""
        done, passed = self._done.total, now - self._began
        worked = done - self._before.total
        if worked <= 0 or passed < FIRST_S:
            return None
        return passed * (self._total - done) / worked


def running_in_words(packs: Sequence[PackProgress]) -> str:
    """ "8 running at step 3,400 of 10,000"; empty where nothing is being trained."""
    live: list[tuple[RunProgress, int]] = [(run, pack.steps) for pack in packs for run in pack.runs if run.live]
    if not live:
        return ""
    if len({steps for _, steps in live}) > 1:
        shares = [run.step / steps if steps else 1.0 for run, steps in live]
        low, high = f"{min(shares):.0%}", f"{max(shares):.0%}"
        return f"{len(live)} running with {low if low == high else f'{low} to {high}'} of their steps done"
    reached = [run.step for run, _ in live]
    low, high = f"{min(reached):,}", f"{max(reached):,}"
    where = f"step {low}" if low == high else f"steps {low} to {high}"
    return f"{len(live)} running at {where} of {live[0][1]:,}"


def duration(seconds: float) -> str:
    """ "45 s", "2 min 10 s", "3 h 5 min", "2 d 4 h"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    for large, unit, small, part in ((60, "min", 1, "s"), (3600, "h", 60, "min"), (86400, "d", 3600, "h")):
        if whole < large * (60 if unit != "h" else 24) or unit == "d":
            rest = whole % large // small
            return f"{whole // large} {unit}" + (f" {rest} {part}" if rest else "")
    raise AssertionError
