"""The findings of a task in plain sentences, made from numbers alone.

They describe and do not judge.  Whether two activations differ is said by pairs.py, whether a claim holds by
sentences.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from rnnlab.options import counted
from rnnlab.records.metrics import title_of
from rnnlab.report.judging.estimates import Estimate
from rnnlab.report.judging.quantities import CLOSED_LOOP, better_side, metric
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import ConditionView, TaskView
from rnnlab.report.words.wording import baseline_name, listed, near_one, number
from rnnlab.statistics.summaries import median

LONGEST = 160  # letters of names in a sentence
NAMED = 8  # up to so many conditions are named; more are counted


def headline(task: TaskView) -> tuple[str, ...]:
    """The best by the score comes first, as in the figure; then the best by the task's own measure."""
    shown = [view for view in task.conditions if view.n_completed]
    if not shown:
        return ("No run was completed.",)
    sentences = [
        _hopeless(task, shown),
        _best(task.standings),
        _other_way(task),
        *_against_baselines(task, shown),
        _ends(shown),
    ]
    return tuple(sentence for sentence in sentences if sentence)


def _hopeless(task: TaskView, shown: Sequence[ConditionView]) -> str:
    """It is said first, because a ranking of failures is easily read as a success."""
    naive = _naive_loss(task)
    if task.facts.score != CLOSED_LOOP or naive is None or min(view.task_score.median for view in shown) < naive:
        return ""
    return "In closed loop every condition is worse than answering the mean."


def _best(standings: Sequence[Standing]) -> str:
    ranked_ones = [standing for standing in standings if not math.isnan(standing.score.median)]
    if not ranked_ones:
        return "No run has a score: there is no naive loss to measure against."
    highest = max(standing.score.median for standing in ranked_ones)
    if highest <= 0:
        return "No condition has a median score above 0: none is better than the naive answer in half of its runs."
    winners = [standing for standing in ranked_ones if standing.score.median == highest]
    first = winners[0]
    value = f"{near_one(highest)}, n={first.score.n}"
    if len(ranked_ones) == 1:
        return f"{first.name} has a median score of {value}{_interval(first.score)}."
    how = ", each at the learning rate that its tuning seeds chose" if first.rate is not None else ""
    if len(winners) > 1:
        return f"{_who(winners, ranked_ones)} share the highest median score ({value}){how}."
    best = f"{first.name} has the highest median score ({value}){how}."
    if len(ranked_ones) <= 2:
        return best
    return (
        f"{best} It is the best of {len(ranked_ones)} and was chosen by the same runs, so its score is too optimistic."
    )


def _who(winners: Sequence[Standing], among: Sequence[object]) -> str:
    names = listed([standing.name for standing in winners])
    if len(winners) > 4 or (len(winners) > 1 and len(names) > LONGEST):
        return f"{len(winners)} of {len(among)} conditions"
    return names


def _interval(estimate: Estimate) -> str:
    if estimate.interval is None:
        return "; fewer than 5 runs, so no interval"
    low, high = estimate.interval
    return f" (95% interval {near_one(low)} to {near_one(high)})"


def _against_baselines(task: TaskView, shown: Sequence[ConditionView]) -> list[str]:
    """A sentence for each baseline that some condition does not beat: by test losses, by validation losses where old
    records have no others."""
    tested = [(view.name, view.test_loss.median) for view in shown if view.test_loss is not None]
    on_test = len(tested) == len(shown)
    losses = tested if on_test else [(view.name, view.eval_loss.median) for view in shown]
    sentences = []
    for baseline, value in (task.baseline_test_losses if on_test else task.baseline_losses).items():
        better = [name for name, loss in losses if loss < value]
        answer = baseline_name(baseline)
        answer = "the best constant answer" if answer == "naive" else f"the {answer} baseline"
        below = f"a median {'test' if on_test else 'evaluation'} loss below {answer} ({number(value)})"
        if not better:
            sentences.append(f"No condition has {below}.")
        elif len(better) < len(shown):
            who = listed(better) if len(shown) <= NAMED else f"{len(better)} of {len(shown)} conditions"
            sentences.append(f"Only {who} {'has' if len(better) == 1 else 'have'} {below}.")
    return sentences


def _other_way(task: TaskView) -> str:
    """The best by the task's own measure, where that is not the loss which the score is made of."""
    facts = task.facts
    name = CLOSED_LOOP if facts.score == "eval_loss" else facts.score
    measured = [standing for standing in task.standings if name in standing.runs[0].metrics]
    found = [(median(np.array([metric(run, name) for run in standing.runs])), standing) for standing in measured]
    if len(found) < 2:
        return ""
    higher = better_side(name, facts) == "higher"
    best = (max if higher else min)(value for value, _ in found)
    what = "In closed loop" if name == CLOSED_LOOP else f"By {title_of(name)}"
    if not math.isfinite(best):
        return f"{what} no condition has a finite median."
    winners = [standing for value, standing in found if value == best]
    loss = "error " if name == CLOSED_LOOP else ""
    naive = _naive(task) if name == CLOSED_LOOP else ""
    rank, have = "highest" if higher else "lowest", "have" if len(winners) > 1 else "has"
    return f"{what} {_who(winners, found)} {have} the {rank} median {loss}({number(best)}{naive})."


def _naive(task: TaskView) -> str:
    """What the best constant answer reaches, where the value before it is a loss of the same kind."""
    naive = _naive_loss(task)
    return "" if naive is None else f"; answering the mean has {number(naive)}"


def _naive_loss(task: TaskView) -> float | None:
    """The loss of the best constant answer on the test split; in old records, on the validation split."""
    return task.baselines.get("naive_test_loss", task.baselines.get("naive_loss"))


def _ends(shown: Sequence[ConditionView]) -> str:
    """How many runs learned, and how many diverged with each activation, all settings together."""
    n_completed = sum(view.n_completed for view in shown)
    learned = f"{sum(view.n_learned for view in shown):,} of {counted(n_completed, 'run')} learned"
    diverged: dict[str, tuple[int, int]] = {}
    for view in shown:
        count, total = diverged.get(view.condition.label, (0, 0))
        diverged[view.condition.label] = count + view.diverged.count, total + view.diverged.total
    places = [f"{count} of {total} with {label}" for label, (count, total) in diverged.items() if count]
    together = ", all settings together" if len(shown) > len(diverged) else ""
    return f"{learned}; diverged{together}: {listed(places)}." if places else f"{learned}; none diverged."
