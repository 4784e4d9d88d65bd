"""All numbers and verdicts that the page shows, as plain frozen data: view_of(study) -> View.

The sentences about them are made in words/, the pictures in figures/, the HTML in page/.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np

from rnnlab.records.metrics import PARAMETERS, is_baseline, metric_of
from rnnlab.records.run import TaskFacts
from rnnlab.report.judging.conditions import Condition, Design, design_of
from rnnlab.report.judging.estimates import Estimate, Rate, estimate_of, rate_of
from rnnlab.report.judging.importance import Importance, importances_of
from rnnlab.report.judging.pairs import Pair, families, pairs_on
from rnnlab.report.judging.quantities import metric, score
from rnnlab.report.judging.standings import Across, Standing, across_tasks, standings_of
from rnnlab.report.judging.verdicts import Verdict, judge
from rnnlab.report.reading.processes import shared_out
from rnnlab.report.reading.study import Problem, Run, Study
from rnnlab.statistics import summaries


@dataclass(frozen=True)
class ConditionView:
    """One row of the table of conditions.  n counts every run that left a record, failed ones too."""

    condition: Condition
    n: int
    n_completed: int
    n_learned: int
    n_parameters: int | None  # of the network; None in records from before it was one of their metrics
    diverged: Rate
    scores: tuple[float, ...]  # the bounded score of each completed run, in the order of condition.completed
    score: Estimate
    score_iqm: float
    test_loss: Estimate | None  # None where no run has one, in records from before test losses
    eval_loss: Estimate
    train_loss: Estimate
    task_score: Estimate
    errors: Mapping[str, Estimate]  # what the task measures beside its score, of which less is better

    @property
    def name(self) -> str:
        return self.condition.name

    @property
    def infinite(self) -> str:
        """What an infinite median means: half of the runs diverged, or half of the values are infinite otherwise."""
        return "diverged" if 2 * self.diverged.count >= self.n_completed else "not finite"


@dataclass(frozen=True)
class TaskView:
    facts: TaskFacts
    conditions: tuple[ConditionView, ...]
    standings: tuple[Standing, ...]  # what is compared: at the learning rate that was chosen for it
    baselines: Mapping[str, float]  # naive_loss, persistence_loss, naive_accuracy, ...: the median over runs

    @property
    def error_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for view in self.conditions for name in view.errors))

    @property
    def has_test_loss(self) -> bool:
        return any(view.test_loss is not None for view in self.conditions)

    @property
    def baseline_losses(self) -> dict[str, float]:
        """On the validation split, as the curves are."""
        losses = {name: value for name, value in self.baselines.items() if name.endswith("_loss")}
        return {name: value for name, value in losses.items() if not name.endswith("_test_loss")}

    @property
    def baseline_test_losses(self) -> dict[str, float]:
        return {name: value for name, value in self.baselines.items() if name.endswith("_test_loss")}


@dataclass(frozen=True)
class Counts:
    """Runs of the study: total = completed + failed + missing."""

    total: int
    completed: int
    diverged: int
    learned: int
    failed: int
    missing: int


@dataclass(frozen=True)
class View:
    name: str
    question: str
    source: str
    counts: Counts
    verdicts: tuple[Verdict, ...]
    pairs: tuple[Pair, ...]  # what is compared, two by two, by task
    tasks: tuple[TaskView, ...]
    across: Across | None
    importances: tuple[Importance, ...]  # what matters: for the score, for divergence
    axes: tuple[str, ...]  # the columns of the table of conditions; the task is not one, it has a table each
    constants: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    made: tuple[tuple[str, str], ...]  # how the study was made: command, versions, hash
    design: Design

    @property
    def tuned(self) -> bool:
        """Whether learning rates were chosen, by seeds that are not scored."""
        return any(standing.rate is not None for task in self.tasks for standing in task.standings)


def view_of(study: Study) -> View:
    design = design_of(study.members, study.following)
    tasks = tuple(_task(task, design) for task in design.tasks)
    pieces: list[Callable[[], Any]] = [partial(_planned_pairs, study, design, *family) for family in families(design)]
    pieces += [partial(judge, study, design), partial(importances_of, design)]
    *pairs, verdicts, importances = shared_out(pieces)
    return View(
        name=study.file.study,
        question=study.file.question,
        source=study.file.source,
        counts=_counts(study),
        verdicts=verdicts,
        pairs=tuple(chain(*pairs)),
        tasks=tasks,
        across=across_tasks([standing for task in tasks for standing in task.standings]),
        importances=importances,
        axes=tuple(axis for axis in design.axes if axis != "task.name"),
        constants=design.keys.constants,
        problems=study.problems,
        notes=study.notes,
        made=_made(study),
        design=design,
    )


def _planned_pairs(study: Study, design: Design, task: str, quantity: str) -> list[Pair]:
    """With the seeds that each would need: the page says them, and they take as long as the tests."""
    pairs = pairs_on(study, design, task, quantity)
    for pair in pairs:
        _ = pair.part.decision.seeds_needed
    return pairs


def _counts(study: Study) -> Counts:
    completed = [run for run in study.members if run.completed]
    missing = sum(problem.kind in ("missing", "unreadable") for problem in study.problems)
    return Counts(
        total=len(study.members) + missing,
        completed=len(completed),
        diverged=sum(run.diverged for run in completed),
        learned=sum(run.outcome == "learned" for run in completed),
        failed=len(study.members) - len(completed),
        missing=missing,
    )


def _task(task: str, design: Design) -> TaskView:
    members = design.of_task(task)
    facts = members[0].runs[0].task
    conditions = tuple(_condition(condition) for condition in members)
    baselines = _baselines([run for condition in members for run in condition.completed])
    standings = standings_of(members, design)
    return TaskView(facts, conditions, standings, baselines)


def _condition(condition: Condition) -> ConditionView:
    runs = condition.completed
    facts = condition.runs[0].task
    scores = np.array([score(run) for run in runs])
    measured = dict.fromkeys(name for run in runs for name in run.metrics)
    errors = [name for name in measured if name != facts.score and _is_error(name)]
    return ConditionView(
        condition=condition,
        n=len(condition.runs),
        n_completed=len(runs),
        n_learned=sum(run.outcome == "learned" for run in runs),
        n_parameters=next((round(run.metrics[PARAMETERS]) for run in runs if PARAMETERS in run.metrics), None),
        diverged=rate_of([run.diverged for run in runs]),
        scores=tuple(scores.tolist()),
        score=estimate_of(scores),
        score_iqm=summaries.interquartile_mean(scores),
        test_loss=_metric(runs, "test_loss") if any(run.has_test_loss for run in runs) else None,
        eval_loss=_metric(runs, "eval_loss"),
        train_loss=_metric(runs, "train_loss"),
        task_score=_metric(runs, facts.score),
        errors={name: _metric(runs, name) for name in errors},
    )


def _is_error(name: str) -> bool:
    """Of a forecast of many steps, the error over all of them, not those of each step."""
    known = metric_of(name)
    return known is not None and known.role == "task" and known.better == "lower" and known.kind == name


def _metric(runs: Sequence[Run], name: str) -> Estimate:
    return estimate_of([metric(run, name) for run in runs])


def _baselines(runs: Sequence[Run]) -> dict[str, float]:
    """The median over runs of each metric of an answer that needs no training: the data may depend on the seed."""
    found = {}
    for name in dict.fromkeys(name for run in runs for name in run.metrics):
        if is_baseline(name):
            column = np.array([run.metrics.get(name, math.nan) for run in runs])
            found[name] = summaries.median(column[np.isfinite(column)])
    return {name: value for name, value in found.items() if math.isfinite(value)}


def _made(study: Study) -> tuple[tuple[str, str], ...]:
    entries = {"command": study.file.command, "study hash (SHA-256)": study.file.study_sha256}
    expected = f", {len(study.file.expected)} expected" if study.file.expected else ""
    entries |= {"runs": f"{len(study.members)} read{expected}"}
    for key, values in study.provenance.items():
        if key != "command":
            entries[key] = values[0] if len(values) == 1 else f"differs between runs: {', '.join(values[:4])}"
    if not study.file.command and len(study.provenance.get("command", ())) == 1:
        entries["command"] = study.provenance["command"][0]
    entries["seeds"] = _seeds(study.members)
    return tuple((key, value) for key, value in entries.items() if value)


def _seeds(runs: Sequence[Run]) -> str:
    """ "0 to 19", or each seed where there are gaps."""
    seeds = sorted({run.seed for run in runs if isinstance(run.seed, int)})
    if len(seeds) > 2 and seeds[-1] - seeds[0] == len(seeds) - 1:
        return f"{seeds[0]} to {seeds[-1]}"
    return ", ".join(map(str, seeds[:20])) + (" ..." if len(seeds) > 20 else "")
