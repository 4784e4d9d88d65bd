"""How a verdict was decided: everything that its sentence leaves out, as terms and their meaning."""

from __future__ import annotations

from rnnlab.options import counted
from rnnlab.report.judging.samples import Sample
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.words.intervals import level_words, p_words, unit_of_claim
from rnnlab.report.words.sentences import choices, words
from rnnlab.report.words.wording import listed
from rnnlab.statistics.rates import TUNING_SHARE

ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


def details(verdict: Verdict, part: Part) -> tuple[tuple[str, str], ...]:
    """Everything that the sentence leaves out, by term."""
    sample, decision, claim = part.sample, part.decision, verdict.claim
    if sample is None:
        return ()
    unit = unit_of_claim(claim.quantity, claim.against is None)
    level = level_words(decision.level)
    one_of = f", for one of {verdict.n_questions} questions" if verdict.n_questions > 1 else ""
    interval = f"{level} {unit.interval(decision.interval)}, the level at which the verdict was taken{one_of}"
    alone = "share" if claim.kind == "event" else "median"
    rows = [(alone if claim.against is None else "difference", f"{unit(decision.estimate)}; {interval}")]
    if decision.with_rare_events != decision.interval:
        cautious = f"{unit.interval(decision.with_rare_events)}: the interval of the mean"
        rows.append(("with rare events", f"{cautious} if seeds that were not seen may do anything"))
    if part.typical is not None and claim.kind != "event" and part.comparison.against is not None:
        rows.append(("median seed", f"{unit.interval(part.typical)}: the {level} of the median difference (sign test)"))
    rows.append(("p", f"{p_words(decision.p)}{_corrected(verdict, part)}"))
    rows.append(("seeds", _seeds(sample)))
    if len(part.path) > 1:
        rows.append(("looks", _looks(part)))
    if sample.chosen:
        rows.append(("chosen", _chosen(part, sample)))
    if claim.margin is not None:
        because = f": {claim.because}" if claim.because else ""
        rows.append(("margin", f"{unit(claim.margin)}{because}"))
    return tuple(rows)


def _chosen(part: Part, sample: Sample) -> str:
    sides = [f"{label}: {words(chosen.settings)}" for label, chosen in choices(part)]
    n, n_scored = len(sample.seeds), sample.scored.n_seeds
    return (
        f"{'; '.join(sides)}. The first {n - n_scored} of {n} seeds chose ({100 * TUNING_SHARE:.0f}%), by validation; "
        f"the other {n_scored} are scored"
    )


def _seeds(sample: Sample) -> str:
    n = sample.scored.n_seeds
    paired = ""
    if sample.scored.against is not None:
        paired = ", in pairs: the same seeds on both sides" if sample.paired else ", not in pairs"
    settings = f"; the number of a seed is the mean over {sample.n_settings} settings" if sample.n_settings > 1 else ""
    return f"{n}{paired}{settings}"


def _corrected(verdict: Verdict, part: Part) -> str:
    over = [counted(verdict.n_questions, "question")] if verdict.n_questions > 1 else []
    over += ["the looks planned"] if len(part.path) > 1 else []
    return f", corrected for {listed(over)}" if over else ""


def _looks(part: Part) -> str:
    taken = ", ".join(str(step.n_seeds) for step in part.path)
    if part.decision.judgement == "undecided":
        return f"at {taken} seeds; none decided it"
    return f"at {taken} seeds; the {ORDINALS[part.decision.look]}, at {part.decision.n_seeds} seeds, decided it"
