"""The figures of a study as files: each is drawn, saved as PNG and SVG, and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from rnnlab.report.figures.plate import to_png, to_svg
from rnnlab.report.figures.registry import Drawing, LeftOut, left_out


@dataclass(frozen=True)
class Drawn:
    """A plate with its two files, and without the objects that it was drawn with."""

    name: str
    section: str
    title: str
    caption: str
    alt: str
    svg: str
    png: bytes


def files_of(drawing: Drawing) -> list[Drawn | LeftOut]:
    return list(_files_of(drawing))


def _files_of(drawing: Drawing) -> Iterator[Drawn | LeftOut]:
    for plate in drawing():
        if isinstance(plate, LeftOut):
            yield plate
            continue
        try:
            svg, (png, lacking) = to_svg(plate), to_png(plate)
        except Exception as error:
            yield left_out(plate.name, error)
            continue
        caption = plate.caption
        if lacking:
            caption += f" The PNG lacks {' '.join(lacking)}: this machine has no font for it; page and SVG use yours."
        yield Drawn(plate.name, plate.section, plate.title, caption, plate.alt, svg, png)
