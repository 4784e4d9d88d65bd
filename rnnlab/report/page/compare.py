"""Two study folders side by side, before and after: rnnlab-report A B.

Two conditions are the same when they have the same task and the same settings.  A key with one value in all runs of A
and another one in all runs of B is what was changed: it is named, and not counted as a setting.  Scores are compared
as in a verdict: the difference of the interquartile means, paired by seed where both have the same seeds, p corrected
by Holm over all conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rnnlab.records.claims import Claim
from rnnlab.report.judging.conditions import TASK, keys_of
from rnnlab.report.judging.effects import Effect, Sample, effect_of
from rnnlab.report.judging.inference import LEVEL, MIN_RUNS_FOR_INTERVAL, holm
from rnnlab.report.judging.labels import ABSENT, written
from rnnlab.report.judging.quantities import score
from rnnlab.report.page.folder import write_folder
from rnnlab.report.page.page import PAGES, Form
from rnnlab.report.page.templating import render
from rnnlab.report.reading.read import StudyError, read_study
from rnnlab.report.reading.study import Run, Study
from rnnlab.version import __version__

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
    left_out = {TASK, *(key for key, _, _ in changed)}
    rest = [{TASK: run.task.name} | _without(run.settings, left_out) for side in runs for run in side]
    settings = [axis for axis in keys_of(rest).axes if axis != TASK]
    groups = [_groups(side, settings) for side in runs]
    common = [name for name in groups[0] if name in groups[1]]
    if not common:
        raise StudyError(f"{before.folder} and {after.folder}: no condition of one is in the other")
    effects = [effect_of(SCORE, *(_sample(groups[side][name]) for side in (1, 0))) for name in common]
    p_values = holm([effect.p if effect.n_seeds >= MIN_RUNS_FOR_INTERVAL else 1.0 for effect in effects])
    pairs = []
    for name, effect, p in zip(common, effects, p_values, strict=True):
        both = groups[0][name], groups[1][name]
        n_diverged = sum(run.diverged for run in both[0]), sum(run.diverged for run in both[1])
        pairs.append(Pair(*name, n_diverged, (len(both[0]), len(both[1])), effect, p))
    ours, theirs = ({run.identity: run for run in side} for side in runs)
    same = [(ours[identity], theirs[identity]) for identity in ours if identity in theirs]
    return Comparison(
        before=str(before.folder),
        after=str(after.folder),
        changed=changed,
        pairs=tuple(pairs),
        only_before=tuple(" ".join(name) for name in groups[0] if name not in groups[1]),
        only_after=tuple(" ".join(name) for name in groups[1] if name not in groups[0]),
        n_identical=sum(repr(one.metrics) == repr(other.metrics) for one, other in same),
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
    """Keys that have one value in all runs of each folder, and not the same in both."""
    values = [_values(side) for side in (before, after)]
    keys = dict.fromkeys((*values[0], *values[1]))
    found = []
    for key in keys:
        one, other = (list(side.get(key, {ABSENT})) for side in values)
        if len(one) == len(other) == 1 and one != other:
            found.append((key, one[0], other[0]))
    return tuple(found)


def _values(runs: Sequence[Run]) -> Mapping[str, set[str]]:
    """The values of each key; ABSENT is one of them where a run does not have the key."""
    settings = [run.settings for run in runs]
    keys = dict.fromkeys(key for row in settings for key in row)
    return {key: {written(row.get(key)) for row in settings} for key in keys}


def _without(settings: Mapping[str, Any], keys: set[str]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if key not in keys}


def _groups(runs: Sequence[Run], settings: Sequence[str]) -> dict[tuple[str, str], list[Run]]:
    """Runs by task and by what varies in either folder, in words."""
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        own = run.settings
        words = [f"{key}={written(own[key])}" for key in settings if own.get(key) is not None]
        groups.setdefault((run.task.name, " ".join(words)), []).append(run)
    return groups


def _sample(runs: Sequence[Run]) -> Sample:
    sample: Sample = {(runs[0].task.name,): {}}
    for run in runs:
        sample[(run.task.name,)].setdefault(run.seed, []).append(score(run))
    return sample
