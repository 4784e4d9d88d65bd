"""The stored tables of a page: all that its blocks show, small enough to stand beside it in a repository.

    results/<page>/study.json    question, command, axes, what is missing, alternative texts of the figures
    results/<page>/runs.csv      one row a run: axes, seed, outcome, and the numbers that the page shows
    results/<page>/claims.csv    one row a comparison: that of verdicts.csv in the report, with the claim's source
    results/<page>/<figure>.png

Numbers have six significant digits.  A page is made of what was read from these files, never of the records
themselves, so that both cannot differ.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from rnnlab.options import ConfigError
from rnnlab.records.files import RecordError, read_bytes, to_json
from rnnlab.records.groups import full, known_values, near
from rnnlab.records.metrics import is_baseline
from rnnlab.report.findings.queries import DIVERGED_AT, TUNING, Query, Value, known_names
from rnnlab.report.judging.conditions import TASK
from rnnlab.report.judging.labels import by_value, in_order, written
from rnnlab.report.judging.quantities import quantity, score, tuning_score, updates
from rnnlab.report.judging.verdicts import Verdict
from rnnlab.report.judging.view import View
from rnnlab.report.page.tables import FORMULA_STARTS, safe, verdict_rows
from rnnlab.report.reading.study import Run, Study
from rnnlab.report.words.sentences import pair_name

RESULTS = "results"  # the folder beside the pages
STUDY, RUNS, CLAIMS = "study.json", "runs.csv", "claims.csv"
SEED, OUTCOME, FAILED = "seed", "outcome", "failed"
NUMERICS = "code.numerics"  # the key of a run's config

Key = tuple[Any, ...]  # the values of some settings
Row = Mapping[str, Any]  # of a run; a number, a truth value or text by column, without what the run does not have


@dataclass(frozen=True)
class Stored:
    """folder: where the files are, for complaints.  facts: of study.json.  claims: as text, by column."""

    folder: Path
    facts: Mapping[str, Any]
    runs: tuple[Row, ...]
    claims: tuple[Mapping[str, str], ...]

    @property
    def axes(self) -> tuple[str, ...]:
        return tuple(self.facts["axes"])

    @property
    def completed(self) -> tuple[Row, ...]:
        return tuple(run for run in self.runs if run[OUTCOME] != FAILED)


def values_of(keys: Sequence[str], runs: Iterable[Row]) -> list[Key]:
    """The values of the keys that runs have, each once, in the order in which the report shows them."""
    found = {tuple(run.get(key) for key in keys) for run in runs}
    columns = {key: {str(values[n]) for values in found} for n, key in enumerate(keys)}
    activations = {key: in_order(columns[key]) for key in keys if key.endswith(".activation")}

    def place(values: Key) -> list[Any]:
        pairs = zip(keys, values, strict=True)
        return [activations[key].index(str(value)) if key in activations else by_value(value) for key, value in pairs]

    return sorted(found, key=place)


def texts_of(study: Study, view: View, queries: Sequence[Query], figures: Mapping[str, str]) -> dict[str, str]:
    """The content of the files, by name.  figures: alternative texts by the name of the figure.

    Raises ConfigError for a value that no run has."""
    axes = tuple(dict.fromkeys((TASK, *view.axes, *_named(study, queries))))
    recorded = dict.fromkeys(name for query in queries if query.table for name in query.table.recorded)
    columns = {name: _column(study, name, queries) for name in ("score", *recorded)}
    members = [({TASK: run.task.name} | run.settings | {TASK: run.task.name}, run) for run in study.members]
    members.sort(key=lambda pair: ([by_value(pair[0].get(axis)) for axis in axes], by_value(pair[1].seed)))
    rows = []
    for settings, run in members:
        row: dict[str, Any] = {axis: None if settings.get(axis) is None else written(settings[axis]) for axis in axes}
        row |= {SEED: run.seed, OUTCOME: run.outcome or FAILED}
        rows.append(row | {name: column[run.run_id] for name, column in columns.items() if run.completed})
    facts = {
        "study": view.name,
        "question": view.question,
        "commands": _commands(study, view),
        "numerics": sorted({run.config[NUMERICS] for run in study.members}),
        "axes": list(axes),
        "losses": {task.facts.name: task.facts.loss for task in view.tasks},
        "missing": view.counts.missing,
        "figures": dict(figures),
    }
    return {STUDY: to_json(facts), RUNS: _csv(rows, (*axes, SEED, OUTCOME, *columns)), CLAIMS: _claims(view.verdicts)}


def _named(study: Study, queries: Sequence[Query]) -> list[str]:
    """Keys of tables that vary with the axes: the recurrent weights, where each cell has its own."""
    known = known_values([run.settings for run in study.members])
    asked = [key for query in queries if query.table for key in (*query.table.rows, *query.table.columns)]
    return [key for key in (full(key, known) for key in asked) if len(known.get(key, ())) > 1]


def _column(study: Study, name: str, queries: Sequence[Query]) -> dict[str, float | None]:
    """By run_id; a run that failed has none.  Raises ConfigError where no run has the value."""
    completed = [run for run in study.members if run.completed]
    column = {run.run_id: _number(study, run, name) for run in completed}
    if all(value is None for value in column.values()) and name != "score":
        place = next((query.place for query in queries if query.table and name in query.table.recorded), "")
        measured = [metric for run in completed for metric in run.metrics]
        known = known_names([*measured, *(c for curves in study.curves.values() for c in curves if c != "step")])
        raise ConfigError(f"{place}: values={name!r}; no run has it; there is {', '.join(known)}{near(name, known)}")
    return column


def _number(study: Study, run: Run, name: str) -> float | None:
    """What a run counts with: where it diverged the worst value, but for the answers that need no training."""
    if name == "score":
        return score(run)
    if name == TUNING:
        return tuning_score(run)
    if name == DIVERGED_AT:
        return run.diverged_at_step
    if to := Value(name).threshold:
        return updates(study, run, to)
    if is_baseline(name) and name in run.metrics:
        return run.metrics[name]
    return quantity(study, run, name)


def _commands(study: Study, view: View) -> list[str]:
    """The command of the study.  Where the folder has runs of other commands, too, those come first."""
    asked = [_command(command)] if (command := dict(view.made).get("command")) else []
    if {run.folder for run in study.members} <= set(study.file.expected):
        return asked
    others = dict.fromkeys(map(_command, study.provenance.get("command", ())))
    return [command for command in others if command not in asked] + asked


def _command(command: str) -> str:
    """As a reader would type it: without what belongs to the machine."""
    words = command.removeprefix("python -m ").split(" ")
    return " ".join(_without_place(word) for word in words if not word.strip("'").startswith("hydra."))


def _without_place(word: str) -> str:
    key, equals, value = word.partition("=")
    return f"{key}={Path(value).name}" if equals and Path(value).is_absolute() else word


def _claims(verdicts: Sequence[Verdict]) -> str:
    rows = []
    pairs = [pair_name(part) for verdict in verdicts for part in verdict.parts]
    sources = [verdict.claim.source for verdict in verdicts for _ in verdict.parts]
    for row, pair, source in zip(verdict_rows(verdicts), pairs, sources, strict=True):
        judged = {"claim": row["claim"], "says": row["says"], "source": source, "pair": pair}
        rows.append(judged | {name: value for name, value in row.items() if name not in judged})
    return _csv(rows, tuple(rows[0]) if rows else ())


def _csv(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([safe(column) for column in columns])
    writer.writerows([safe(_entry(row.get(column))) for column in columns] for row in rows)
    return text.getvalue()


def _entry(value: Any) -> Any:
    if not isinstance(value, float):
        return written(value) if isinstance(value, bool) else value
    return str(int(value)) if value.is_integer() and abs(value) < 1e15 else f"{value:.6g}"


# Back again


def read_stored(folder: Path) -> Stored:
    """Raises RecordError."""
    try:
        texts = {name: read_bytes(folder / name).decode() for name in (STUDY, RUNS, CLAIMS)}
    except UnicodeDecodeError as error:
        raise RecordError(f"{folder}: its tables cannot be read ({error})") from None
    return stored_of(folder, texts)


def stored_of(folder: Path, texts: Mapping[str, str]) -> Stored:
    """From the content of the files, by name.  Raises RecordError."""
    try:
        facts = json.loads(texts[STUDY])
        runs = tuple({k: _typed(v) for k, v in row.items() if v != ""} for row in _rows(texts[RUNS]))
        return Stored(folder, facts, runs, tuple(_rows(texts[CLAIMS])))
    except (ValueError, csv.Error) as error:
        raise RecordError(f"{folder}: its tables cannot be read ({error})") from None


def _rows(text: str) -> list[dict[str, str]]:
    header, *body = [*csv.reader(io.StringIO(text, newline=""))] or [[]]
    return [dict(zip(map(_unsafe, header), map(_unsafe, row), strict=True)) for row in body]


def _unsafe(text: str) -> str:
    return text[1:] if text[:1] == "'" and text[1:].startswith(FORMULA_STARTS) else text


@lru_cache(maxsize=1 << 14)  # settings are few, and most of a table
def _typed(text: str) -> Any:
    """A number or a truth value, as it stood in the config; else the text."""
    try:
        value = json.loads(text)
    except ValueError:
        value = {"inf": math.inf, "-inf": -math.inf, "nan": math.nan}.get(text, text)
    return value if isinstance(value, (bool, int, float)) else text
