"""Two study folders beside each other, before and after: rnnlab-report A B.

Conditions are the same when task and settings are; what differs between all runs of A and all of B (the thing that
was changed) is named and left out of that.  Scores are compared as in a verdict: the difference of the interquartile
means, seeds paired where they pair, p corrected by Holm over all conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rnnlab import __version__
from rnnlab.records.claims import Claim
from rnnlab.report.judging.conditions import written
from rnnlab.report.judging.effects import Effect, effect_of
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.statistics import LEVEL, MIN_RUNS_FOR_INTERVAL, holm
from rnnlab.report.page.page import PAGES, Form, write_folder
from rnnlab.report.page.templating import render
from rnnlab.report.reading.read import Run, Study, StudyError, read_study

SCORE = Claim(says="", quantity="score", of={}, against={}, direction="higher")


@dataclass(frozen=True)
class Pair:
    """One condition in both folders; effect: after - before."""

    task: str
    setting: str
    n_diverged: tuple[int, int]
    n: tuple[int, int]
    effect: Effect
    p_adjusted: float

    @property
    def reading(self) -> str:
        """What may be said of it."""
        if self.effect.n_seeds < MIN_RUNS_FOR_INTERVAL:
            return "too few seeds"
        if self.p_adjusted > 1 - LEVEL:
            return "no difference shown"
        return "better" if self.effect.value > 0 else "worse"


@dataclass(frozen=True)
class Comparison:
    before: str
    after: str
    changed: tuple[tuple[str, str, str], ...]  # key, value before, value after
    pairs: tuple[Pair, ...]
    only_before: tuple[str, ...]
    only_after: tuple[str, ...]
    n_identical: int  # runs whose records say the same in both
    n_common: int  # runs of the same config in both


def compare(before: Study, after: Study) -> Comparison:
    """Raises StudyError where the two have no condition in common."""
    studies = (before, after)
    runs = [[run for run in study.members if run.completed] for study in studies]
    changed = _changed(*runs)
    left_out = {key for key, _, _ in changed}
    varying = sorted(key for key, values in _values([*runs[0], *runs[1]]).items() if len(values) > 1)
    settings = [key for key in varying if key not in left_out and not key.startswith("task.")]
    groups = [_groups(side, settings) for side in runs]
    common = [name for name in groups[0] if name in groups[1]]
    if not common:
        raise StudyError(f"{before.folder} and {after.folder}: no condition of one is in the other")
    effects = [effect_of(SCORE, *(_sample(groups[side][name]) for side in (1, 0))) for name in common]
    p_values = holm([effect.p if effect.n_seeds >= MIN_RUNS_FOR_INTERVAL else 1.0 for effect in effects])
    pairs = []
    for name, effect, p in zip(common, effects, p_values, strict=True):
        both = groups[0][name], groups[1][name]
        n_diverged = tuple(sum(run.diverged for run in side) for side in both)
        pairs.append(Pair(*name, n_diverged, tuple(map(len, both)), effect, p))
    by_id = [{run.run_id: run for run in side} for side in runs]
    same = [run_id for run_id in by_id[0] if run_id in by_id[1]]
    return Comparison(
        before=str(before.folder),
        after=str(after.folder),
        changed=changed,
        pairs=tuple(pairs),
        only_before=tuple(" ".join(name) for name in groups[0] if name not in groups[1]),
        only_after=tuple(" ".join(name) for name in groups[1] if name not in groups[0]),
        n_identical=sum(repr(by_id[0][run_id].metrics) == repr(by_id[1][run_id].metrics) for run_id in same),
        n_common=len(same),
    )


def write_comparison(before: Path, after: Path, form: Form = "html") -> Path:
    """Write compare-BEFORE-AFTER beside the second folder; the path of its page.  Raises StudyError, OSError."""
    found = compare(read_study(before), read_study(after))
    place = after.resolve().parent / f"compare-{before.resolve().name}-{after.resolve().name}"
    template = "compare.html.j2" if form == "html" else "compare.md.j2"

    def write(building: Path) -> None:
        (building / PAGES[form]).write_text(render(template, found=found, version=__version__), encoding="utf-8")

    write_folder(place, write)
    return place / PAGES[form]


def _changed(before: Sequence[Run], after: Sequence[Run]) -> tuple[tuple[str, str, str], ...]:
    """Keys that have one value in all runs of each folder, and another one in the other."""
    values = [_values(side) for side in (before, after)]
    keys = dict.fromkeys((*values[0], *values[1]))
    found = []
    for key in keys:
        one, other = (side.get(key, {"-"}) for side in values)
        if len(one) == len(other) == 1 and one != other:
            found.append((key, *one, *other))
    return tuple(found)


def _values(runs: Sequence[Run]) -> Mapping[str, set[str]]:
    values: dict[str, set[str]] = {}
    for run in runs:
        for key, value in run.config.items():
            if key != "seed":
                values.setdefault(key, set()).add(written(value))
    return values


def _groups(runs: Sequence[Run], settings: Sequence[str]) -> dict[tuple[str, str], list[Run]]:
    """Runs by task and by what varies in either folder."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        own = run.settings
        words = [f"{key}={written(own[key])}" for key in settings if key in own]
        groups.setdefault((run.task.name, " ".join(words)), []).append(run)
    return groups


def _sample(runs: Sequence[Run]) -> dict:
    sample: dict[tuple, dict[object, list[float]]] = {(runs[0].task.name,): {}}
    for run in runs:
        sample[(run.task.name,)].setdefault(run.seed, []).append(score(run))
    return sample
