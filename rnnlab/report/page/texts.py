"""The texts that networks wrote, beside the right ones, with the wrong letters marked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from rnnlab.records.files import RecordError
from rnnlab.report.figures.choice import shown_standings
from rnnlab.report.judging.standings import median_run
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Study

ROOM, MAX_TOKENS, MAX_SAMPLES = 40, 400, 2
LINE_END = "\u21b5\n"


@dataclass(frozen=True)
class Spelling:
    """One run: pieces of (text, whether it is right), in order."""

    name: str
    seed: object
    n_right: int
    n: int
    pieces: tuple[tuple[str, bool], ...]


@dataclass(frozen=True)
class TextPanel:
    task: str
    truth: str
    spellings: tuple[Spelling, ...]
    note: str


def text_panels(study: Study, task: TaskView) -> tuple[TextPanel, ...]:
    """A panel for each right text: where data depend on the seed, runs were asked for different texts."""
    if task.facts.predictions != "text":
        return ()
    standings, cut = shown_standings(task.standings, ROOM)
    found: dict[str, list[Spelling]] = {}
    shortened = False
    for standing in standings:
        run = median_run(standing)
        try:
            table = study.predictions(run.run_id)
            columns = [np.asarray(table[name]) for name in ("sample", "truth", "predicted")]
        except (RecordError, KeyError):
            continue
        samples, truth, predicted = columns[0], columns[1].astype(str), columns[2].astype(str)
        first = np.isin(samples, np.unique(samples)[:MAX_SAMPLES])
        shortened |= len(truth) > int(first.sum()) or int(first.sum()) > MAX_TOKENS
        truth, predicted = truth[first][:MAX_TOKENS], predicted[first][:MAX_TOKENS]
        between = " " if any(len(token) > 1 for token in truth) else ""  # words, not characters
        right = truth == predicted
        pieces = [
            (between.join(map(_seen, (token for token, _ in group))), bool(ok))
            for ok, group in groupby(zip(predicted, right, strict=True), key=lambda pair: pair[1])
        ]
        if between:
            pieces = [(f"{text} ", ok) for text, ok in pieces]
        spelling = Spelling(standing.name, run.seed, int(right.sum()), len(right), tuple(pieces))
        found.setdefault(between.join(map(_seen, truth)), []).append(spelling)
    note = cut + (f" At most {MAX_TOKENS} tokens of the first {MAX_SAMPLES} texts." if shortened else "")
    return tuple(TextPanel(task.facts.name, truth, tuple(many), note.strip()) for truth, many in found.items())


def _seen(token: str) -> str:
    return token.replace("\n", LINE_END)


def as_markdown(pieces: Sequence[tuple[str, bool]]) -> str:
    """Wrong letters stand between [ and ], as Markdown has no highlighting that works everywhere."""
    return "".join(text if right else f"[{text}]" for text, right in pieces)
