"""The tables of the report as CSV text: verdicts.csv, pairs.csv, conditions.csv and runs.csv.

The rows of verdicts and pairs are what rnnlab.load gives, too; docs/python.md lists their columns.

They may be opened in a spreadsheet, where a text such as =cmd() is a formula.  So a text that starts with = + - @, a
tab or a line end, and is not a number, gets an apostrophe before it; numbers stay as they are.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rnnlab.report.judging.estimates import Estimate, Rate
from rnnlab.report.judging.labels import written
from rnnlab.report.judging.pairs import Pair
from rnnlab.report.judging.samples import Chosen
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.judging.view import ConditionView, View
from rnnlab.report.reading.study import Study

AT_EDGE = "(at the edge)"  # behind settings that were chosen, of which one is the first or the last tried
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")


def runs_csv(study: Study) -> str:
    """One row per run; an entry that a run does not have is empty, one that is not a number is nan."""
    return _csv(study.rows())


def conditions_csv(view: View) -> str:
    """One row per condition, with every median, interval and count of the page."""
    return _csv(_row(task.facts.name, condition) for task in view.tasks for condition in task.conditions)


def verdicts_csv(verdicts: Sequence[Verdict]) -> str:
    return _csv(verdict_rows(verdicts))


def pairs_csv(pairs: Sequence[Pair]) -> str:
    return _csv(pair_rows(pairs))


def verdict_rows(verdicts: Sequence[Verdict]) -> list[dict[str, Any]]:
    """One row per comparison, in the order of the claims, which are counted from 1."""
    rows = []
    for n, verdict in enumerate(verdicts, start=1):
        claim = verdict.claim
        for part in verdict.parts:
            against = part.comparison.against
            row = {"claim": n, "says": claim.says, "judgement_of_claim": verdict.judgement}
            row |= {"judgement": part.decision.judgement, "quantity": claim.quantity}
            row |= {"of": _group(part.comparison.of), "against": None if against is None else _group(against)}
            row |= {"than": claim.than, "where": _group(claim.where), "is": claim.direction, "by": claim.by}
            row |= {"margin": claim.margin, "n_questions": verdict.n_questions}
            rows.append(row | _part(part))
    return rows


def pair_rows(pairs: Sequence[Pair]) -> list[dict[str, Any]]:
    """One row per pair, task and quantity: that of `of` minus that of `against`."""
    rows = []
    for pair in pairs:
        row = {"task": pair.task, "quantity": pair.quantity, "of": pair.of, "against": pair.against}
        rows.append(row | {"judgement": pair.part.decision.judgement} | _part(pair.part))
    return rows


def _part(part: Part) -> dict[str, Any]:
    """The numbers of a comparison; an interval that leaves zero out and nothing else ends at 5e-324 or -5e-324."""
    decision, sample = part.decision, part.sample
    reason = part.reason.label if part.reason else decision.reason
    row: dict[str, Any] = {"estimate": decision.estimate, "low": decision.interval[0], "high": decision.interval[1]}
    row |= {"level": decision.level}
    row |= {"rare_low": decision.with_rare_events[0], "rare_high": decision.with_rare_events[1]}
    low, high = part.typical or (None, None)
    row |= {
        "typical_low": low,
        "typical_high": high,
        "p": decision.p,
        "n_seeds": decision.n_seeds,
        "n_scored": decision.n_scored,
    }
    row |= {"paired": sample.paired if sample else None, "n_settings": sample.n_settings if sample else None}
    row |= {"reason": reason, "seeds_needed": decision.seeds_needed, "look": decision.look + 1}
    return row | {"chosen": "; ".join(map(_chosen, sample.chosen)) if sample else None}


def _chosen(chosen: Chosen) -> str:
    return f"{_group(chosen.settings)}{f' {AT_EDGE}' if chosen.at_edge else ''}"


def _group(group: Mapping[str, Any]) -> str:
    """ "cell.activation=relu task=sines,sinc"."""
    entries = {key: value if isinstance(value, list) else [value] for key, value in group.items()}
    return " ".join(f"{key}={','.join(map(written, values))}" for key, values in entries.items())


def _row(task: str, view: ConditionView) -> dict[str, Any]:
    row: dict[str, Any] = {"task.name": task} | dict(view.condition.settings)
    row |= {"n": view.n, "n_completed": view.n_completed, "n_learned": view.n_learned}
    row |= {} if view.n_parameters is None else {"n_parameters": view.n_parameters}
    row |= _rate("diverged", view.diverged)
    row |= _estimate("score", view.score) | {"score_iqm": view.score_iqm}
    if view.test_loss is not None:
        row |= _estimate("test_loss", view.test_loss)
    row |= _estimate("eval_loss", view.eval_loss) | _estimate("train_loss", view.train_loss)
    for name, estimate in view.errors.items():
        row |= _estimate(name, estimate)
    return row | {"task_score": view.condition.runs[0].task.score} | _estimate("task_score", view.task_score)


def _estimate(name: str, estimate: Estimate) -> dict[str, Any]:
    low, high = estimate.interval or (None, None)
    return {f"{name}_median": estimate.median, f"{name}_low": low, f"{name}_high": high}


def _rate(name: str, rate: Rate) -> dict[str, Any]:
    return {f"n_{name}": rate.count, f"{name}_low": rate.interval[0], f"{name}_high": rate.interval[1]}


def _csv(rows: Iterable[Mapping[str, Any]]) -> str:
    rows = list(rows)
    columns = list(dict.fromkeys(key for row in rows for key in row))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe(column) for column in columns])
    writer.writerows([safe(row.get(column)) for column in columns] for row in rows)
    return text.getvalue()


def safe(value: Any) -> Any:
    """The value for a cell of a CSV file, so that no spreadsheet takes it for a formula."""
    if not isinstance(value, str) or not value.startswith(FORMULA_STARTS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
