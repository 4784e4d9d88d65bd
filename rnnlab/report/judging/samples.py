"""From the runs that a comparison is about to one number per seed and side: what the tests of rnnlab/statistics take.

Both sides are matched: a number of a seed is the mean over the settings that both sides have, where a setting is
everything that the sweep varies, except for the seed, the keys that the claim names and the keys that are tuned.  Only
seeds count that have runs in all of these settings.  The seeds that both sides have make pairs, if they are at least
half of those of the smaller side; then the others are left out.

A run that diverged counts with the worst value of the quantity.  A diagnostic, such as the share of dead units, has
none: where a run diverged before it was measured, its seed is left out, on both sides where they pair.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, NamedTuple

import numpy as np

from rnnlab.records.claims import UPDATES, Claim, Comparison, Side
from rnnlab.report.judging.conditions import TASK, Design
from rnnlab.report.judging.labels import by_value
from rnnlab.report.judging.quantities import better_side, quantity, tuning_score, updates
from rnnlab.report.judging.reasons import NoMean, NoRuns, NoSeeds, NotRecorded, Reason
from rnnlab.report.reading.study import Run, Study
from rnnlab.statistics.per_seed import Numbers, PerSeed
from rnnlab.statistics.rates import Choice, Tuned
from rnnlab.statistics.survival import Reached, reached

Setting = tuple[Any, ...]


class Measured(NamedTuple):
    """Of a run: the quantity that is judged, and the tuning score that chooses."""

    value: float
    score: float


Values = dict[Setting, dict[Setting, dict[Any, list[Measured]]]]
"""alternative (values of the tuned keys) -> setting -> seed -> its runs"""


@dataclass(frozen=True)
class Chosen:
    """What a side chose by its tuning seeds.  at_edge: the keys whose best value is the first or the last tried."""

    settings: Mapping[str, Any]
    at_edge: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Sample:
    """The numbers of one comparison."""

    numbers: Numbers
    seeds: tuple[Any, ...]  # of both sides where they pair, else of the smaller side
    n_settings: int  # that a number is the mean of
    tried: tuple[tuple[Mapping[str, Any], ...], ...] = ()  # by side, what it could choose; empty where nothing is tuned
    n_unmeasured: int = 0  # runs that diverged before the quantity was measured; their seeds are left out

    @property
    def scored(self) -> PerSeed:
        """The seeds and settings that are judged; the same as `numbers` where nothing is tuned."""
        return self.numbers.scored

    @property
    def paired(self) -> bool:
        return self.scored.paired

    @property
    def centres(self) -> tuple[float, ...]:
        """By side: the mean over seeds, of unbounded quantities the median."""
        centre = np.median if self.scored.kind == "unbounded" else np.mean
        return tuple(float(centre(side)) for side in _sides(self.scored))

    @property
    def reached(self) -> tuple[Reached, ...]:
        """By side, of times that may be infinite: how many seeds got there, and their Kaplan-Meier median."""
        return tuple(map(reached, _sides(self.scored)))

    @property
    def counts(self) -> tuple[tuple[int, int], ...]:
        """By side, of an event: in how many runs of how many it happened."""
        if self.scored.kind != "event":
            return ()
        n = self.n_settings
        return tuple((round(float(side.sum()) * n), side.size * n) for side in _sides(self.scored))

    @property
    def chosen(self) -> tuple[Chosen, ...]:
        """By side; empty where nothing is tuned."""
        if not isinstance(self.numbers, Tuned):
            return ()
        pairs = zip(self.tried, self.numbers.choices, strict=True)
        return tuple(_chosen(tried, choice) for tried, choice in pairs)

    def first(self, n: int) -> Sample:
        """What was there at a look at n seeds."""
        return replace(self, numbers=self.numbers.first(n), seeds=self.seeds[:n])


def sample_of(study: Study, design: Design, claim: Claim, comparison: Comparison) -> Sample | Reason:
    """The numbers of a comparison, or why there are none."""
    tuned = claim.chosen(design.axes)
    axes = (TASK, *_settings(design, claim, tuned))
    members = _members(design, comparison)
    sides: tuple[Side, ...] = ("of",) if comparison.against is None else ("of", "against")
    if not all(members[side] for side in sides):
        return NoRuns()
    table: list[Values] = []
    n_unmeasured = 0
    for side in sides:
        judged = [(run, _judged(study, run, claim)) for run in members[side]]
        measured = [(run, value) for run, value in judged if value is not None]
        without = [run for run, value in judged if value is None]
        if not measured or not all(run.diverged for run in without):
            return NotRecorded(claim.quantity, len(without), len(judged))
        n_unmeasured += len(without)
        table.append(_table(measured, axes, tuned))
    table, settings = _matched(table)
    seeds = [_complete(side, settings) for side in table]
    common = [seed for seed in seeds[0] if seed in seeds[-1]]
    paired = len(table) == 2 and 0 < len(common) >= min(map(len, seeds)) / 2
    seeds = [common for _ in seeds] if paired else seeds
    is_tuned = any(len(side) > 1 for side in table)
    if min(map(len, seeds)) < (2 if is_tuned else 1):
        return NoSeeds()
    bounded = claim.kind != "unbounded"
    values, scores = (
        [_array(side, own, settings, which, bounded) for side, own in zip(table, seeds, strict=True)]
        for which in ("value", "score")
    )
    if any(np.isnan(side).any() for side in values):
        return NoMean(claim.quantity)
    of, against = values[0], values[1] if len(values) == 2 else None
    smaller = tuple(min(seeds, key=lambda own: len(list(own))))
    if not is_tuned:
        per_seed = PerSeed(of[0], None if against is None else against[0], claim.kind, paired)
        return Sample(per_seed, smaller, len(settings), n_unmeasured=n_unmeasured)
    better = better_side(claim.quantity, members["of"][0].task)
    numbers = Tuned(of, against, scores[0], None if against is None else scores[1], claim.kind, paired, better)
    tried = tuple(tuple(dict(zip(tuned, each, strict=True)) for each in _alternatives(side)) for side in table)
    return Sample(numbers, smaller, len(settings), tried, n_unmeasured)


def _members(design: Design, comparison: Comparison) -> dict[Side, list[Run]]:
    """The completed runs of each side.  Unless the claim names seeds, all runs of a condition are on the same side."""
    members: dict[Side, list[Run]] = {"of": [], "against": []}
    names_seeds = any("seed" in group for group in (comparison.of, comparison.against or {}, comparison.where))
    for condition in design.conditions:
        groups = [[run] for run in condition.completed] if names_seeds else [list(condition.completed)]
        for runs in filter(None, groups):
            if side := comparison.side(runs[0].config):
                members[side] += runs
    return members


def _judged(study: Study, run: Run, claim: Claim) -> float | None:
    return updates(study, run, claim.to) if claim.quantity == UPDATES else quantity(study, run, claim.quantity)


def _sides(numbers: PerSeed) -> list[np.ndarray]:
    return [numbers.of] if numbers.against is None else [numbers.of, numbers.against]


def _settings(design: Design, claim: Claim, tuned: Sequence[str]) -> list[str]:
    """The axes within whose values the sides are compared: none that the claim names, or that decides one it names."""
    keys = design.keys
    named = {name for key in claim.keys for name in (key, f"{key}.name")}
    named |= {keys.deciders[key] for key in named if key in keys.deciders}
    left_out = named | set(keys.parameters) | set(tuned) | {TASK}
    return [axis for axis in design.axes if axis not in left_out]


def _table(measured: Iterable[tuple[Run, float]], axes: Sequence[str], tuned: Sequence[str]) -> Values:
    table: Values = {}
    for run, value in measured:
        alternative = tuple([run.config.get(key) for key in tuned])
        setting = tuple([run.config.get(key, run.task.name if key == TASK else None) for key in axes])
        chooses = tuning_score(run) if tuned else math.nan
        seeds = table.setdefault(alternative, {}).setdefault(setting, {})
        seeds.setdefault(run.seed, []).append(Measured(value, chooses))
    return table


def _matched(table: Sequence[Values]) -> tuple[list[Values], list[Setting]]:
    """The settings that all sides have at all of their alternatives.  Where there is none, all settings of a task are
    one, and if that does not help, all settings."""
    for depth in (None, 1, 0):
        cut = [_cut(side, depth) for side in table]
        settings = _common([seeds.keys() for side in cut for seeds in side.values()])
        if settings:
            break
    return cut, settings


def _common(keys: Sequence[Iterable[Setting]]) -> list[Setting]:
    shared = set.intersection(*map(set, keys))
    return sorted(shared, key=lambda key: [by_value(value) for value in key])


def _cut(side: Values, depth: int | None) -> Values:
    """The same with settings cut to their first `depth` entries; None: as they are."""
    if depth is None:
        return side
    cut: Values = {}
    for alternative, settings in side.items():
        for setting, seeds in settings.items():
            for seed, found in seeds.items():
                cut.setdefault(alternative, {}).setdefault(setting[:depth], {}).setdefault(seed, []).extend(found)
    return cut


def _complete(side: Values, settings: Sequence[Setting]) -> list[Any]:
    """The seeds that have a run in every setting at every alternative, in their order."""
    cells = [set(of_setting[setting]) for of_setting in side.values() for setting in settings]
    return sorted(set.intersection(*cells), key=by_value)


def _alternatives(side: Values) -> list[Setting]:
    return sorted(side, key=lambda alternative: [by_value(value) for value in alternative])


def _array(
    side: Values, seeds: Sequence[Any], settings: Sequence[Setting], which: Literal["value", "score"], bounded: bool
) -> np.ndarray:
    """(alternatives, seeds): means over settings.  A bounded quantity of a diverged run is its worst value, 0 or 1."""
    cells = np.array(
        [
            [[_mean([getattr(run, which) for run in side[each][s][seed]]) for s in settings] for seed in seeds]
            for each in _alternatives(side)
        ]
    )
    with np.errstate(invalid="ignore"):  # inf - inf
        return np.asarray((np.clip(cells, 0.0, 1.0) if bounded else cells).mean(axis=2))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if len(values) > 1 else values[0]  # mostly one: np.mean takes a hundred times as long


def _chosen(tried: Sequence[Mapping[str, Any]], choice: Choice) -> Chosen:
    settings = tried[choice.index]
    values = {key: sorted({each[key] for each in tried}, key=by_value) for key in settings}
    return Chosen(settings, tuple(key for key, own in values.items() if is_at_edge(settings[key], own)))


def is_at_edge(value: Any, tried: Sequence[Any]) -> bool:
    """Whether a number is the first or the last of those tried, in their order.  A word, such as the name of an
    initialisation, has no neighbours beyond it."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return is_number and len(tried) > 1 and value in (tried[0], tried[-1])
