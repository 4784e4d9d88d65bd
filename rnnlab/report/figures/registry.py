"""Which figures there are, in which sections of the page, and in which order.

    @figure_of_study("scores", place=1)
    def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
        ...

To add a figure, add a module to this folder that registers a function in this way; it is found by itself.  A figure of
the whole study is drawn once, a figure of a task once for each task.  A figure can also be registered from elsewhere,
at any time: it is on every page that is made from then on.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path

from rnnlab.report.figures.palette import Style, styles
from rnnlab.report.figures.plate import Plate
from rnnlab.report.judging.view import TaskView, View
from rnnlab.report.reading.study import Study

Styles = Mapping[str, Style]  # by the label of a condition
OfStudy = Callable[[Study, View, Styles], Iterable[Plate]]
OfTask = Callable[[Study, TaskView, Styles], Iterable[Plate]]

_sections: dict[str, tuple[float, str]] = {}  # by name: place on the page, and title
_entries: list[Entry] = []


@dataclass(frozen=True)
class Entry:
    """draw: of the study where it is drawn once, else of a task."""

    section: str
    place: float
    draw_study: OfStudy | None = None
    draw_task: OfTask | None = None

    @property
    def name(self) -> str:
        """Of the module that draws it: "gradients"."""
        return str((self.draw_study or self.draw_task).__module__).rpartition(".")[2]

    @property
    def position(self) -> tuple[float, float]:
        return _sections[self.section][0], self.place


def register_section(name: str, title: str, place: float) -> None:
    """A part of the page that holds figures.  Raises ValueError for a name that is taken."""
    if name in _sections:
        raise ValueError(f"a section named {name!r} is registered already")
    _sections[name] = place, title


for _place, (_name, _title) in enumerate(
    (
        ("scores", "Score by activation"),
        ("curves", "Learning curves"),
        ("predictions", "Predictions"),
        ("divergence", "Divergence"),
        ("gradients", "Gradient through time"),
        ("diagnostics", "State and gradient"),
        ("sensitivity", "Sensitivity"),
        ("tuning", "Tuning"),
        ("profile", "All tasks together"),
    )
):
    register_section(_name, _title, _place)
register_section("overview", "At a glance", -2)
register_section("verdicts", "Verdicts", -1)
register_section("importance", "What matters", 0.3)
register_section("pairs", "All pairs", 0.5)


def figure_of_study(section: str, place: float) -> Callable[[OfStudy], OfStudy]:
    """A figure that is drawn once.  place: its order within the section.  Raises ValueError for an unknown section."""
    _check(section)

    def enter(draw: OfStudy) -> OfStudy:
        _entries.append(Entry(section, place, draw_study=draw))
        return draw

    return enter


def figure_of_task(section: str, place: float) -> Callable[[OfTask], OfTask]:
    """A figure that is drawn for each task; those with the same section and place stand together, task by task."""
    _check(section)

    def enter(draw: OfTask) -> OfTask:
        _entries.append(Entry(section, place, draw_task=draw))
        return draw

    return enter


def sections() -> tuple[tuple[str, str], ...]:
    """Name and title of every section, in the order of the page."""
    return tuple((name, _sections[name][1]) for name in sorted(_sections, key=lambda name: _sections[name][0]))


@dataclass(frozen=True)
class LeftOut:
    """A figure that cannot be drawn: it is left out, and the page says so."""

    figure: str
    reason: str

    def __str__(self) -> str:
        return f"The figure {self.figure} is left out, as it cannot be drawn ({self.reason})."


def left_out(figure: str, error: Exception) -> LeftOut:
    words = " ".join(f"{type(error).__name__}: {error}".split())
    return LeftOut(figure, words if len(words) <= 200 else f"{words[:197]}...")


Drawing = Callable[[], Iterator[Plate | LeftOut]]  # the plates of one figure, one at a time: each takes some memory


def plates_of(study: Study, view: View) -> Iterator[Plate | LeftOut]:
    """Every figure that the study has data for, in the order of the page."""
    for drawing in drawings(study, view):
        yield from drawing()


def drawings(study: Study, view: View) -> list[Drawing]:
    """What draws the figures, in the order of the page.  A figure that raises does not keep the others from it."""
    _find()
    found: list[Drawing] = []
    style_of = styles(view.design.labels)
    in_order = sorted(_entries, key=lambda entry: entry.position)
    for _, group in groupby(in_order, key=lambda entry: entry.position):
        members = list(group)
        for entry in members:
            if entry.draw_study is not None:
                found.append(partial(_drawn, entry.name, partial(entry.draw_study, study, view, style_of)))
        for task in view.tasks:
            for entry in members:
                if entry.draw_task is not None:
                    name = f"{entry.name} of {task.facts.name}"
                    found.append(partial(_drawn, name, partial(entry.draw_task, study, task, style_of)))
    return found


def _drawn(name: str, draw: Callable[[], Iterable[Plate]]) -> Iterator[Plate | LeftOut]:
    try:
        yield from draw()
    except Exception as error:
        yield left_out(name, error)


def _find() -> None:
    """Import every module of this folder, so that its figures are registered."""
    package = __name__.rpartition(".")[0]
    for module in sorted(info.name for info in pkgutil.iter_modules([str(Path(__file__).parent)])):
        importlib.import_module(f"{package}.{module}")


def _check(section: str) -> None:
    if section not in _sections:
        raise ValueError(f"section {section!r} of the page; one of {', '.join(_sections)}")
