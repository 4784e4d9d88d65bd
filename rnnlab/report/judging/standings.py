"""What is compared: for each activation, task and setting one sample of runs, with one run per seed.

Where a sweep has several learning rates, the first seeds (rates.TUNING_SHARE of them) choose the rate by their
tuning scores, and the other seeds are scored at it: no run is scored at a rate that it helped to choose.  Beside it
stands the score at the one rate that is best for all activations together; that comparison is unfair to activations
that need another rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from rnnlab.report.judging.conditions import RATE, Condition, Design
from rnnlab.report.judging.estimates import BOOTSTRAP_SEED, Estimate, estimate_of
from rnnlab.report.judging.labels import by_value
from rnnlab.report.judging.quantities import CLOSED_LOOP, better_side, metric, score, tuning_score
from rnnlab.report.reading.study import Run
from rnnlab.statistics import resampling, summaries
from rnnlab.statistics.rates import choose, split

MAX_COMPARED = 16  # labels in the table of probabilities of improvement


@dataclass(frozen=True)
class Standing:
    """One activation on one task in one setting, at the learning rate that was chosen for it."""

    task: str
    label: str
    facet: str  # the other axes in words, without the learning rate where it was chosen
    runs: tuple[Run, ...]
    scores: tuple[float, ...]
    score: Estimate
    iqm: float
    rate: float | None = None  # that was chosen; None where there was no choice
    at_edge: bool = False  # it is the lowest or the highest rate tried
    shared_rate: float | None = None
    shared: Estimate | None = None  # the score at the rate that is best for all activations together

    @property
    def name(self) -> str:
        return f"{self.label} with {self.facet}" if self.facet else self.label


@dataclass(frozen=True)
class Across:
    """All tasks and settings together, for the labels that have runs in each of them."""

    n_strata: int
    labels: tuple[str, ...]
    strata: Mapping[str, tuple[np.ndarray, ...]]  # by label, the scores of each task and setting
    iqm: Mapping[str, tuple[float, tuple[float, float] | None]]
    gap: Mapping[str, float]
    improvement: Mapping[tuple[str, str], float]  # P(the first improves on the second)
    paired: bool
    left_out: tuple[str, ...]


def standings_of(conditions: Sequence[Condition], design: Design) -> tuple[Standing, ...]:
    """The standings of one task, in the order of its conditions."""
    seeds = {run.seed for condition in conditions for run in condition.completed}
    if len(design.rates) < 2 or len(seeds) < 2:  # of a single seed no other seed can choose
        return tuple(
            _standing(condition.label, condition.facet, condition.task, condition.completed)
            for condition in conditions
            if condition.completed
        )
    groups: dict[tuple[str, str], list[Run]] = {}
    for condition in conditions:
        key = (design.facet_without(condition, RATE), condition.label)
        groups.setdefault(key, []).extend(condition.completed)
    tables = {key: Rates.of(runs) for key, runs in groups.items()}
    found = []
    for (facet, label), own in tables.items():
        if len(own.seeds) < 2:
            continue
        choice = choose(own.tuning_scores)
        others = [table for (at, _), table in tables.items() if at == facet and table.rates == own.rates]
        shared = choose(np.mean([table.tuning_scores.mean(axis=1) for table in others], axis=0)[:, None]).index
        found.append(
            replace(
                _standing(label, facet, conditions[0].task, own.scored(choice.index)),
                rate=own.rates[choice.index],
                at_edge=choice.at_edge,
                shared_rate=own.rates[shared],
                shared=estimate_of([score(run) for run in own.scored(shared)]),
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class Rates:
    """Runs that differ in learning rate and seed only; of the seeds that have a run at each rate."""

    rates: tuple[float, ...]  # from low to high
    seeds: tuple[object, ...]
    runs: Mapping[tuple[float, object], Run]

    @classmethod
    def of(cls, runs: Sequence[Run]) -> Rates:
        table = {(run.config[RATE], run.seed): run for run in runs}
        tried = tuple(sorted({rate for rate, _ in table}))
        seeds = sorted({seed for _, seed in table}, key=by_value)
        return cls(tried, tuple(seed for seed in seeds if all((rate, seed) in table for rate in tried)), table)

    @property
    def tuning_scores(self) -> np.ndarray:
        """(rates, tuning seeds)"""
        tuning, _ = split(self.seeds)
        return np.array([[tuning_score(self.runs[rate, seed]) for seed in tuning] for rate in self.rates])

    def scored(self, index: int) -> tuple[Run, ...]:
        """The runs of the other seeds at a rate."""
        _, scoring = split(self.seeds)
        return tuple(self.runs[self.rates[index], seed] for seed in scoring)


def median_run(standing: Standing) -> Run:
    """The run in the middle by what is shown of it, `judged_by`; of an even number the better one of the middle two."""
    name = judged_by(standing)
    sign = -1 if better_side(name, standing.runs[0].task) == "higher" else 1
    return standing.runs[summaries.median_run(np.array([sign * metric(run, name) for run in standing.runs]))]


def judged_by(standing: Standing) -> str:
    """The error in closed loop where there is one, since it is what the eye follows; else the task's own measure."""
    first = standing.runs[0]
    return CLOSED_LOOP if CLOSED_LOOP in first.metrics else first.task.score


def _standing(label: str, facet: str, task: str, runs: Sequence[Run]) -> Standing:
    scores = tuple(score(run) for run in runs)
    iqm = summaries.interquartile_mean(np.array(scores))
    return Standing(task, label, facet, tuple(runs), scores, estimate_of(scores), iqm)


def across_tasks(standings: Sequence[Standing]) -> Across | None:
    """None unless two labels or more have runs in every task and setting."""
    strata = list(dict.fromkeys((standing.task, standing.facet) for standing in standings))
    table = {(s.label, (s.task, s.facet)): s for s in standings if not np.isnan(s.scores).any()}
    every = list(dict.fromkeys(standing.label for standing in standings))
    labels = [label for label in every if all((label, stratum) in table for stratum in strata)]
    if len(labels) < 2:
        return None
    members = {label: [table[label, stratum] for stratum in strata] for label in labels}
    scores = {label: tuple(np.array(s.scores) for s in members[label]) for label in labels}
    seeds = {label: [[run.seed for run in s.runs] for s in members[label]] for label in labels}
    paired = all(seeds[label] == seeds[labels[0]] for label in labels)
    improves = summaries.paired_probability_of_improvement if paired else summaries.probability_of_improvement
    few = labels[:MAX_COMPARED]
    return Across(
        n_strata=len(strata),
        labels=tuple(labels),
        strata=scores,
        iqm={label: _iqm(scores[label]) for label in labels},
        gap={label: summaries.optimality_gap(scores[label]) for label in labels},
        improvement={
            (one, other): improves(scores[one], scores[other]) for one in few for other in few if one != other
        },
        paired=paired,
        left_out=tuple(label for label in every if label not in labels),
    )


def _iqm(strata: Sequence[np.ndarray]) -> tuple[float, tuple[float, float] | None]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    interval = resampling.stratified_bootstrap_interval(strata, rng)
    return summaries.interquartile_mean(np.concatenate(strata)), interval
