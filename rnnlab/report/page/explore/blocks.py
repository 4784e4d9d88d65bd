"""The blocks of data that a page carries for its scripts, and the library that draws: each packed, each once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rnnlab.report.judging.conditions import ACTIVATION
from rnnlab.report.judging.view import View
from rnnlab.report.page.explore.columns import Column, Member, columns_of
from rnnlab.report.page.explore.curves import packed_curves
from rnnlab.report.page.explore.examples import examples
from rnnlab.report.page.explore.packing import pack, pack_json
from rnnlab.report.reading.study import Study

LIBRARY = Path(__file__).parents[1] / "vendor" / "echarts" / "echarts.min.js"
ROWS_AT_ONCE = 100  # of the table of runs: in the page itself, for readers without JavaScript, and on each of its pages


@dataclass(frozen=True)
class Blocks:
    """By the identifiers of their elements.  Where there is nothing to explore, runs alone."""

    parts: dict[str, str]

    @property
    def library(self) -> str:
        """The source of the library, "" where the page does not carry it."""
        return library() if "library" in self.parts else ""


@dataclass(frozen=True)
class Explored:
    columns: tuple[Column, ...]
    blocks: Blocks


def explored_of(study: Study, view: View) -> Explored:
    columns = columns_of(members_of(study), view.design.axes)
    return Explored(columns, _blocks_of_study(study, view, columns))


def _blocks_of_study(study: Study, view: View, columns: Sequence[Column]) -> Blocks:
    parts = {"run-data": _data(columns, view.design.keys.compared)}
    if len(study.members) > 1:
        parts["run-curves"] = pack(packed_curves(members_of(study)))
        parts["run-examples"] = pack_json(examples(study, view.design))
        parts["library"] = _packed_library()
    return Blocks(parts)


def blocks_of_index(members: Sequence[Member], axes: Iterable[str]) -> Blocks:
    """Of several studies: what was set and measured.  Curves and answers are on the page of each study."""
    if len(members) < 2:
        return Blocks({})
    return Blocks(
        {"run-data": _data(columns_of(members, axes, studies=True), ACTIVATION), "library": _packed_library()}
    )


def members_of(study: Study, name: str = "") -> list[Member]:
    return [Member(name or study.file.study, run, study.curves.get(run.run_id, {})) for run in study.members]


@cache
def library() -> str:
    return LIBRARY.read_text(encoding="utf-8")


@cache
def _packed_library() -> str:
    return pack(library().encode())


def _data(columns: Sequence[Column], compared: str) -> str:
    return pack_json({"columns": [column.as_data() for column in columns], "page": ROWS_AT_ONCE, "color": compared})
