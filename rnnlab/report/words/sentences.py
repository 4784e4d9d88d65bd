"""Verdicts in sentences."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

from rnnlab.records.claims import Group
from rnnlab.records.metrics import kind_of, labelled, metric_of, title_of
from rnnlab.report.judging.labels import written
from rnnlab.report.judging.quantities import CLOSED_LOOP, GRADIENT_REACH
from rnnlab.report.judging.verdicts import FewSeeds, NoRuns, NotRecorded, Reason, RunsLost, Verdict
from rnnlab.report.words.wording import counted, listed, near_one, number, ranked

OPENINGS = {
    "supported": "It holds in this sweep",
    "refuted": "It does not hold in this sweep",
    "inconclusive": "This sweep cannot tell",
}
SHORT = ("activation", "name")  # keys whose value says enough: relu, not cell.activation relu


def sentence(verdict: Verdict) -> str:
    """What was found, in one sentence."""
    opening = OPENINGS[verdict.judgement]
    effect = verdict.effect
    if effect is None:
        return f"{opening}: {_lower(reason_words(verdict.reason))}"
    claim = verdict.claim
    ours, theirs = words(claim.of), words(claim.against or {})
    if effect.is_rate:
        did = {"diverged": "runs diverged", "learned": "runs learned"}.get(
            claim.quantity, f"runs have {title_of(claim.quantity)} = 1"
        )
        sides = [f"{count} of {total}" for count, total in effect.counts]
        found = f"{sides[0]} {did} with {ours}"
        found += f", {sides[1]} with {theirs}" if len(sides) > 1 else f" (claimed: {_limit(verdict)})"
    else:
        name = quantity_name(claim.quantity)
        found = f"the {name} of {ours} is {_value(effect.of, claim.quantity)}"
        if claim.against is not None:
            found += f", that of {theirs} {_value(effect.against, claim.quantity)}"
        else:
            found += f" (claimed: {_limit(verdict)})"
    rates = ", each side at the learning rate that its other seeds chose" if verdict.tuned else ""
    return f"{opening}: {found}{rates}. {reason_words(verdict.reason)}".rstrip()


def reason_words(reason: Reason | None) -> str:
    """Why a claim was not judged, as a sentence; "" where it was."""
    match reason:
        case NoRuns():
            return "No run of one side of the claim was completed."
        case NotRecorded(quantity, n_without, n_runs):
            return f"{counted(n_without, 'run')} of {n_runs} recorded no {quantity}."
        case RunsLost(folders):
            are = "failed or is missing" if len(folders) == 1 else "failed or are missing"
            return f"{counted(len(folders), 'run')} that the claim needs {are}: {listed(folders, at_most=3)}."
        case FewSeeds(needed):
            return f"One side of the claim has fewer than {needed} seeds."
        case None:
            return ""


def effect_words(verdict: Verdict) -> str:
    """+24 percentage points (95% interval +13 to +37)."""
    effect, claim = verdict.effect, verdict.claim
    if effect is None:
        return ""
    scale, unit = (100.0, " percentage points") if effect.is_rate else (1.0, "")
    one_sided = claim.against is None
    value, low, high = (_signed(scale * x, one_sided) for x in (effect.value, *effect.interval))
    if not effect.n_seeds >= 2:
        return f"{value}{unit}"
    return f"{value}{unit} ({100 * claim.level:g}% interval {low} to {high})"


def n_words(verdict: Verdict) -> str:
    effect = verdict.effect
    if effect is None:
        return ""
    runs = " and ".join(f"{n:,}" for n in effect.n_runs)
    paired = ", paired" if effect.paired else ""
    return f"{runs} runs, {effect.n_seeds} seeds{paired}"


def correction_words(verdict: Verdict) -> str:
    if verdict.effect is None or verdict.reason:
        return "not judged"
    p = verdict.p_adjusted
    value = "p < 0.0001" if p < 1e-4 else f"p = {p:.2g}"
    return f"{value} after Holm's correction for {verdict.n_claims} claims" if verdict.n_claims > 1 else value


def section_of(verdict: Verdict, sections: Iterable[str]) -> str:
    """The part of the page that shows what the claim is about; conditions, where none of `sections` does."""
    quantity, there = verdict.claim.quantity, set(sections)
    known = metric_of(quantity)
    wanted = {"diverged": "divergence", "score": "scores", GRADIENT_REACH: "gradients", CLOSED_LOOP: "predictions"}
    place = wanted.get(quantity, "diagnostics" if known and known.role == "diagnostic" else "conditions")
    if kind_of(quantity).startswith("grad_norm") and "gradients" in there:
        place = "gradients"
    return place if place in there else "conditions"


def quantity_name(quantity: str) -> str:
    """ "interquartile mean accuracy": what is averaged is said, since a claim is about no single run."""
    name = labelled(quantity)
    return f"interquartile mean of the {name}" if name.startswith("mean ") else f"interquartile mean {name}"


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


def _limit(verdict: Verdict) -> str:
    claim = verdict.claim
    limit = (claim.than or 0.0) + (claim.by if claim.direction == "higher" else -claim.by)
    return f"{'above' if claim.direction == 'higher' else 'below'} {number(limit)}"


def _value(value: float, quantity: str) -> str:
    if quantity == "score" and math.isfinite(value):
        return near_one(value)
    return ranked(value)


def _signed(value: float, plain: bool) -> str:
    text = number(value)
    return text if plain or value <= 0 or not math.isfinite(value) else f"+{text}"


def _lower(text: str) -> str:
    return text[:1].lower() + text[1:]
