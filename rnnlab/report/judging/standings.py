"""What is compared: for each activation, task and setting one sample of runs, with one run per seed.

Where a sweep has several learning rates and seeds, the run of a seed is the one at the rate that the other seeds chose
(selection.py).  Beside it stands the score at the one rate that is best for all activations together; that comparison
is unfair to activations that need another rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab.report.judging import inference, statistics
from rnnlab.report.judging.conditions import RATE, Condition, Design
from rnnlab.report.judging.estimates import BOOTSTRAP_SEED, Estimate, estimate_of
from rnnlab.report.judging.quantities import CLOSED_LOOP, better_side, metric, score
from rnnlab.report.judging.selection import tuned
from rnnlab.report.reading.study import Run

MAX_COMPARED = 16  # labels in the table of probabilities of improvement


@dataclass(frozen=True)
class Standing:
    """One activation on one task in one setting, each seed at the learning rate that was chosen for it."""

    task: str
    label: str
    facet: str  # the other axes in words, without the learning rate where it was chosen
    runs: tuple[Run, ...]
    scores: tuple[float, ...]
    score: Estimate
    iqm: float
    rates: tuple[tuple[float, int], ...]  # the rates chosen, and by how many seeds; empty where there was no choice
    shared_rate: float | None
    shared: Estimate | None  # the score at the rate that is best for all activations together

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
    shared = _shared_rates(groups)
    found = []
    for (facet, label), runs in groups.items():
        chosen = tuned(runs)
        if chosen:
            rates = Counter(run.config[RATE] for run in chosen.values())
            same = [score(run) for run in runs if run.config[RATE] == shared[facet]]
            standing = _standing(label, facet, conditions[0].task, tuple(chosen.values()))
            extra = {"rates": tuple(sorted(rates.items())), "shared_rate": shared[facet], "shared": estimate_of(same)}
            found.append(Standing(**(vars(standing) | extra)))
    return tuple(found)


def median_run(standing: Standing) -> Run:
    """The run in the middle by what is shown of it, `judged_by`; of an even number the better one of the middle two."""
    name = judged_by(standing)
    sign = -1 if better_side(name, standing.runs[0].task) == "higher" else 1
    return standing.runs[statistics.median_run(np.array([sign * metric(run, name) for run in standing.runs]))]


def judged_by(standing: Standing) -> str:
    """The error in closed loop where there is one, since it is what the eye follows; else the task's own measure."""
    first = standing.runs[0]
    return CLOSED_LOOP if CLOSED_LOOP in first.metrics else first.task.score


def _standing(label: str, facet: str, task: str, runs: Sequence[Run]) -> Standing:
    scores = tuple(score(run) for run in runs)
    iqm = statistics.interquartile_mean(np.array(scores))
    return Standing(task, label, facet, tuple(runs), scores, estimate_of(scores), iqm, (), None, None)


def _shared_rates(groups: Mapping[tuple[str, str], Sequence[Run]]) -> dict[str, float]:
    """By facet, the rate with the highest mean score over all runs of all activations."""
    scores: dict[str, dict[float, list[float]]] = {}
    for (facet, _), runs in groups.items():
        for run in runs:
            scores.setdefault(facet, {}).setdefault(run.config[RATE], []).append(score(run))
    return {facet: max(sorted(by_rate), key=lambda rate: np.mean(by_rate[rate])) for facet, by_rate in scores.items()}


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
    improves = statistics.paired_probability_of_improvement if paired else statistics.probability_of_improvement
    few = labels[:MAX_COMPARED]
    return Across(
        n_strata=len(strata),
        labels=tuple(labels),
        strata=scores,
        iqm={label: _iqm(scores[label]) for label in labels},
        gap={label: statistics.optimality_gap(scores[label]) for label in labels},
        improvement={
            (one, other): improves(scores[one], scores[other]) for one in few for other in few if one != other
        },
        paired=paired,
        left_out=tuple(label for label in every if label not in labels),
    )


def _iqm(strata: Sequence[np.ndarray]) -> tuple[float, tuple[float, float] | None]:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    interval = inference.stratified_bootstrap_interval(strata, rng)
    return statistics.interquartile_mean(np.concatenate(strata)), interval
