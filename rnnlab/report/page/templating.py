"""The Jinja2 templates of the report, which escape whatever they are given, and the words for numbers in them."""

from __future__ import annotations

import base64
import hashlib
import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from rnnlab.options import counted
from rnnlab.records.claims import Claim
from rnnlab.records.metrics import labelled, title_of
from rnnlab.report.judging.estimates import Estimate, Rate
from rnnlab.report.judging.labels import short
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.page import markdown
from rnnlab.report.page.texts import as_markdown
from rnnlab.report.words import answer, details, importance, pairs, remarks, sentences, wording
from rnnlab.report.words.headlines import headline
from rnnlab.statistics.decision import Judgement

LONG_WORD = 12  # letters; a longer one may be broken
TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = Path(__file__).parent / "scripts"
ALWAYS = ("data", "selection", "pointing", "marks", "run_table", "figures", "start")
TO_EXPLORE = ("scales", "view", "curves", "scatter", "parallel", "controls", "run_panel", "explore")


def render(template: str, script: str = "", library: str = "", **values: Any) -> str:
    """The template as text.  The page's own script and the library that it carries are allowed by their hashes; nothing
    else on the page can run."""
    hashes = " ".join(_hash(source) for source in (script, library) if source)
    return _environment().get_template(template).render(script=script, script_hash=hashes, **values)


def script(explore: bool) -> str:
    """The scripts of a page as one: the files share one scope, so that none of their names is seen from outside."""
    names = (*TO_EXPLORE, *ALWAYS) if explore else ALWAYS
    sources = [(SCRIPTS / f"{name}.js").read_text(encoding="utf-8") for name in names]
    return '"use strict";\n(() => {\n' + "\n".join(sources) + "})();\n"


def _hash(source: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(source.encode()).digest()).decode()}'"


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "near_one", "percent", "ranked"):
        environment.filters[name] = getattr(wording, name)
    environment.filters |= {"counted": counted, "answer": answer.answer, "effect": answer.effect}
    environment.filters |= {
        "importance_sentence": importance.importance_sentence,
        "share_words": importance.share_words,
    }
    for name in ("sentence", "section_of", "pair_name"):
        environment.filters[name] = getattr(sentences, name)
    environment.filters |= {
        "found": _found,
        "remarks": remarks.remarks,
        "details": _details,
        "sign": sentences.SIGNS.__getitem__,
    }
    for name in ("pair_sentences", "pair_finding", "median_difference", "shown_interval"):
        environment.filters[name] = getattr(pairs, name)
    environment.filters |= {"interval": pairs.SCORE.interval, "tallied": sentences.tallied}
    environment.globals["judgement_class"] = _judgement_class
    environment.filters |= {"estimate": _estimate, "rate": _rate, "score": _score, "iqm": _iqm}
    environment.filters |= {"short": short, "labelled": labelled, "title_of": title_of, "headline": headline}
    environment.filters |= {"text": markdown.text, "code": markdown.code, "code_cell": markdown.code_cell}
    environment.filters |= {"marked": as_markdown, "breakable": _breakable}
    return environment


def _found(part: Part, claim: Claim) -> str:
    return sentences.found(claim, part)


def _details(part: Part, verdict: Verdict) -> tuple[tuple[str, str], ...]:
    return details.details(verdict, part)


def _breakable(text: str) -> Markup:
    """The text with <wbr> where a long word of it may be broken: after an underscore, after a dot before a letter."""
    words = re.split(r"(\s+)", text)
    parts = ([word] if len(word) <= LONG_WORD else wording.pieces(word) for word in words)
    return Markup("").join(Markup("<wbr>").join(part) for part in parts)


def _judgement_class(judgement: Judgement) -> str:
    """Of the style sheet, where a class is one word."""
    return "no-difference" if judgement == "no difference that matters" else judgement


def _score(estimate: Estimate) -> tuple[str, str]:
    if not estimate.n:
        return "no run", ""
    return wording.near_one(estimate.median), " to ".join(map(wording.near_one, estimate.interval or ()))


def _iqm(found: tuple[float, tuple[float, float] | None]) -> tuple[str, str]:
    return wording.near_one(found[0]), " to ".join(map(wording.near_one, found[1] or ()))


def _estimate(estimate: Estimate, infinite: str = "diverged") -> tuple[str, str]:
    """The median and its interval, an infinity in words."""
    if not estimate.n:
        return "no run", ""
    ends = [wording.ranked(end, infinite) for end in estimate.interval or ()]
    median = wording.ranked(estimate.median, infinite)
    return median, "" if ends == [infinite] * 2 else " to ".join(ends)  # "diverged to diverged" adds nothing


def _rate(rate: Rate) -> tuple[str, str]:
    if not rate.total:
        return "no run", ""
    return f"{rate.count}/{rate.total}", " to ".join(map(wording.percent, rate.interval))
