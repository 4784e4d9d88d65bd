"""Whether a study's claims hold.  docs/statistics.md says how in words.

A claim consists of comparisons ("worse than each of three"), and every comparison is one question.  All questions of
the study are one family (rnnlab/statistics/decision.py).  A claim is

    supported                     if all of its comparisons are
    refuted                       if one of them is
    no difference that matters    if none is refuted and at least one shows that
    undecided                     otherwise
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rnnlab.records.claims import Claim, Comparison
from rnnlab.report.judging.conditions import Design
from rnnlab.report.judging.reasons import Reason, RunsLost
from rnnlab.report.judging.samples import Sample, sample_of
from rnnlab.report.reading.study import Problem, Study
from rnnlab.statistics.decision import Decision, Judgement, Question, decide
from rnnlab.statistics.looks import Step, path, taken
from rnnlab.statistics.per_seed import Numbers


@dataclass(frozen=True)
class Part:
    """One comparison of a claim.  reason: why there are no numbers to judge by; then nothing else is known.

    sample: the seeds of the look that decided, or of the last one.  n_looks: how many were planned."""

    comparison: Comparison
    reason: Reason | None
    sample: Sample | None
    decision: Decision
    path: tuple[Step, ...]  # at each look taken; a single one where the sweep had no looks
    n_looks: int = 1

    @property
    def typical(self) -> tuple[float, float] | None:
        """The interval of the median over seeds, at the level of the decision; None where seeds do not pair."""
        return self.sample.scored.typical(self.decision.level, self.n_looks) if self.sample else None


@dataclass(frozen=True)
class Verdict:
    claim: Claim
    judgement: Judgement
    parts: tuple[Part, ...]
    n_questions: int  # of the whole family

    @property
    def reason(self) -> Reason | None:
        """Why nothing was judged, where that holds for all comparisons."""
        return self.parts[0].reason if all(part.reason for part in self.parts) else None


def judge(study: Study, design: Design) -> tuple[Verdict, ...]:
    """One verdict per claim of the study, in order."""
    lost = [_lost(study, n, claim) for n, claim in enumerate(study.file.claims)]
    return verdicts_on(study, design, study.file.claims, lost)


def verdicts_on(
    study: Study, design: Design, claims: Sequence[Claim], lost: Sequence[RunsLost | None] | None = None
) -> tuple[Verdict, ...]:
    """The verdicts on a family of claims.  lost: by claim, the runs that it lacks."""
    looks = study.file.looks.seeds_taken if study.file.looks else None
    n_looks = len(study.file.looks.planned) if study.file.looks else 1
    comparisons: list[tuple[int, Comparison]] = []
    found: list[Sample | Reason] = []
    for n, claim in enumerate(claims):
        for comparison in claim.comparisons:
            comparisons.append((n, comparison))
            found.append((lost[n] if lost else None) or sample_of(study, design, claim, comparison))
    questions = [
        Question(claim.direction, claim.threshold, claim.than or 0.0, claim.margin, claim.level, n_looks)
        for claim in (claims[n] for n, _ in comparisons)
    ]
    at_looks = [_at_looks(sample.numbers, looks) if isinstance(sample, Sample) else [] for sample in found]
    decisions = decide(questions, at_looks)
    parts: list[list[Part]] = [[] for _ in claims]
    judged = zip(comparisons, questions, found, at_looks, decisions, strict=True)
    for (n, comparison), question, sample, numbers, decision in judged:
        if isinstance(sample, Sample):
            steps = path(question, numbers, decision.tests)
            sample = sample.first(decision.n_seeds) if decision.n_seeds else sample
            parts[n].append(Part(comparison, None, sample, decision, steps, n_looks))
        else:
            parts[n].append(Part(comparison, sample, None, decision, ()))
    return tuple(
        Verdict(claim, _together([part.decision.judgement for part in own]), tuple(own), len(questions))
        for claim, own in zip(claims, parts, strict=True)
    )


def undecided(verdicts: Sequence[Verdict], precision: float | None = None) -> tuple[int, ...]:
    """The claims that are undecided, by number.  precision: instead, those whose interval at the last look is wider."""

    def is_wide(part: Part) -> bool:
        if not part.path or precision is None:
            return True
        low, high = part.path[-1].interval
        return not high - low <= precision

    return tuple(
        n
        for n, verdict in enumerate(verdicts)
        if (verdict.judgement == "undecided" if precision is None else any(map(is_wide, verdict.parts)))
    )


def _at_looks(numbers: Numbers, looks: Sequence[int] | None) -> list[Numbers]:
    return [numbers] if looks is None else taken(numbers, looks)


def _together(judgements: Sequence[Judgement]) -> Judgement:
    if all(judgement == "supported" for judgement in judgements):
        return "supported"
    for judgement in ("refuted", "no difference that matters"):
        if judgement in judgements:
            return judgement
    return "undecided"


def _lost(study: Study, n: int, claim: Claim) -> RunsLost | None:
    """The runs that a claim needs and that failed, are missing or have not ended yet."""

    def concerns(problem: Problem) -> bool:
        if problem.kind == "repeated":
            return False
        if study.file.needed is not None:
            return problem.name in study.file.needed[n]
        failed = next((run for run in study.members if run.folder == problem.name), None)
        return failed is None or claim.side(failed.config) is not None

    lost = tuple(problem.name for problem in study.problems if concerns(problem))
    ahead = study.running.names if study.running else frozenset()
    if study.file.needed is not None:
        ahead &= study.file.needed[n]
    return RunsLost((*lost, *sorted(ahead)), len(ahead)) if lost or ahead else None
