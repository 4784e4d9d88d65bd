"""A page over all studies of a folder: rnnlab-report outputs/."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from rnnlab.records.files import write_text
from rnnlab.report.page.explore.blocks import Blocks, blocks_of_index, members_of
from rnnlab.report.page.explore.columns import Member
from rnnlab.report.page.summary import Summary, read_summary
from rnnlab.report.page.templating import render, script
from rnnlab.report.page.write import write_report
from rnnlab.report.reading.cache import PAGES, REPORT, Form
from rnnlab.report.reading.folders import StudyError, study_folders
from rnnlab.report.reading.read import read_study
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
    n_runs: int = 0
    n_diverged: int = 0
    n_missing: int = 0
    verdicts: tuple[tuple[Judgement, str], ...] = ()  # and the claim
    headlines: tuple[tuple[str, str], ...] = ()  # task, its first sentence and that of its pairs

    @property
    def is_study(self) -> bool:
        """Whether it asks a question.  What does not was tried out: such folders share a table."""
        return bool(self.question or self.verdicts)

    @property
    def tally(self) -> list[tuple[Judgement, int]]:
        counts = Counter(judgement for judgement, _ in self.verdicts)
        return [(judgement, counts[judgement]) for judgement in SIGNS if judgement in counts]


def write_index(
    folder: Path, form: Form = "html", force: bool = False, say: Callable[[str], None] = lambda line: None
) -> Path:
    """Write the report of every study in `folder`, and the page over them.  Raises OSError."""
    entries, members, axes = [], list[Member](), dict[str, None]()
    for study in study_folders(folder):
        try:
            page = write_report(study, form, force)
            summary = read_summary(page.parent)
            if summary is None:  # somebody removed it
                page = write_report(study, form, force=True)
                summary = read_summary(page.parent)
            say(str(page))
            if summary is not None:
                entries.append(_entry(study, summary, form))
                axes |= dict.fromkeys(summary.axes)
            members += members_of(read_study(study), study.name)
        except StudyError as error:
            entries.append(Entry(study.name, reason=str(error)))
    page = folder / INDEX[form]
    template = "index.html.j2" if form == "html" else "index.md.j2"
    blocks = blocks_of_index(members, axes) if form == "html" else Blocks({})
    text = render(
        template,
        script(explore=True) if blocks.library else "",
        blocks.library,
        name=folder.resolve().name,
        entries=entries,
        version=__version__,
        blocks=blocks,
    )
    write_text(page, text)
    return page


def _entry(study: Path, summary: Summary, form: Form) -> Entry:
    return Entry(
        folder=study.name,
        question=summary.question,
        link=f"{quote(study.name)}/{REPORT}/{PAGES[form]}",
        n_runs=summary.n_runs,
        n_diverged=summary.n_diverged,
        n_missing=summary.n_missing,
        verdicts=summary.verdicts,
        headlines=summary.headlines,
    )
