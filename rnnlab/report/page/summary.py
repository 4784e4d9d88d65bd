"""What the page over all studies says of one: kept beside its report, so that the study need not be judged again."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rnnlab.records.files import RecordError, read_json
from rnnlab.report.judging.view import View
from rnnlab.report.words.answer import answer
from rnnlab.report.words.headlines import headline
from rnnlab.report.words.pairs import pair_sentences
from rnnlab.statistics.decision import Judgement

SUMMARY = ".summary.json"  # in the folder of the report


@dataclass(frozen=True)
class Summary:
    """axes: the keys that were swept.  verdicts: each judgement with its claim.  headlines: each task with its first
    sentence and the first one of its pairs."""

    question: str
    answer: str
    axes: tuple[str, ...]
    n_runs: int
    n_diverged: int
    n_missing: int
    verdicts: tuple[tuple[Judgement, str], ...]
    headlines: tuple[tuple[str, str], ...]


def write_summary(report: Path, view: View) -> None:
    of_pairs = pair_sentences(view.pairs)
    summary = Summary(
        question=view.question,
        answer=" ".join(answer(view)),
        axes=view.design.axes,
        n_runs=view.counts.completed,
        n_diverged=view.counts.diverged,
        n_missing=view.counts.missing + view.counts.failed,
        verdicts=tuple((verdict.judgement, verdict.claim.says) for verdict in view.verdicts),
        headlines=tuple(
            (task.facts.name, " ".join([headline(task)[0], *of_pairs.get(task.facts.name, ())[:1]]))
            for task in view.tasks
        ),
    )
    (report / SUMMARY).write_text(json.dumps(asdict(summary)), encoding="utf-8")


def read_summary(report: Path) -> Summary | None:
    """None where there is none that can be read."""
    try:
        content = read_json(report / SUMMARY)
        pairs = {name: tuple(map(tuple, content.pop(name))) for name in ("verdicts", "headlines")}
        return Summary(**content | pairs | {"axes": tuple(content["axes"])})
    except (RecordError, AttributeError, KeyError, TypeError):
        return None
