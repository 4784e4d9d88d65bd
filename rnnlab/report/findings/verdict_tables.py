"""Tables of verdicts from stored claims: of one study, and of all studies of a folder."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, groupby

from rnnlab.options import counted
from rnnlab.records.claims import UPDATES
from rnnlab.records.metrics import title_of
from rnnlab.report.findings.marks import Entry, legend, marked
from rnnlab.report.findings.stored import CLAIMS, FAILED, OUTCOME, RESULTS, RUNS, Row, Stored, values_of
from rnnlab.report.judging.labels import short, written
from rnnlab.report.judging.reasons import NoRuns
from rnnlab.report.page import markdown
from rnnlab.report.words.intervals import estimate_words, p_words
from rnnlab.report.words.sentences import SIGNS, tallied
from rnnlab.report.words.wording import listed, spanned

LONGEST_ALT = 500  # letters of the alternative text of a figure
_SIGNS: Mapping[str, str] = {str(judgement): sign for judgement, sign in SIGNS.items()}


def runs_lines(stored: Stored, page: str) -> list[str]:
    """What was run, and where its tables are.  page: the stem of its name."""
    outcomes = Counter(run[OUTCOME] for run in stored.runs)
    ended = [f"{outcomes['learned']:,} learned", f"{outcomes['diverged']:,} diverged"]
    ended += [f"{outcomes[FAILED]:,} failed"] if outcomes[FAILED] else []
    ended += [f"{stored.facts['missing']:,} missing"] if stored.facts["missing"] else []
    folder, numerics = f"{RESULTS}/{page}", listed([str(number) for number in stored.facts["numerics"]])
    lines = [f"- Command: {markdown.code(command)}" for command in stored.facts["commands"]]
    lines += [f"- Runs: {len(stored.runs):,}, {_seeds(stored)}; {', '.join(ended)}"]
    lines += [f"- {markdown.text(short(axis, stored.axes))}: {_values(stored.runs, axis)}" for axis in stored.axes]
    files = f"[{RUNS}]({folder}/{RUNS})" + (f", [{CLAIMS}]({folder}/{CLAIMS})" if stored.claims else "")
    return [*lines, f"- Computed by version {numerics} of rnnlab's numerics; every number of the tables: {files}"]


def _seeds(stored: Stored) -> str:
    """ "20 to 80 seeds of a condition"."""
    counts = Counter(tuple(run.get(axis) for axis in stored.axes) for run in stored.runs).values()
    return f"{spanned(counts, 'seed')} of {'each' if min(counts) == max(counts) else 'a'} condition"


def _values(runs: Sequence[Row], axis: str) -> str:
    return ", ".join(markdown.cell(written(value)) for (value,) in values_of((axis,), runs))


def claims_lines(stored: Stored) -> list[str]:
    """One row a claim; of several comparisons one row each, below it."""
    claims = _by_claim(stored.claims)
    if not claims:
        return ["The study makes no claim."]
    lines = ["| claim | source | found | p | seeds | verdict |", "|---|---|---|---|---|---|"]
    for own in claims:
        first = own[0]
        if len(own) == 1:
            entries = [first["says"], first["source"], _found(first), _p(first), _n(first), _verdict(first)]
            lines.append(markdown.row(entries))
            continue
        lines.append(markdown.row([first["says"], first["source"], _agreeing(own), "", "", _signed(first)]))
        lines += [markdown.row([f"... {one['pair']}", "", _found(one), _p(one), _n(one), _verdict(one)]) for one in own]
    notes = [_corrected(stored.claims), legend(row for own in claims for row in own)]
    return [*lines, "", " ".join(filter(None, notes))]


def _corrected(claims: Sequence[Entry]) -> str:
    n = int(claims[0]["n_questions"])
    over = f"{counted(n, 'question')} and the looks planned" if n > 1 else "the looks planned"
    text = f"p is corrected for {over}; an interval is at the level at which its verdict was taken."
    if any(int(claim["n_scored"]) < int(claim["n_seeds"]) for claim in claims):
        text += " Seeds behind + chose the settings that are tuned, and are not judged."
    return text


def counts_lines(studies: Mapping[str, Stored]) -> list[str]:
    """How many claims of all studies have which verdict."""
    judged = Counter(own[0]["judgement_of_claim"] for stored in studies.values() for own in _by_claim(stored.claims))
    said = [f"{judged[judgement]:,} {tallied(judgement)}" for judgement in SIGNS if judged[judgement]]
    runs = sum(len(stored.runs) for stored in studies.values())
    n = len({stored.facts["study"] for stored in studies.values()})  # one may have a page for each of its sizes
    n_studies = f"{n:,} {'study' if n == 1 else 'studies'}"
    return [f"{n_studies}, {counted(runs, 'run')}, {counted(judged.total(), 'claim')}: {listed(said)}."]


def findings_lines(studies: Mapping[str, Stored], folder: str) -> list[str]:
    """One row a claim of all studies.  folder: of the pages, seen from this one."""
    lines = ["| study | claim | source | verdict | found | seeds |", "|---|---|---|---|---|---|"]
    shown: list[Entry] = []
    for name, stored in studies.items():
        for own in _by_claim(stored.claims):
            first = own[0]
            shown += own
            found, n = (_found(first), _n(first)) if len(own) == 1 else (_agreeing(own), "")
            entries = [first["says"], first["source"], marked(_signed(first), own), found, n]
            lines.append(f"| {page_link(name, folder)} {markdown.row(entries)}")
    notes = legend(shown)
    return [*lines, *(["", notes] if notes else [])]


def page_link(name: str, folder: str) -> str:
    return f"[{markdown.text(name)}]({folder}/{name}.md)"


def pictures_lines(studies: Mapping[str, Stored], folder: str) -> list[str]:
    """Of each study a link to its page, its question, and the first figure of the page."""
    lines: list[str] = []
    for name, stored in studies.items():
        for figure in list(stored.facts["figures"])[:1]:
            question = markdown.text(stored.facts["question"])
            lines += [
                f"{page_link(name, folder)}: {question}" if question else page_link(name, folder),
                "",
                figure_line(stored, figure, f"{folder}/{RESULTS}/{name}"),
            ]
            lines += [""]
    return lines[:-1]


def figure_line(stored: Stored, figure: str, folder: str) -> str:
    """The picture, with the first of its words: a page is read as text, too, and the tables have the numbers."""
    parts = re.split(r"(?<=[.;]) ", stored.facts["figures"][figure].replace("]", ")").replace("[", "("))
    lengths = list(accumulate(len(part) + 1 for part in parts))
    kept = max(1, sum(length <= LONGEST_ALT for length in lengths))
    rest = f"; and {len(parts) - kept} more." if kept < len(parts) else ""
    said = " ".join(parts[:kept])
    return f"![{markdown.text(said.rstrip('.;') if rest else said)}{rest}]({folder}/{figure}.png)"


def _by_claim(claims: Sequence[Entry]) -> list[list[Entry]]:
    """A claim that no run is about is left out: a study at its full size may have only some of the conditions."""
    found = [list(own) for _, own in groupby(claims, key=lambda row: row["claim"])]
    return [own for own in found if any(row["reason"] != NoRuns.label for row in own)]


def _found(row: Entry) -> str:
    estimate = float(row["estimate"])
    if math.isnan(estimate):
        return "not judged"
    interval = float(row["low"]), float(row["high"])
    if row["quantity"] == UPDATES and math.isinf(estimate):
        return f"{title_of(UPDATES)}: most seeds get there with {_values_of(row, first=estimate < 0)} only"
    return f"{title_of(row['quantity'])}: {estimate_words(row['quantity'], row['than'] != '', estimate, interval)}"


def _values_of(row: Entry, first: bool) -> str:
    """ "relu" of "cell.activation=relu"."""
    group = row["of" if first else "against"]
    return " ".join(setting.partition("=")[2] for setting in group.split(" "))


def _agreeing(own: Sequence[Entry]) -> str:
    n = sum(row["judgement"] == row["judgement_of_claim"] for row in own)
    return f"{own[0]['judgement_of_claim']}: {n} of {len(own)} comparisons"


def _p(row: Entry) -> str:
    return "" if math.isnan(float(row["estimate"])) else p_words(float(row["p"])).removeprefix("p ").removeprefix("= ")


def _n(row: Entry) -> str:
    scored, seeds = int(row["n_scored"]), int(row["n_seeds"])
    return f"{scored} + {seeds - scored}" if scored < seeds else str(seeds)


def _verdict(row: Entry) -> str:
    because = f" ({row['reason']})" if row["reason"] else ""
    return marked(f"{_SIGNS[row['judgement']]} {row['judgement']}{because}", [row])


def _signed(row: Entry) -> str:
    """The verdict of the claim as a whole."""
    return f"{_SIGNS[row['judgement_of_claim']]} {row['judgement_of_claim']}"
