"""What single runs answered, and how their gradients went back through time: of some runs, as one page cannot hold all.

Of each condition the run of the median score comes first, then those further and further from it, as long as there is
room.  Tables are thinned to what a picture of a hand's width shows.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from rnnlab.records.files import RecordError
from rnnlab.report.figures.choice import evenly
from rnnlab.report.judging.conditions import Design
from rnnlab.report.judging.quantities import score, top_layer_gradient
from rnnlab.report.reading.study import Run, Study

MAX_RUNS = 120
MAX_NUMBERS = 160_000  # in all of them together
MAX_POINTS, MAX_TOKENS, MAX_CLASSES = 160, 300, 40
MAX_GRADIENT_STEPS, MAX_TIMES = 4, 50
DIGITS = 4

Table = Mapping[str, np.ndarray]


def examples(study: Study, design: Design) -> dict[int, dict[str, Any]]:
    """By the place of the run in study.members: its predictions, and its gradients where there are any."""
    found: dict[int, dict[str, Any]] = {}
    room = MAX_NUMBERS
    for run in chosen(design, MAX_RUNS):
        example = {"predictions": _predictions(study, run), "gradients": _gradients(study, run)}
        example = {name: part for name, part in example.items() if part}
        room -= _size(example)
        if room < 0:
            break
        if example:
            found[study.places[run.run_id]] = example
    return found


def chosen(design: Design, most: int) -> list[Run]:
    """The runs, the first of each condition before the second of any."""
    ranked = [_from_the_middle(condition.completed) for condition in design.conditions]
    depth = max(map(len, ranked), default=0)
    return [runs[k] for k in range(depth) for runs in ranked if k < len(runs)][:most]


def _from_the_middle(runs: Sequence[Run]) -> list[Run]:
    """The runs from the median of the scores outwards."""
    ordered = sorted(runs, key=lambda run: (math.isnan(score(run)), score(run)))
    middle = (len(ordered) - 1) / 2
    return [ordered[n] for n in sorted(range(len(ordered)), key=lambda n: abs(n - middle))]


def _predictions(study: Study, run: Run) -> dict[str, Any]:
    try:
        table = study.predictions(run.run_id)
        kind = {"series": _series, "classes": _classes, "text": _text}.get(run.task.predictions)
        return kind(table) if kind else {}
    except (RecordError, KeyError):
        return {}


def _series(table: Table) -> dict[str, Any]:
    """A stretch from the beginning: truth, and each answer beside it."""
    t = table["t"][:MAX_POINTS]
    lines = {name: _numbers(column[:MAX_POINTS]) for name, column in table.items() if name != "t"}
    lines = {name: line for name, line in lines.items() if any(value is not None for value in line)}
    times = _numbers(t) if t.dtype.kind in "if" else t.tolist()
    return {"kind": "series", "t": times, "lines": lines, "n": len(table["t"])}


def _classes(table: Table) -> dict[str, Any]:
    """How often each class was answered where each class was right.  Classes are numbers, or names as soon as one of
    them is no number."""
    columns = [table["label"], table["predicted"]]
    if any(column.dtype.kind not in "iuf" for column in columns):
        columns = [column.astype(str) for column in columns]
    truth, answer = (column.tolist() for column in columns)
    names = sorted({*truth, *answer})
    if len(names) > MAX_CLASSES:
        return {}
    counts = Counter(zip(truth, answer, strict=True))
    rows = [[counts[one, other] for other in names] for one in names]
    return {"kind": "classes", "names": [str(name) for name in names], "counts": rows}


def _text(table: Table) -> dict[str, Any]:
    truth, answer = (table[name].astype(str)[:MAX_TOKENS].tolist() for name in ("truth", "predicted"))
    between = " " if any(len(token) > 1 for token in truth) else ""  # words, not characters
    return {"kind": "text", "truth": truth, "answer": answer, "between": between, "n": len(table["truth"])}


def _gradients(study: Study, run: Run) -> dict[str, Any]:
    """The norm of dL/dh[t] in the top layer, by training step and time."""
    if not study.has_gradients(run.run_id):
        return {}
    try:
        steps, times, norms = top_layer_gradient(study, run)
    except (RecordError, KeyError, ValueError):
        return {}
    rows, columns = evenly(range(len(steps)), MAX_GRADIENT_STEPS), evenly(range(len(times)), MAX_TIMES)
    lines = {str(int(steps[n])): _numbers(norms[n, columns]) for n in rows}
    return {"t": _numbers(times[columns]), "norms": lines}


def _numbers(values: Iterable[Any]) -> list[float | None]:
    return [float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None for value in values]


def _size(part: Any) -> int:
    """The numbers and texts in nested lists and dicts."""
    if isinstance(part, dict):
        return sum(map(_size, part.values()))
    return sum(map(_size, part)) if isinstance(part, list) else 1
