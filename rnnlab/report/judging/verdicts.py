"""Whether a study's claims hold: supported, refuted or inconclusive.  docs/statistics.md says how in words.

A claim compares two sides within strata: runs are compared that have the same value of everything that the sweep
varies, except for the seed and the keys that the claim names.  Quantities of 0 and 1 are compared by the difference of
the two rates, all others by the difference of the two interquartile means.  There the bootstrap resamples whole seeds
of a task, because runs that share a seed share data and first weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rnnlab.records.claims import Claim, Side
from rnnlab.report.judging.conditions import RATE, TASK, Design
from rnnlab.report.judging.effects import Effect, Sample, Stratum, effect_of
from rnnlab.report.judging.inference import MIN_RUNS_FOR_INTERVAL, holm
from rnnlab.report.judging.quantities import quantity
from rnnlab.report.judging.selection import tuned
from rnnlab.report.reading.study import Problem, Run, Study

Judgement = Literal["supported", "refuted", "inconclusive"]


@dataclass(frozen=True)
class NoRuns:
    """No run that the claim is about was completed."""


@dataclass(frozen=True)
class NotRecorded:
    """n_without of n_runs runs of a side did not record the quantity."""

    quantity: str
    n_without: int
    n_runs: int


@dataclass(frozen=True)
class RunsLost:
    """Runs that the claim needs failed or are missing: their folders."""

    folders: tuple[str, ...]


@dataclass(frozen=True)
class FewSeeds:
    """A side has fewer seeds than a verdict needs."""

    needed: int


Reason = NoRuns | NotRecorded | RunsLost | FewSeeds  # why a claim is not judged, where numbers alone do not say it


@dataclass(frozen=True)
class Verdict:
    claim: Claim
    judgement: Judgement
    reason: Reason | None
    effect: Effect | None
    p_adjusted: float
    n_claims: int
    tuned: bool  # each side at the learning rate that its other seeds chose


def judge(study: Study, design: Design) -> tuple[Verdict, ...]:
    """One verdict per claim of the study, in order."""
    claims = study.file.claims
    found = [_judged(study, design, n, claim) for n, claim in enumerate(claims)]
    p_values = [verdict.effect.p if verdict.effect and not verdict.reason else 1.0 for verdict in found]
    return tuple(
        replace(verdict, judgement=_judgement(verdict, p), p_adjusted=p, n_claims=len(claims))
        for verdict, p in zip(found, holm(p_values), strict=True)
    )


def _judgement(verdict: Verdict, p: float) -> Judgement:
    if verdict.effect is None or verdict.reason or p > 1 - verdict.claim.level:
        return "inconclusive"
    return "supported" if verdict.effect.is_beyond else "refuted"


def _judged(study: Study, design: Design, n: int, claim: Claim) -> Verdict:
    uses_rates = len(design.rates) > 1 and not {RATE} & {*claim.keys, *claim.where}
    choose = uses_rates and (claim.rates or ("all" if claim.quantity == "diverged" else "chosen")) == "chosen"
    verdict = Verdict(claim, "inconclusive", None, None, 1.0, 0, choose)
    members: dict[Side, list[Run]] = {"of": [], "against": []}
    for run in study.members:
        if run.completed and (side := claim.side(run.config)):
            members[side].append(run)
    sides: tuple[Side, ...] = ("of",) if claim.against is None else ("of", "against")
    if any(not members[name] for name in sides):
        return replace(verdict, reason=NoRuns())
    samples = []
    for name in sides:
        runs = _at_chosen_rates(members[name], design) if choose else members[name]
        measured = [quantity(study, run, claim.quantity) for run in runs]
        values = [value for value in measured if value is not None]
        if len(values) < len(runs):
            return replace(verdict, reason=NotRecorded(claim.quantity, len(runs) - len(values), len(runs)))
        samples.append(_sample(runs, values, _strata_axes(design, claim, choose)))
    effect = effect_of(claim, *samples)
    reason = _blocked(study, n, claim)
    if reason is None and effect.n_seeds < MIN_RUNS_FOR_INTERVAL:
        reason = FewSeeds(MIN_RUNS_FOR_INTERVAL)
    return replace(verdict, effect=effect, reason=reason)


def _blocked(study: Study, n: int, claim: Claim) -> Reason | None:
    """What is missing of the runs that the claim needs, by name."""

    def concerns(problem: Problem) -> bool:
        if problem.kind == "repeated":
            return False
        if study.file.needed is not None:
            return problem.name in study.file.needed[n]
        failed = next((run for run in study.members if run.folder == problem.name), None)
        return failed is None or claim.side(failed.config) is not None

    lost = tuple(problem.name for problem in study.problems if concerns(problem))
    return RunsLost(lost) if lost else None


def _strata_axes(design: Design, claim: Claim, choose: bool) -> tuple[str, ...]:
    """The axes within whose values the sides are compared: none that the claim names, or that decides one it names."""
    keys = design.keys
    named = {name for key in claim.keys for name in (key, f"{key}.name")}
    named |= {keys.deciders[key] for key in named if key in keys.deciders}
    left_out = named | set(keys.parameters) | ({RATE} if choose else set()) | {TASK}
    return tuple(axis for axis in design.axes if axis not in left_out)


def _at_chosen_rates(runs: Sequence[Run], design: Design) -> list[Run]:
    groups: dict[Stratum, list[Run]] = {}
    for run in runs:
        rest = tuple(run.settings.get(axis) for axis in design.axes if axis not in (RATE, TASK))
        groups.setdefault((run.task.name, rest), []).append(run)
    return [run for group in groups.values() for run in tuned(group).values()]


def _sample(runs: Sequence[Run], values: Sequence[float], axes: Sequence[str]) -> Sample:
    sample: Sample = {}
    for run, value in zip(runs, values, strict=True):
        stratum = (run.task.name, *(run.settings.get(axis) for axis in axes))
        sample.setdefault(stratum, {}).setdefault(run.seed, []).append(value)
    return sample
