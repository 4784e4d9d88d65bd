"""The answer of a study in a sentence or two: what stands under its question."""

from __future__ import annotations

from collections.abc import Sequence

from rnnlab.options import counted
from rnnlab.report.judging.verdicts import Verdict
from rnnlab.report.judging.view import View
from rnnlab.report.words.headlines import headline
from rnnlab.report.words.intervals import estimate_words
from rnnlab.report.words.sentences import SIGNS

MOST_CLAIMS, MOST_TASKS = 4, 2  # that are said; others are counted


def answer(view: View) -> tuple[str, ...]:
    """What the claims came to; where none is decided, or there is none, also the best of each task."""
    decided = [verdict for verdict in view.verdicts if verdict.judgement != "undecided"]
    sentences = _of_claims(view.verdicts, decided)
    if not decided:
        many = len(view.tasks) > 1
        for task in view.tasks[:MOST_TASKS]:
            sentences.append(f"{task.facts.name}: {headline(task)[0]}" if many else headline(task)[0])
        if len(view.tasks) > MOST_TASKS:
            sentences.append(f"{counted(len(view.tasks) - MOST_TASKS, 'more task')} below.")
    return tuple(sentences)


def _of_claims(verdicts: Sequence[Verdict], decided: Sequence[Verdict]) -> list[str]:
    if not verdicts:
        return []
    if not decided:
        return ["The claim is undecided." if len(verdicts) == 1 else f"All {len(verdicts)} claims are undecided."]
    sentences = []
    for judgement in SIGNS:
        own = [verdict.claim.says for verdict in decided if verdict.judgement == judgement]
        if own and len(decided) <= MOST_CLAIMS:
            sentences.append(f"{judgement.capitalize()}: {'; '.join(own)}.")
        elif own:
            sentences.append(f"{judgement.capitalize()}: {counted(len(own), 'claim')}.")
    n_open = len(verdicts) - len(decided)
    return [*sentences, f"Undecided: {n_open} of {len(verdicts)} claims."] if n_open else sentences


def effect(verdict: Verdict) -> str:
    """For a row of the table of verdicts: the estimate with its interval; of several comparisons how many agree."""
    if verdict.reason is not None:
        return "not judged"
    if len(verdict.parts) > 1:
        n = sum(part.decision.judgement == verdict.judgement for part in verdict.parts)
        return f"{n} of {counted(len(verdict.parts), 'comparison')}"
    decision = verdict.parts[0].decision
    claim = verdict.claim
    return estimate_words(claim.quantity, claim.against is None, decision.estimate, decision.interval)
