"""What one must know to read a verdict rightly: why it is undecided, what could reverse it, what was at an edge."""

from __future__ import annotations

from rnnlab.options import counted
from rnnlab.records.claims import Claim
from rnnlab.records.metrics import title_of
from rnnlab.report.judging.labels import written
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.words.intervals import Interval, unit_of_claim
from rnnlab.report.words.sentences import choices, limit_words, pair_name
from rnnlab.report.words.wording import listed
from rnnlab.statistics.decision import MOST_SEEDS

DECIDED = ("supported", "refuted")
WIDER = 5.0  # times: then a reader asks why the interval of the mean is so wide


def remarks(verdict: Verdict) -> tuple[str, ...]:
    """What one must know to read the verdict rightly."""
    found = [_why_undecided(verdict, part) for part in verdict.parts if part.sample]
    found += [_small(verdict, part) for part in verdict.parts]
    found += [_typical(verdict, part) for part in verdict.parts]
    found += [_could_reverse(verdict.claim, part) for part in verdict.parts]
    found += [_at_edge(part) for part in verdict.parts]
    found += [_unmeasured(verdict.claim, part) for part in verdict.parts]
    return tuple(dict.fromkeys(remark for remark in found if remark))


def _why_undecided(verdict: Verdict, part: Part) -> str:
    """Why, and how many seeds would decide."""
    decision, claim, sample = part.decision, verdict.claim, part.sample
    if decision.judgement != "undecided" or sample is None:
        return ""
    match decision.reason:
        case "too few seeds":
            as_one = f" as one of {verdict.n_questions} questions" if verdict.n_questions > 1 else ""
            why = f"{decision.n_scored} seeds are too few to decide it{as_one}, whatever they show."
        case "one of several claims":
            alone = f"Alone it would be decided at the level of {100 * claim.level:g}%"
            why = f"{alone}; as one of {verdict.n_questions} questions it is not."
        case _:
            limit = limit_words(claim).removeprefix("above ").removeprefix("below ")
            limit = "0" if claim.against is not None and not claim.threshold else limit
            why = f"The interval is too wide: it reaches to both sides of {limit}."
    return f"{_who(verdict, part)}{why} {_seeds_needed(claim, part)}"


def _seeds_needed(claim: Claim, part: Part) -> str:
    needed, n_seeds = part.decision.seeds_needed, part.decision.n_seeds
    if needed is not None:
        if needed <= n_seeds:
            return "At the effect seen, a few more seeds would decide it."
        return f"At the effect seen, about {needed:,} seeds would decide it: seed=range({needed})."
    margin = " Without a margin, no number of seeds can show that there is no difference." if not claim.margin else ""
    return f"At the effect seen, not even {MOST_SEEDS:,} seeds would decide it.{margin}"


def _small(verdict: Verdict, part: Part) -> str:
    """Said where a difference is certain, and what was seen of it would not matter."""
    claim, decision = verdict.claim, part.decision
    if claim.margin is None or not is_small(decision.judgement, decision.estimate, claim.than or 0.0, claim.margin):
        return ""
    unit = unit_of_claim(claim.quantity, claim.against is None)
    margin = unit(claim.margin)
    return f"{_who(verdict, part)}There is a difference, but what was seen of it is below the margin ({margin})."


def _typical(verdict: Verdict, part: Part) -> str:
    """Said where it is undecided only because of what rare seeds could do to the mean."""
    claim, decision, typical = verdict.claim, part.decision, part.typical
    if decision.judgement != "undecided" or claim.kind != "bounded" or claim.against is None or typical is None:
        return ""
    (low, high), (mean_low, mean_high) = typical, decision.interval
    if not WIDER * (high - low) < mean_high - mean_low:
        return ""
    unit = unit_of_claim(claim.quantity, alone=False)
    seed = (
        f"{_who(verdict, part)}The median difference of a seed is {unit.interval(typical)} {unit.name}".rstrip() + "."
    )
    return f"{seed} The interval of the mean is wider: events that {decision.n_scored} seeds did not show can move it."


def _could_reverse(claim: Claim, part: Part) -> str:
    """Said where the interval that allows for rare events reaches to the other side of what was concluded."""
    decision = part.decision
    is_higher = claim.direction == "higher"
    if not could_be_reversed(
        decision.judgement, is_higher, claim.threshold, decision.interval, decision.with_rare_events
    ):
        return ""
    return f"A rare failure that {decision.n_scored} seeds did not show could still reverse it."


def is_small(judgement: str, estimate: float, than: float, margin: float) -> bool:
    """Whether a verdict was reached on a difference, from 0 or from a number, that was seen below the margin."""
    return judgement in DECIDED and abs(estimate - than) < margin


def could_be_reversed(
    judgement: str, is_higher: bool, threshold: float, interval: Interval, with_rare_events: Interval
) -> bool:
    """Whether the interval that allows for rare events reaches to the other side of what was concluded.

    is_higher: what is claimed.  threshold: the number from which on the claim holds."""
    if judgement not in DECIDED or interval == with_rare_events:
        return False
    low, high = with_rare_events
    return low < threshold if (judgement == "supported") == is_higher else high > threshold


def _unmeasured(claim: Claim, part: Part) -> str:
    """Said where runs diverged before a diagnostic was measured."""
    n = part.sample.n_unmeasured if part.sample else 0
    if not n:
        return ""
    title, its = title_of(claim.quantity), "its seed is" if n == 1 else "their seeds are"
    return f"{counted(n, 'run')} diverged before the {title} was measured; {its} left out."


def _at_edge(part: Part) -> str:
    edges = [
        f"{label} chose {key.rpartition('.')[2]} {written(chosen.settings[key])}"
        for label, chosen in choices(part)
        for key in chosen.at_edge
    ]
    if not edges:
        return ""
    return f"A better value may lie outside those tried: {listed(edges)}, the end of the grid."


def _who(verdict: Verdict, part: Part) -> str:
    return f"{pair_name(part)}: " if len(verdict.parts) > 1 else ""
