"""What a sweep without claims is asked: do any two activations (or whatever is compared) differ, and by how much?

All pairs of a task are one family: the difference of the scores, matched and paired as for a claim.  The task's own
measure (accuracy, skill, ...) is another family, in its own unit.  A task in which all runs have the same score has no
pairs: nothing was learned, or nothing was trained.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from rnnlab.records.claims import Claim
from rnnlab.report.judging.conditions import ACTIVATION, TASK, Condition, Design
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.verdicts import Part, verdicts_on
from rnnlab.report.reading.study import Study

MOST_PAIRS = 120  # of a task: sixteen activations


@dataclass(frozen=True)
class Pair:
    """Two labels on a task; the difference is that of the first and the second."""

    task: str
    quantity: str
    of: str
    against: str
    part: Part


def pairs_of(study: Study, design: Design) -> tuple[Pair, ...]:
    """All pairs of labels by task, in the order of the design; none where only one thing is compared."""
    return tuple(pair for family in families(design) for pair in pairs_on(study, design, *family))


def families(design: Design) -> list[tuple[str, str]]:
    """The tasks, each with the quantities whose pairs are judged together."""
    found = []
    for task in design.tasks:
        runs = [run for condition in design.of_task(task) for run in condition.completed]
        if len({score(run) for run in runs}) > 1:
            own = runs[0].task.score
            found += [(task, "score"), *([(task, own)] if own in runs[0].metrics and own != "score" else [])]
    return found


def pairs_on(study: Study, design: Design, task: str, quantity: str) -> list[Pair]:
    """The pairs of one family."""
    groups = {condition.label: _group(condition, design) for condition in design.of_task(task)}
    pairs = list(combinations(groups, 2))[:MOST_PAIRS]
    claims = [
        Claim("", quantity, groups[of], "higher", against=groups[against], where={TASK: task}) for of, against in pairs
    ]
    verdicts = verdicts_on(study, design, claims)
    return [Pair(task, quantity, *pair, each.parts[0]) for pair, each in zip(pairs, verdicts, strict=True)]


def _group(condition: Condition, design: Design) -> Mapping[str, Any]:
    """What tells a label from the others: the value compared, and the parameters of an activation."""
    keys = design.keys
    own = [keys.compared, *(keys.parameters if keys.compared == ACTIVATION else ())]
    return {key: condition.values[key] for key in own if condition.values.get(key) is not None}
