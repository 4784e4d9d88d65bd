"""Two study folders side by side, before and after: rnnlab-report A B.

Two conditions are the same when they have the same task and the same settings.  A key with one value in all runs of A
and another one in all runs of B is what was changed: it is named, and not counted as a setting.  Scores are compared
as in a verdict: the mean difference, paired by seed where both have seeds in common, p corrected by Holm over all
conditions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from rnnlab.report.judging.conditions import TASK, keys_of
from rnnlab.report.judging.labels import ABSENT, by_value, written
from rnnlab.report.judging.quantities import score
from rnnlab.report.page.folder import write_folder
from rnnlab.report.page.templating import render
from rnnlab.report.reading.cache import PAGES, Form
from rnnlab.report.reading.folders import StudyError
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Run, Study
from rnnlab.statistics.decision import Decision, Question, decide
from rnnlab.statistics.per_seed import PerSeed
from rnnlab.version import __version__

READINGS = {"supported": "better", "refuted": "worse"}


@dataclass(frozen=True)
class Pair:
    """One condition in both folders: scores by seed after and before."""

    task: str
    setting: str
    n_diverged: tuple[int, int]
    n: tuple[int, int]
    scores: PerSeed
    decision: Decision

    @property
    def reading(self) -> str:
        """What may be said of it."""
        if self.decision.reason == "too few seeds":
            return "too few seeds"
        return READINGS.get(self.decision.judgement, "no difference shown")

    @property
    def means(self) -> tuple[float, float]:
        """Before and after."""
        after, before = self.scores.of, self.scores.against
        return float(np.mean(after if before is None else before)), float(np.mean(after))

    @property
    def interval(self) -> tuple[float, float]:
        """Of the median difference over seeds, or of the mean difference where seeds do not pair."""
        return self.scores.typical(self.decision.level) or self.decision.with_rare_events


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
    scores = [_scores(groups[1][name], groups[0][name]) for name in common]
    decisions = decide([Question("higher")] * len(common), [[each] for each in scores])
    pairs = []
    for name, own, decision in zip(common, scores, decisions, strict=True):
        both = groups[0][name], groups[1][name]
        n_diverged = sum(run.diverged for run in both[0]), sum(run.diverged for run in both[1])
        pairs.append(Pair(*name, n_diverged, (len(both[0]), len(both[1])), own, decision))
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


def _scores(after: Sequence[Run], before: Sequence[Run]) -> PerSeed:
    of, against = ({run.seed: score(run) for run in side} for side in (after, before))
    common = sorted(of.keys() & against.keys(), key=by_value)
    if common:
        of, against = ({seed: side[seed] for seed in common} for side in (of, against))
    return PerSeed(np.array(list(of.values())), np.array(list(against.values())), "bounded", bool(common))
