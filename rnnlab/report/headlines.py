"""The findings of a task in plain sentences, made from numbers alone.

They describe; they do not judge.  "The intervals overlap" is what can be seen, not a test: verdicts on claims that
were stated before the run are another matter, and take the whole study into account.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rnnlab.records import TaskFacts
from rnnlab.report.wording import baseline_name, counted, listed, metric_name, number, ranked

if TYPE_CHECKING:
    from rnnlab.report.view import ConditionView, Estimate


CLOSED_LOOP = "mse_closed_loop"
NAMED = 8  # up to so many conditions are named one by one, more are counted


def headline(facts: TaskFacts, conditions: Sequence[ConditionView], baselines: Mapping[str, float]) -> tuple[str, ...]:
    shown = [view for view in conditions if view.n_completed]
    if not shown:
        return ("No run was completed.",)
    sentences = [
        _hopeless(facts, shown, baselines),
        _best(facts, shown, baselines),
        _optimism(shown),
        _other_way(facts, shown, baselines),
    ]
    sentences += [*_against_baselines(shown, baselines), _ends(shown)]
    return tuple(sentence for sentence in sentences if sentence)


def _hopeless(facts: TaskFacts, shown: Sequence[ConditionView], baselines: Mapping[str, float]) -> str:
    """Said first, because a ranking of failures is easily read as a success."""
    naive = baselines.get("naive_loss")
    if facts.score != CLOSED_LOOP or naive is None or min(view.task_score.median for view in shown) < naive:
        return ""
    return "In closed loop every condition is worse than answering the mean."


def _best(facts: TaskFacts, shown: Sequence[ConditionView], baselines: Mapping[str, float]) -> str:
    metric = metric_name(facts.score)
    sign = -1 if facts.higher_is_better else 1
    medians = [sign * view.task_score.median for view in shown]
    lowest = min(medians)
    if math.isinf(lowest):
        where = "In every condition at" if len(shown) > 1 else "At"
        return f"{where} least half of the runs diverged or have no finite {metric}."
    winners = [view for view, median in zip(shown, medians, strict=True) if median == lowest]
    first = winners[0]
    value = f"{number(first.task_score.median)}, n={first.task_score.n}"
    if facts.score == CLOSED_LOOP:
        value += _naive(baselines)
    if len(shown) == 1:
        return f"{first.name} has a median {metric} of {value}{_interval(first.task_score)}."
    rank = "highest" if facts.higher_is_better else "lowest"
    if len(winners) > 1:
        return f"{listed([view.name for view in winners])} share the {rank} median {metric} ({value})."
    return f"{first.name} has the {rank} median {metric} ({value}){_overlaps(first, shown)}."


def _interval(estimate: Estimate) -> str:
    if estimate.interval is None:
        return "; fewer than 5 runs, so no interval"
    low, high = estimate.interval
    return f" (95% interval {ranked(low)} to {ranked(high)})"


def _overlaps(first: ConditionView, shown: Sequence[ConditionView]) -> str:
    if first.task_score.interval is None:
        return "; fewer than 5 runs, so no interval"
    others = [view for view in shown if view is not first and view.task_score.interval is not None]
    touching = [view.name for view in others if _overlap(view.task_score.interval, first.task_score.interval)]
    if not touching:
        return "; its 95% interval overlaps no other" if others else ""
    if len(touching) == 1:
        return f"; its 95% interval overlaps that of {touching[0]}"
    return f"; its 95% interval overlaps those of {listed(touching)}"


def _overlap(one: tuple[float, float], other: tuple[float, float]) -> bool:
    return one[0] <= other[1] and other[0] <= one[1]


def _optimism(shown: Sequence[ConditionView]) -> str:
    """The best of many conditions looks better than it is, when it is chosen and scored on the same runs."""
    n_labels = len({view.condition.label for view in shown})
    if len(shown) <= n_labels:
        return ""
    return f"This is the best of {len(shown)} conditions, picked by the runs it is scored on, so it flatters."


def _against_baselines(shown: Sequence[ConditionView], baselines: Mapping[str, float]) -> list[str]:
    """A baseline is worth a sentence when some condition does not beat it."""
    sentences = []
    for metric, value in baselines.items():
        better = [view.name for view in shown if view.eval_loss.median < value]
        name = "the naive answer" if metric == "naive_loss" else f"the {baseline_name(metric)} baseline"
        below = f"a median evaluation loss below {name} ({number(value)})"
        if not better:
            sentences.append(f"No condition has {below}.")
        elif len(better) < len(shown):
            who = listed(better) if len(shown) <= NAMED else f"{len(better)} of {len(shown)} conditions"
            sentences.append(f"Only {who} {'has' if len(better) == 1 else 'have'} {below}.")
    return sentences


def _other_way(facts: TaskFacts, shown: Sequence[ConditionView], baselines: Mapping[str, float]) -> str:
    """A forecast is judged in two ways: the score is one of them, and this is the best by the other."""
    if facts.predictions != "series" or len(shown) < 2:
        return ""
    if facts.score == CLOSED_LOOP:
        way, found = "One step ahead", [(view.eval_loss.median, view.name) for view in shown]
    else:
        way, found = (
            "In closed loop",
            [(e[CLOSED_LOOP].median, view.name) for view in shown if CLOSED_LOOP in (e := view.errors)],
        )
    value, name = min(found, default=(math.inf, ""))
    if not math.isfinite(value):
        return ""
    return f"{way} {name} has the lowest median error ({number(value)}{_naive(baselines)})."


def _naive(baselines: Mapping[str, float]) -> str:
    """What the naive answer reaches, where the value before it is a loss of the same kind."""
    return f"; the naive answer has {number(baselines['naive_loss'])}" if "naive_loss" in baselines else ""


def _ends(shown: Sequence[ConditionView]) -> str:
    """How many learned and which activations diverged, all settings of an activation together."""
    n_completed = sum(view.n_completed for view in shown)
    learned = f"{sum(view.n_learned for view in shown)} of {counted(n_completed, 'run')} learned"
    diverged: dict[str, tuple[int, int]] = {}
    for view in shown:
        count, total = diverged.get(view.condition.label, (0, 0))
        diverged[view.condition.label] = count + view.diverged.count, total + view.diverged.total
    places = [f"{count} of {total} with {label}" for label, (count, total) in diverged.items() if count]
    return f"{learned}; diverged: {listed(places)}." if places else f"{learned}; none diverged."
