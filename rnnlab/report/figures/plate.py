"""A figure with the words that belong to it, and its two file forms."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from rnnlab.report.figures.canvas import STYLE, WIDTH
from rnnlab.report.figures.pointed import marked

PNG_DPI = 150
LONGEST_STEM = 200  # bytes; a file system takes names of 255
GLYPH = re.compile(r"Glyph (\d+) .*missing from font")


@dataclass(frozen=True)
class Plate:
    """name: the stem of its files.  section: the part of the page that it belongs to.  alt: what the figure shows, in
    words and numbers, for those who cannot see it."""

    name: str
    section: str
    title: str
    caption: str
    alt: str
    figure: Figure


def file_stem(section: str, task: str) -> str:
    """ "curves-sines"; whatever in a task's name could mean something to a file system becomes _, and what is too long
    for one is cut and told apart by a digest."""
    stem = section + "-" + re.sub(r"[^\w-]", "_", task)
    if len(stem.encode()) <= LONGEST_STEM:
        return stem
    return f"{stem[: LONGEST_STEM // 5]}-{hashlib.sha256(stem.encode()).hexdigest()[:12]}"


def to_png(plate: Plate) -> tuple[bytes, tuple[str, ...]]:
    """The picture, and the letters that no font of this machine has; they are drawn as boxes."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        png = _saved(plate, "png", dpi=PNG_DPI, metadata={"Software": None})
    found = [GLYPH.match(str(warning.message)) for warning in said]
    return png, tuple(dict.fromkeys(chr(int(match[1])) for match in found if match))


def to_svg(plate: Plate) -> str:
    """The same bytes for the same figure: no date, and identifiers salted by the name instead of at random.

    The salt also keeps the identifiers of several figures apart when they stand in one page.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")  # whoever reads it has other fonts
        return _saved(plate, "svg", metadata={"Date": None}).decode()


def inlined(svg: str) -> str:
    """The bare <svg> element of an SVG file, without a size of its own: the page's style gives it one."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"\s*<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = marked(svg)
    svg = re.sub(r'<g id="[^"]*">', "<g>", svg)  # "axes_1" would occur once in every figure; nothing refers to it
    head, rest = svg.split(">", 1)
    points = float(re.findall(r' width="([\d.]+)pt"', head)[0])
    head = re.sub(r' (width|height)="[^"]*"', "", head)
    narrow = points / (72 * WIDTH)  # so that letters are as large in a narrow figure as in a wide one
    return f'{head} style="max-width: {min(100 * narrow, 100):.0f}%">{rest}'


def _saved(plate: Plate, form: str, **options: Any) -> bytes:
    target = io.BytesIO()
    with matplotlib.rc_context(STYLE | {"svg.hashsalt": plate.name}):
        plate.figure.savefig(target, format=form, **options)
    return target.getvalue()
