"""Verdicts in sentences: what a reader sees first.

sentence(verdict)     what was found; found(claim, part) of one comparison, with its interval
Beside them stand remarks.py (what one must know to read a verdict rightly) and details.py (how it was decided).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from rnnlab.options import counted
from rnnlab.records.claims import UPDATES, Claim, Group
from rnnlab.records.metrics import kind_of, labelled, metric_of, title_of
from rnnlab.report.judging.labels import written
from rnnlab.report.judging.quantities import CLOSED_LOOP, GRADIENT_REACH
from rnnlab.report.judging.reasons import NoMean, NoRuns, NoSeeds, NotRecorded, Reason, RunsLost
from rnnlab.report.judging.samples import Chosen, Sample
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.words.intervals import level_words, unit_of_claim, value_words
from rnnlab.report.words.wording import listed, ranked
from rnnlab.statistics.decision import Judgement
from rnnlab.statistics.survival import Reached

SIGNS: Mapping[Judgement, str] = {"supported": "✓", "refuted": "✗", "no difference that matters": "≈", "undecided": "?"}
SHORT = ("activation", "name")  # keys whose value says enough: relu, not cell.activation relu


def sentence(verdict: Verdict) -> str:
    """What was found; of several comparisons how many say what."""
    if verdict.reason is not None:
        return reason_words(verdict.reason)
    if len(verdict.parts) == 1:
        return found(verdict.claim, verdict.parts[0])
    counts = Counter(part.decision.judgement for part in verdict.parts)
    if len(counts) == 1:
        every = "Both" if len(verdict.parts) == 2 else f"All {len(verdict.parts)}"
        return f"{every} comparisons {_say(verdict.judgement, len(verdict.parts))}."
    say = listed([f"{n} {_say(judgement, n)}" for judgement, n in counts.items()])
    return f"Of {len(verdict.parts)} comparisons {say}."


def found(claim: Claim, part: Part) -> str:
    """One comparison: both sides, their difference, and the interval at the level at which the verdict was taken."""
    sample, decision = part.sample, part.decision
    if sample is None:
        return reason_words(part.reason)
    unit = unit_of_claim(claim.quantity, claim.against is None)
    ours, theirs = words(part.comparison.of), words(part.comparison.against or {})
    interval = f"{level_words(decision.level)} {unit.interval(decision.interval)}"
    if decision.judgement in ("supported", "refuted") and decision.with_rare_events != decision.interval:
        interval += f"; {unit.interval(decision.with_rare_events)} if rare failures are allowed for"
    if part.comparison.against is None:
        return f"{_alone(claim, sample, decision.estimate, ours)} ({interval}); claimed: {limit_words(claim)}."
    if sample.counts:
        counts = [f"{count:,} of {total:,}" for count, total in sample.counts]
        sides = f"{counts[0]} {_did(claim.quantity)} with {ours}, {counts[1]} with {theirs}"
    elif claim.quantity == UPDATES:
        reached = [reached_words(each) for each in sample.reached]
        sides = f"To {threshold_words(claim)} got {reached[0]} with {ours}, {reached[1]} with {theirs}"
    else:
        values = [value_words(centre, claim.quantity) for centre in sample.centres]
        sides = f"The {quantity_name(claim)} is {values[0]} with {ours} and {values[1]} with {theirs}"
    difference = "the difference by seed is" if sample.paired else "the difference is"
    asked = f"; claimed: {limit_words(claim)}" if claim.by else ""
    if decision.judgement == "no difference that matters" and claim.margin is not None:
        asked = f"; up to {unit(claim.margin)} would not matter"
    return f"{sides}; {difference} {unit(decision.estimate)} ({interval}){asked}."


def reason_words(reason: Reason | None) -> str:
    """Why a claim was not judged, as a sentence; "" where it was."""
    match reason:
        case NoRuns():
            return "No run of one side of the claim was completed."
        case NotRecorded(quantity, n_without, n_runs):
            return f"{counted(n_without, 'run')} of {n_runs} recorded no {quantity}."
        case RunsLost(folders, n_ahead) if n_ahead:
            have = "has not ended yet" if n_ahead == 1 else "have not ended yet"
            others = f"; {n_lost} failed or are missing" if (n_lost := len(folders) - n_ahead) else ""
            return f"{counted(n_ahead, 'run')} that the claim needs {have}{others}."
        case RunsLost(folders):
            are = "failed or is missing" if len(folders) == 1 else "failed or are missing"
            return f"{counted(len(folders), 'run')} that the claim needs {are}: {listed(folders, at_most=3)}."
        case NoSeeds():
            return "No seed has runs in all settings that are compared, or too few have where settings are tuned."
        case NoMean(quantity):
            return f"{title_of(quantity).capitalize()} is +inf in one setting of a seed and -inf in another: no mean."
        case None:
            return ""


def threshold_words(claim: Claim) -> str:
    """ "score 0.5": what must be reached."""
    return " and ".join(f"{title_of(name)} {written(value)}" for name, value in claim.to.items())


def reached_words(reached: Reached) -> str:
    """ "17 of 20 seeds, half of all within 400 updates"."""
    within = "fewer than half" if math.isinf(reached.median) else f"half of all within {ranked(reached.median)} updates"
    return f"{reached.n_reached} of {reached.n} seeds, {within}"


def tallied(judgement: Judgement) -> str:
    """After "2 claims"."""
    return f"with {judgement}" if judgement == "no difference that matters" else judgement


def section_of(verdict: Verdict, sections: Iterable[str]) -> str:
    """The part of the page that shows what the claim is about; conditions, where none of `sections` does."""
    quantity, there = verdict.claim.quantity, set(sections)
    known = metric_of(quantity)
    wanted = {"diverged": "divergence", "score": "scores", GRADIENT_REACH: "gradients", CLOSED_LOOP: "predictions"}
    place = wanted.get(quantity, "diagnostics" if known and known.role == "diagnostic" else "conditions")
    if kind_of(quantity).startswith("grad_norm") and "gradients" in there:
        place = "gradients"
    return place if place in there else "conditions"


def quantity_name(claim: Claim) -> str:
    """ "mean accuracy", "median evaluation loss": what is averaged is said, since a claim is about no single run."""
    average = "median" if claim.kind == "unbounded" else "mean"
    name = labelled(claim.quantity)
    return f"{average} of the {name}" if name.startswith("mean ") else f"{average} {name}"


def pair_name(part: Part) -> str:
    """ "relu and tanh"; "relu" where it is compared with a number."""
    ours, theirs = words(part.comparison.of), words(part.comparison.against or {})
    return f"{ours} and {theirs}" if theirs else ours


def words(group: Group | Mapping[str, Any]) -> str:
    """{cell.activation: leaky_relu, cell.negative_slope: "> 0"} -> "leaky_relu, negative_slope > 0"."""
    parts = []
    for key, value in group.items():
        tail = key.rpartition(".")[2]
        many = " or ".join(map(written, value)) if isinstance(value, list) else written(value)
        if value is None:
            parts.append(f"no {tail}")
        elif tail in SHORT or "." not in key:
            parts.append(many)
        else:
            parts.append(f"{tail} {many}")
    return ", ".join(parts)


def _alone(claim: Claim, sample: Sample, estimate: float, ours: str) -> str:
    """One side that is compared with a number."""
    if sample.counts:
        ((count, total),) = sample.counts
        return f"{count:,} of {total:,} {_did(claim.quantity)} with {ours}, {value_words(estimate, claim.quantity)}"
    if claim.quantity == UPDATES:
        (reached,) = sample.reached
        return f"To {threshold_words(claim)} got {reached_words(reached)} with {ours}"
    return f"The median {labelled(claim.quantity)} is {value_words(estimate, claim.quantity)} with {ours}"


def _did(quantity: str) -> str:
    did = {"diverged": "runs diverged", "learned": "runs learned"}
    return did.get(quantity, f"runs have {title_of(quantity)} = 1")


def limit_words(claim: Claim) -> str:
    side = "above" if claim.direction == "higher" else "below"
    if claim.against is None:
        return f"{side} {value_words(claim.threshold, claim.quantity)}"
    return f"{side} {unit_of_claim(claim.quantity, claim.against is None)(claim.threshold)}"


def _say(judgement: Judgement, n: int) -> str:
    """What n comparisons say of the claim."""
    match judgement:
        case "supported":
            return "supports it" if n == 1 else "support it"
        case "refuted":
            return "refutes it" if n == 1 else "refute it"
        case "undecided":
            return "is undecided" if n == 1 else "are undecided"
        case _:
            return "shows no difference that matters" if n == 1 else "show no difference that matters"


def choices(part: Part) -> list[tuple[str, Chosen]]:
    groups = [part.comparison.of, part.comparison.against or {}]
    chosen = part.sample.chosen if part.sample else ()
    return [(words(group), choice) for group, choice in zip(groups, chosen, strict=False)]
