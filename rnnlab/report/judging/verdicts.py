"""Whether a study's claims hold: supported, refuted or inconclusive.  docs/statistics.md says how in words.

A claim compares two sides within strata: all that the sweep varies beside the seed and the keys that the claim names.
0/1 quantities by the difference of the rates; all others by the difference of the interquartile means, with whole
seeds of a task resampled, as runs that share a seed share data and first weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rnnlab.records.claims import Claim
from rnnlab.report.judging.conditions import RATE, TASK, Design
from rnnlab.report.judging.effects import Effect, Sample, effect_of
from rnnlab.report.judging.quantities import quantity
from rnnlab.report.judging.selection import tuned
from rnnlab.report.judging.statistics import MIN_RUNS_FOR_INTERVAL, holm
from rnnlab.report.reading.read import PARAMETER_OF, Problem, Run, Study
from rnnlab.report.words.wording import counted, listed

Judgement = Literal["supported", "refuted", "inconclusive"]


@dataclass(frozen=True)
class Verdict:
    claim: Claim
    judgement: Judgement
    reason: str  # why it is inconclusive, where numbers alone do not say it
    effect: Effect | None
    p_adjusted: float
    n_claims: int
    tuned: bool  # each side at the learning rate that its other seeds chose


def judge(study: Study, design: Design) -> tuple[Verdict, ...]:
    """One verdict per claim of the study, in order."""
    claims = study.file.claims
    found = [_judged(study, design, n, claim) for n, claim in enumerate(claims)]
    p_values = [1.0 if verdict.effect is None or verdict.reason else verdict.effect.p for verdict in found]
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
    verdict = Verdict(claim, "inconclusive", "", None, 1.0, 0, choose)
    members: dict[str, list[Run]] = {"of": [], "against": []}
    for run in study.members:
        if run.completed and (side := claim.side(run.config)):
            members[side].append(run)
    sides = ("of",) if claim.against is None else ("of", "against")
    if any(not members[side] for side in sides):
        return replace(verdict, reason="No run that it is about was completed.")
    samples = []
    for side in sides:
        runs = _at_chosen_rates(members[side], design) if choose else members[side]
        values = [quantity(study, run, claim.quantity) for run in runs]
        n_without = sum(value is None for value in values)
        if n_without:
            return replace(verdict, reason=f"{counted(n_without, 'run')} of {len(runs)} recorded no {claim.quantity}.")
        samples.append(_sample(runs, values, _strata_axes(design, claim, choose)))
    effect = effect_of(claim, *samples)
    reason = _blocked(study, n, claim)
    if not reason and effect.n_seeds < MIN_RUNS_FOR_INTERVAL:
        reason = f"Fewer than {MIN_RUNS_FOR_INTERVAL} seeds a side."
    return replace(verdict, effect=effect, reason=reason)


def _blocked(study: Study, n: int, claim: Claim) -> str:
    """What is missing of the runs that the claim needs, by name."""

    def concerns(problem: Problem) -> bool:
        if problem.kind == "repeated":
            return False
        if study.file.needed is not None:
            return problem.name in study.file.needed[n]
        failed = next((run for run in study.members if run.folder == problem.name), None)
        return failed is None or claim.side(failed.config) is not None

    lost = [problem.name for problem in study.problems if concerns(problem)]
    are = "failed or is missing" if len(lost) == 1 else "failed or are missing"
    return f"{counted(len(lost), 'run')} that it needs {are}: {listed(lost, at_most=3)}." if lost else ""


def _strata_axes(design: Design, claim: Claim, choose: bool) -> tuple[str, ...]:
    named = {f"{key}.name" if f"{key}.name" in design.axes else key for key in claim.keys}
    left_out = named | set(PARAMETER_OF.values()) | ({RATE} if choose else set()) | {TASK}
    return tuple(axis for axis in design.axes if axis not in left_out)


def _at_chosen_rates(runs: Sequence[Run], design: Design) -> list[Run]:
    groups: dict[tuple, list[Run]] = {}
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
