"""What the page says, as plain frozen data: numbers -> view model.  No HTML and no figures.

view = view_of(study)       Study -> View
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab.records import TaskFacts
from rnnlab.report import statistics
from rnnlab.report.conditions import Condition, Design, design_of
from rnnlab.report.headlines import headline
from rnnlab.report.read import Problem, Run, Study

# Every interval draws from its own generator with this seed: conditions with the same number of runs are resampled
# alike, and one more condition in a study changes no other interval.
BOOTSTRAP_SEED = 0

# Metrics of a task that stand beside its losses where it has them; lower is better.
ERRORS = ("mse_closed_loop", "perplexity")

# Provenance that may differ from run to run without meaning anything.
FLEETING = ("started", "finished", "time", "date", "command", "argv", "pid", "host", "pack_width")


@dataclass(frozen=True)
class Estimate:
    """A median over runs with its 95 % percentile bootstrap interval; no interval under five runs."""

    median: float
    interval: tuple[float, float] | None
    n: int


@dataclass(frozen=True)
class Rate:
    """count of total, with its 95 % Wilson interval."""

    count: int
    total: int
    interval: tuple[float, float]


@dataclass(frozen=True)
class ConditionView:
    """One row of the table of conditions.  n counts every run that left a record, failed ones too."""

    condition: Condition
    n: int
    n_completed: int
    n_learned: int
    diverged: Rate
    scores: tuple[float, ...]  # the bounded score of each completed run, in the order of condition.completed
    score: Estimate
    score_iqm: float
    eval_loss: Estimate
    train_loss: Estimate
    task_score: Estimate
    errors: Mapping[str, Estimate]  # what else of ERRORS the task measures

    @property
    def name(self) -> str:
        return self.condition.name


@dataclass(frozen=True)
class TaskView:
    facts: TaskFacts
    headline: tuple[str, ...]  # sentences
    conditions: tuple[ConditionView, ...]
    baselines: Mapping[str, float]  # naive_loss, persistence_loss, naive_accuracy, ...: the median over runs

    @property
    def infinite_score(self) -> str:
        """What an infinite median of the task's own metric says: a closed loop explodes also when training did not."""
        return "not finite" if self.facts.score in ERRORS else "diverged"

    @property
    def error_names(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(name for view in self.conditions for name in view.errors))

    @property
    def baseline_losses(self) -> dict[str, float]:
        return losses_of(self.baselines)


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
    tasks: tuple[TaskView, ...]
    axes: tuple[str, ...]  # the columns of the table of conditions; the task is not one, it has a table each
    constants: tuple[tuple[str, str], ...]
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]
    made: tuple[tuple[str, str], ...]  # how the study was made: command, versions, hash
    design: Design


def view_of(study: Study) -> View:
    design = design_of(study.members)
    return View(
        name=study.file.study,
        question=study.file.question,
        source=study.file.source,
        counts=_counts(study),
        tasks=tuple(_task(task, design) for task in design.tasks),
        axes=tuple(axis for axis in design.axes if axis != "task.name"),
        constants=design.constants,
        problems=study.problems,
        notes=study.notes,
        made=_made(study),
        design=design,
    )


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
    runs = [run for condition in members for run in condition.completed]
    baselines = _baselines(runs)
    return TaskView(facts, headline(facts, conditions, losses_of(baselines)), conditions, baselines)


def _condition(condition: Condition) -> ConditionView:
    runs = condition.completed
    diverged = np.array([run.diverged for run in runs], bool)
    facts = condition.runs[0].task
    scores = statistics.bounded_score(_metric(runs, "eval_loss"), _metric(runs, "naive_loss"), diverged)

    def estimate_of(metric: str, higher_is_better: bool) -> Estimate:
        return _estimate(statistics.worst_where_diverged(_metric(runs, metric), diverged, higher_is_better))

    return ConditionView(
        condition=condition,
        n=len(condition.runs),
        n_completed=len(runs),
        n_learned=sum(run.outcome == "learned" for run in runs),
        diverged=_rate(int(diverged.sum()), len(runs)),
        scores=tuple(scores.tolist()),
        score=_estimate(scores),
        score_iqm=statistics.interquartile_mean(scores),
        eval_loss=estimate_of("eval_loss", higher_is_better=False),
        train_loss=estimate_of("train_loss", higher_is_better=False),
        task_score=estimate_of(facts.score, facts.higher_is_better),
        errors={
            name: estimate_of(name, higher_is_better=False)
            for name in ERRORS
            if name != facts.score and any(name in run.metrics for run in runs)
        },
    )


def _metric(runs: Sequence[Run], name: str) -> np.ndarray:
    return np.array([run.metrics.get(name, math.nan) for run in runs], float)


def _estimate(values: np.ndarray) -> Estimate:
    rng = np.random.default_rng(BOOTSTRAP_SEED)
    interval = statistics.bootstrap_interval(values, rng)
    return Estimate(statistics.median(values), interval, int(values.size))


def _rate(count: int, total: int) -> Rate:
    return Rate(count, total, statistics.wilson_interval(count, total))


def _baselines(runs: Sequence[Run]) -> dict[str, float]:
    """Metrics that belong to the task and not to the network; a median, as the data may follow the seed."""
    names = dict.fromkeys(name for run in runs for name in run.metrics if name not in ("train_loss", "eval_loss"))
    values = {name: _metric(runs, name) for name in names if name.startswith("naive_") or name.endswith("_loss")}
    medians = {name: statistics.median(column[np.isfinite(column)]) for name, column in values.items()}
    return {name: value for name, value in medians.items() if math.isfinite(value)}


def losses_of(baselines: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in baselines.items() if name.endswith("_loss")}


def _made(study: Study) -> tuple[tuple[str, str], ...]:
    entries = {"command": study.file.command, "study hash (SHA-256)": study.file.study_sha256}
    expected = f", {len(study.file.expected)} expected" if study.file.expected else ""
    entries |= {"runs": f"{len(study.members)} read{expected}"}
    for key, values in study.provenance.items():
        name = key.rpartition(".")[2]
        if name in FLEETING or name.endswith("_s"):
            continue
        entries[key] = values[0] if len(values) == 1 else f"differs between runs: {', '.join(values[:4])}"
    if not study.file.command and len(study.provenance.get("command", ())) == 1:
        entries["command"] = study.provenance["command"][0]
    return tuple((key, value) for key, value in entries.items() if value)
