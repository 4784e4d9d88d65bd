"""One colour, line and marker per activation, the same in every figure of every report.

The hues are those of M. Okabe and K. Ito, Color Universal Design (2008), which can be told apart with every kind of
colour vision.  Their yellow is darker here, as the original cannot be read on white.  Sixteen activations share eight
hues; no two have the same hue and line, or the same marker, so that they can be told apart in grey, too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import Any

from matplotlib.colors import to_hex, to_rgb

from rnnlab.report.judging.labels import base_of, in_order

INK, SOFT, FAINT = "#222222", "#6f6f6f", "#b4b4b4"  # text and axes; baselines and training; truth and grids

BLUE, ORANGE, GREEN, VERMILLION = "#0072B2", "#E69F00", "#009E73", "#D55E00"
PURPLE, SKY, OLIVE, BLACK = "#CC79A7", "#56B4E9", "#9A8B00", "#3A3A3A"

SOLID, DASHED, DASH_DOT, LONG_DOTS = "-", (0, (5, 1.6)), (0, (6, 1.5, 1.2, 1.5)), (0, (7, 1.2, 1, 1.2, 1, 1.2))


@dataclass(frozen=True)
class Style:
    color: str
    line: Any  # a linestyle of matplotlib
    marker: Any  # a marker of matplotlib; "x" and "X" mean diverged, so no activation has them


STYLES = {
    "tanh": Style(BLUE, SOLID, "o"),
    "sigmoid": Style(PURPLE, DASHED, "s"),
    "relu": Style(VERMILLION, DASH_DOT, "^"),
    "leaky_relu": Style(GREEN, LONG_DOTS, "D"),
    "identity": Style(BLACK, SOLID, "P"),
    "elu": Style(ORANGE, SOLID, "v"),
    "selu": Style(SKY, DASHED, "<"),
    "celu": Style(OLIVE, DASH_DOT, ">"),
    "gelu": Style(BLUE, DASHED, "p"),
    "silu": Style(VERMILLION, SOLID, "h"),
    "mish": Style(PURPLE, DASH_DOT, "*"),
    "softplus": Style(GREEN, DASHED, "d"),
    "softsign": Style(SKY, SOLID, "8"),
    "hardtanh": Style(BLACK, DASH_DOT, (4, 1, 0)),
    "relu6": Style(ORANGE, LONG_DOTS, (6, 1, 0)),
    "sine": Style(OLIVE, SOLID, (3, 0, 180)),
}
LINES = (SOLID, DASHED, DASH_DOT, LONG_DOTS)
HUES = (BLUE, VERMILLION, GREEN, ORANGE, PURPLE, SKY, OLIVE, BLACK)
MARKERS = ("o", "^", "D", "v", "s", "<", "p", ">", "h", "P", "*", "d")
FREE = tuple(
    (hue, line)
    for line, hue in product(LINES, HUES)
    if (hue, line) not in {(style.color, style.line) for style in STYLES.values()}
)


def styles(labels: Iterable[str]) -> dict[str, Style]:
    """A style for each label of a study: fixed for a known name, the same for the same set of labels otherwise.

    "leaky_relu(0.3)", a known name with a parameter, keeps its hue; several of a name go from dark to light in the
    order of the parameter, each with its own line and marker.
    """
    found: dict[str, Style] = {}
    n_unknown, ordered = 0, in_order(labels)
    for label in ordered:
        base = base_of(label)
        if base in STYLES:
            variants = [other for other in ordered if base_of(other) == base]
            found[label] = _variant(STYLES[base], variants.index(label), len(variants))
        else:
            hue, line = FREE[n_unknown % len(FREE)]
            found[label] = Style(hue, line, MARKERS[n_unknown % len(MARKERS)])
            n_unknown += 1
    return found


def _variant(style: Style, k: int, n: int) -> Style:
    if n == 1:
        return style
    shade = -0.62 + 1.12 * k / (n - 1)  # from nearly black to half way to white
    towards = 1.0 if shade > 0 else 0.0
    red, green, blue = (channel + abs(shade) * (towards - channel) for channel in to_rgb(style.color))
    color = to_hex((red, green, blue))
    line = LINES[(LINES.index(style.line) + k) % len(LINES)]
    markers = [style.marker, *(marker for marker in MARKERS if marker != style.marker)]
    return Style(color, line, markers[k % len(markers)])
