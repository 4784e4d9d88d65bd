"""A page over all studies of a folder: rnnlab-report outputs/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rnnlab.records import run as records
from rnnlab.records.files import write_text
from rnnlab.report.judging.view import view_of
from rnnlab.report.page.page import PAGES, Form, write_report
from rnnlab.report.page.templating import render
from rnnlab.report.reading.cache import REPORT
from rnnlab.report.reading.read import StudyError, read_study
from rnnlab.report.words.headlines import headline
from rnnlab.report.words.pairs import pair_sentences
from rnnlab.report.words.sentences import SIGNS
from rnnlab.statistics.decision import Judgement
from rnnlab.version import __version__

INDEX: dict[Form, str] = {"html": "index.html", "md": "index.md"}


@dataclass(frozen=True)
class Entry:
    """One study; `reason` says why there is no report of it."""

    folder: str
    question: str = ""
    reason: str = ""
    link: str = ""
    picture: str = ""
    alt: str = ""
    n_runs: int = 0
    n_diverged: int = 0
    n_missing: int = 0
    verdicts: tuple[tuple[Judgement, str], ...] = ()  # and the claim
    headlines: tuple[tuple[str, str], ...] = ()  # task, its first sentence and that of its pairs

    @property
    def tally(self) -> list[tuple[Judgement, int]]:
        counts = Counter(judgement for judgement, _ in self.verdicts)
        return [(judgement, counts[judgement]) for judgement in SIGNS if judgement in counts]


def study_folders(folder: Path) -> list[Path]:
    """The studies in a folder; none if the folder is a study itself, or cannot be listed."""
    try:
        inside = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    except OSError:
        return []
    if any((path / records.RUN).exists() for path in inside):
        return []
    return [path for path in inside if path.name != REPORT and any(path.glob(f"*/{records.RUN}"))]


def write_index(
    folder: Path, form: Form = "html", force: bool = False, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Write the report of every study in `folder`, and the page over them.  Raises OSError."""
    entries = []
    for study in study_folders(folder):
        try:
            page = write_report(study, form, force)
            say(str(page))
            entries.append(_entry(study, page))
        except StudyError as error:
            entries.append(Entry(study.name, reason=str(error)))
    page = folder / INDEX[form]
    template = "index.html.j2" if form == "html" else "index.md.j2"
    name = folder.resolve().name
    write_text(page, render(template, name=name, entries=entries, version=__version__))
    return page


def _entry(folder: Path, page: Path) -> Entry:
    study = read_study(folder)
    view = view_of(study)
    picture = folder / REPORT / "figures" / "scores.png"
    of_pairs = pair_sentences(view.pairs)
    headlines = tuple(
        (task.facts.name, " ".join([headline(task)[0], *of_pairs.get(task.facts.name, ())[:1]])) for task in view.tasks
    )
    alt = f"Scores of {view.name}. " + " ".join(f"{task}: {sentence}" for task, sentence in headlines)
    return Entry(
        folder=folder.name,
        question=view.question,
        link=f"{quote(folder.name)}/{REPORT}/{PAGES['md' if page.suffix == '.md' else 'html']}",
        picture=f"{quote(folder.name)}/{REPORT}/figures/scores.png" if picture.exists() else "",
        alt=alt,
        n_runs=view.counts.completed,
        n_diverged=view.counts.diverged,
        n_missing=view.counts.missing + view.counts.failed,
        verdicts=tuple((verdict.judgement, verdict.claim.says) for verdict in view.verdicts),
        headlines=headlines,
    )
