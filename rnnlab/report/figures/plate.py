"""A figure with the words that belong to it, and its two file forms."""

from __future__ import annotations

import io
import re
import warnings
from dataclasses import dataclass
from typing import Literal

import matplotlib
from matplotlib.figure import Figure

from rnnlab.report.figures.canvas import STYLE

PNG_DPI = 150
Section = Literal["scores", "curves", "predictions", "confusion", "divergence"]


@dataclass(frozen=True)
class Plate:
    """name: the stem of its files.  alt: what the figure shows, in words and numbers, for those who cannot see it."""

    name: str
    section: Section
    title: str
    caption: str
    alt: str
    figure: Figure


def file_stem(section: Section, task: str) -> str:
    """curves-sines; whatever in a task's name could mean something to a file system becomes _."""
    return section + "-" + re.sub(r"[^\w-]", "_", task)


def to_png(plate: Plate) -> bytes:
    return _saved(plate, "png", dpi=PNG_DPI, metadata={"Software": None})


def to_svg(plate: Plate) -> str:
    """The same bytes for the same figure: no date, and identifiers salted by the name instead of at random.

    The salt also keeps the identifiers of several figures apart when they stand in one page.
    """
    return _saved(plate, "svg", metadata={"Date": None}).decode()


def inlined(svg: str) -> str:
    """The bare <svg> element of an SVG file, without a size of its own: the page's style gives it one."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # "axes_1" would occur once in every figure; nothing refers to it
    head, rest = svg.split(">", 1)
    return re.sub(r' (width|height)="[^"]*"', "", head) + ">" + rest


def _saved(plate: Plate, form: str, **options) -> bytes:
    target = io.BytesIO()
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": plate.name}), warnings.catch_warnings():
        # A letter that the font lacks is drawn as a box; the page itself says it in text.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        plate.figure.savefig(target, format=form, **options)
    return target.getvalue()
