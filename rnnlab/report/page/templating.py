"""The Jinja2 templates of the report, which escape whatever they are given, and the words for numbers in them."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import Any

import jinja2

from rnnlab.records.claims import Claim
from rnnlab.records.metrics import labelled, title_of
from rnnlab.report.judging.estimates import Estimate, Rate
from rnnlab.report.judging.verdicts import Part, Verdict
from rnnlab.report.page import markdown
from rnnlab.report.page.texts import as_markdown
from rnnlab.report.words import details, pairs, remarks, sentences, wording
from rnnlab.report.words.headlines import headline
from rnnlab.statistics.decision import Judgement

TEMPLATES = Path(__file__).parent / "templates"


def render(template: str, script: str = "", **values: Any) -> str:
    """The template as text.  The page's one script is allowed by its hash; nothing else on the page can run."""
    script_hash = f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'" if script else ""
    return _environment().get_template(template).render(script=script, script_hash=script_hash, **values)


def script(name: str) -> str:
    return (TEMPLATES / name).read_text(encoding="utf-8")


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=lambda name: name is not None and ".html" in name,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    for name in ("number", "counted", "near_one", "percent", "ranked"):
        environment.filters[name] = getattr(wording, name)
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
    environment.filters |= {"labelled": labelled, "title_of": title_of, "headline": headline}
    environment.filters |= {"text": markdown.text, "code": markdown.code, "code_cell": markdown.code_cell}
    environment.filters |= {"marked": as_markdown}
    return environment


def _found(part: Part, claim: Claim) -> str:
    return sentences.found(claim, part)


def _details(part: Part, verdict: Verdict) -> tuple[tuple[str, str], ...]:
    return details.details(verdict, part)


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
