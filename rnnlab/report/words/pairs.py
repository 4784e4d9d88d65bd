"""What pairs of activations show, in sentences.  "Cannot be told apart" claims no more than what was tested.

The interval that is said is that of the median difference over seeds, where seeds pair: what a typical seed shows.
Whether two differ at all is decided by sign flips; the table has the interval of the mean, which rare seeds can move.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnnlab.report.judging.pairs import Pair
from rnnlab.report.words.intervals import Interval, Unit
from rnnlab.report.words.wording import listed

SCORE = Unit()
MOST_SENTENCES = 12


def pair_sentences(pairs: Sequence[Pair]) -> dict[str, tuple[str, ...]]:
    """By task: what is above what, then what cannot be told apart; about MOST_SENTENCES in all."""
    pairs = by_score(pairs)
    tasks = list(dict.fromkeys(pair.task for pair in pairs))
    most = max(2, MOST_SENTENCES // max(len(tasks), 1))
    found = {}
    for task in tasks:
        sentences = _of_task([pair for pair in pairs if pair.task == task])
        more = [f"The table has {len(sentences) - most + 1} more."] if len(sentences) > most else []
        found[task] = tuple(sentences[: most - len(more)] + more)
    return found


def by_score(pairs: Sequence[Pair]) -> list[Pair]:
    """Without those by the tasks' own measures, which the table has."""
    return [pair for pair in pairs if pair.quantity == "score"]


def shown_interval(pair: Pair) -> Interval:
    """Of the median difference over seeds; of the mean, allowing for rare events, where seeds do not pair."""
    return pair.part.typical or pair.part.decision.with_rare_events


def median_difference(pair: Pair) -> float:
    """Over seeds, where they pair; else the difference of the means."""
    sample = pair.part.sample
    if sample is None or sample.scored.against is None:
        return math.nan
    if not sample.paired:
        return pair.part.decision.estimate
    of, against = sample.scored.of, sample.scored.against
    with np.errstate(invalid="ignore"):
        return float(np.median(np.where(of == against, 0.0, of - against)))  # two infinite losses do not differ


def is_above(pair: Pair) -> bool | None:
    """Whether the first of the two is shown to be above the second; None where they cannot be told apart."""
    return {"supported": True, "refuted": False}.get(pair.part.decision.judgement)


def pair_finding(pair: Pair) -> str:
    """For a table: "tanh is above", "cannot be told apart", "too few seeds", "no data"."""
    above = is_above(pair)
    if above is not None:
        return f"{pair.of if above else pair.against} is above"
    reason = pair.part.decision.reason
    return reason if reason in ("too few seeds", "no data") else "cannot be told apart"


def pair_words(pair: Pair) -> str:
    """One pair by itself."""
    decision = pair.part.decision
    if pair.part.sample is None:
        return f"{pair.of} and {pair.against} have no seeds that can be compared"
    if decision.reason == "too few seeds":
        return f"{pair.of} and {pair.against}: {decision.n_scored} seeds are too few to tell"
    if is_above(pair) is None:
        interval = SCORE.interval(shown_interval(pair))
        return f"{pair.of} and {pair.against} cannot be told apart: {_what(pair)} is {interval}"
    first, second = (pair.of, pair.against) if is_above(pair) else (pair.against, pair.of)
    return f"{first} is above {second} {_by(pair)}"


def _of_task(pairs: Sequence[Pair]) -> list[str]:
    """One sentence for each label that is above others, the one above most first; then the pairs that are open."""
    below: dict[str, list[str]] = {}
    for pair in pairs:
        above = is_above(pair)
        if above is not None:
            first, second = (pair.of, pair.against) if above else (pair.against, pair.of)
            below.setdefault(first, []).append(f"{second} {_by(pair)}")
    winners = sorted(below, key=lambda label: -len(below[label]))
    few = [pair for pair in pairs if pair.part.decision.reason == "too few seeds"]
    if len(few) == len(pairs) > 1:
        return [f"{max(pair.part.decision.n_scored for pair in few)} seeds are too few to tell any two apart."]
    sentences = [f"{label} is above {listed(below[label])}." for label in winners]
    return sentences + _open([pair for pair in pairs if is_above(pair) is None], len(pairs))


def _open(pairs: Sequence[Pair], n_pairs: int) -> list[str]:
    """What cannot be told apart, one sentence for each label that comes first in several pairs."""
    known = [pair for pair in pairs if pair.part.sample is not None]
    if len(pairs) == n_pairs > 3 and len(known) == n_pairs:
        labels = {label for pair in pairs for label in (pair.of, pair.against)}
        ends = [shown_interval(pair) for pair in pairs]
        all_of_them = SCORE.interval((min(low for low, _ in ends), max(high for _, high in ends)))
        return [f"No two of the {len(labels)} can be told apart: all intervals lie within {all_of_them}."]
    sentences = []
    for label in dict.fromkeys(pair.of for pair in pairs):
        own = [pair for pair in pairs if pair.of == label]
        if len(own) == 1 or any(pair.part.sample is None for pair in own):
            sentences += [f"{pair_words(pair)}." for pair in own]
        else:
            others = [f"{pair.against} ({SCORE.interval(shown_interval(pair))})" for pair in own]
            sentences.append(f"{label} cannot be told apart from {listed(others)}.")
    return sentences


def _by(pair: Pair) -> str:
    """By how much the upper one is above the lower one.  Where the two differ and the median seed may not, that is
    said."""
    (low, high), middle = shown_interval(pair), median_difference(pair)
    if not is_above(pair):
        low, high, middle = -high, -low, -middle
    if low > 0:
        return f"by {SCORE(middle)} ({SCORE.interval((low, high))})"
    return f"in most seeds (median {SCORE.interval((low, high))})"


def _what(pair: Pair) -> str:
    return "the median difference of a seed" if pair.part.sample and pair.part.sample.paired else "the difference"
