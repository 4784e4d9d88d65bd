"""Two swept keys at once: for each pair of values how the runs ended, and their score."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from rnnlab.options import counted
from rnnlab.report.figures.canvas import NOTE_SIZE, WIDTH, Margins, is_bottom, is_left, panels, styled, text_width
from rnnlab.report.figures.palette import BLUE, INK, VERMILLION
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.conditions import TASK, Condition
from rnnlab.report.judging.labels import by_value, short, written
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.shape import numeric_axes, shape_of
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Run, Study
from rnnlab.report.words.wording import listed
from rnnlab.statistics.summaries import median

MOST_PANELS, MOST_COLUMNS, MOST_VALUES = 12, 4, 24
ROW = 0.2  # inches
WITH_NUMBERS = 0.3  # inches: a cell that is narrower has no number in it
OUTCOMES = {"learned": BLUE, "not learned": "#d4d4d4", "diverged": VERMILLION}
SCORES = colormaps["cividis"]  # even in grey, and for every kind of colour vision


@dataclass(frozen=True)
class Map:
    """rows, columns: the values of the two keys.  shares: (rows, columns, outcomes), scores: (rows, columns), the
    median; NaN where there is no run."""

    title: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    shares: np.ndarray
    scores: np.ndarray


@figure_of_study("overview", place=1)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    """The two numbers that were swept, for each task and each of what is compared."""
    if shape_of(view.design, view.tuned) != "map":
        return
    x, y = sorted(numeric_axes(view.design), key=lambda axis: len(view.design.numbers_of(axis)))[::-1]
    groups = {
        f"{task}, {label}" if len(view.tasks) > 1 else label: [
            condition for condition in view.design.of_task(task) if condition.label == label
        ]
        for task in view.design.tasks
        for label in view.design.labels
    }
    yield _plate("overview", "map", view, groups, x, y, len(view.design.labels), "")


@figure_of_study("importance", place=2)
def strongest_pair(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    """The two keys that matter most for the score, all other keys together."""
    of_score = [importance for importance in view.importances if importance.quantity == "score"]
    keys = [one.key for importance in of_score for one in importance.keys if one.key != TASK][:2]
    if len(keys) < 2:
        return
    x, y = sorted(keys, key=lambda key: -len(_values(view.design.conditions, key)))
    groups = {task: list(view.design.of_task(task)) for task in view.design.tasks}
    words = " They are the two keys that matter most for the score; all other keys are taken together."
    yield _plate("importance", "strongest-pair", view, groups, x, y, MOST_COLUMNS, words)


def _plate(
    section: str, name: str, view: View, groups: dict[str, list[Condition]], x: str, y: str, n_columns: int, words: str
) -> Plate:
    columns, rows = (tuple(_values(view.design.conditions, key))[:MOST_VALUES] for key in (x, y))
    there = {title: own for title, own in groups.items() if any(condition.completed for condition in own)}
    maps = [_map(title, own, (y, rows[::-1]), (x, columns)) for title, own in there.items()]
    shown = maps[:MOST_PANELS]
    x_name, y_name = short(x, view.design.axes), short(y, view.design.axes)
    caption = (
        f"Above: how the runs ended at each {y_name} and {x_name}; a cell is filled by the share of its runs that "
        "learned, did not learn and diverged. Below: their median score, 0 naive or diverged, 1 perfect; all on one "
        f"scale.{words}"
    )
    if len(shown) < len(maps):
        caption += f" The first {len(shown)} of {len(maps)} are drawn."
    alt = f"Outcome and score by {y_name} and {x_name}. " + " ".join(_alt(each, x_name, y_name) for each in shown)
    figure = draw_maps(shown, x_name, y_name, min(n_columns, MOST_COLUMNS))
    return Plate(name, section, f"Outcome and score by {y_name} and {x_name}", caption, alt, figure)


def _values(conditions: Sequence[Condition], key: str) -> dict[str, Any]:
    found = {written(condition.values.get(key)): condition.values.get(key) for condition in conditions}
    return dict(sorted(found.items(), key=lambda entry: by_value(entry[1])))


def _map(
    title: str, conditions: Sequence[Condition], down: tuple[str, Sequence[str]], across: tuple[str, Sequence[str]]
) -> Map:
    """down, across: a key and its values."""
    (y, rows), (x, columns) = down, across
    by_place: dict[tuple[str, str], list[Run]] = {}
    for condition in conditions:
        place = written(condition.values.get(y)), written(condition.values.get(x))
        by_place.setdefault(place, []).extend(condition.completed)
    shares = np.full((len(rows), len(columns), len(OUTCOMES)), np.nan)
    scores = np.full((len(rows), len(columns)), np.nan)
    for i, row in enumerate(rows):
        for j, column in enumerate(columns):
            if runs := by_place.get((row, column)):
                n_learned, n_diverged = sum(r.outcome == "learned" for r in runs), sum(r.diverged for r in runs)
                counts = (n_learned, len(runs) - n_learned - n_diverged, n_diverged)
                shares[i, j] = np.array(counts) / len(runs)
                scores[i, j] = median(np.array([score(run) for run in runs]))
    return Map(title, tuple(rows), tuple(columns), shares, scores)


@styled
def draw_maps(shown: Sequence[Map], x: str, y: str, n_columns: int) -> Figure:
    """For each group of panels in a row first the outcomes, then the scores below them."""
    n_columns = min(n_columns, len(shown))
    in_rows = [list(shown[start : start + n_columns]) for start in range(0, len(shown), n_columns)]
    places: list[tuple[Map, bool]] = [
        (each, kind) for row in in_rows for kind in (True, False) for each in _full(row, n_columns)
    ]
    titles = [(f"{each.title}: {'outcome' if kind else 'score'}" if each.rows else "") for each, kind in places]
    left = text_width([*(row for each in shown for row in each.rows)], NOTE_SIZE) + 0.5
    margins = Margins(left=left, right=0.15, top=0.3, bottom=0.82, across=0.25, down=0.36)
    n_rows = max(len(each.rows) for each in shown)
    width = WIDTH if n_columns > 1 else 5.5
    figure, all_axes = panels(titles, n_columns, max(ROW * n_rows, 0.6), margins, width=width)
    cell = (width - margins.left - 0.15) / n_columns / max(len(each.columns) for each in shown)
    for place, (axes, (each, is_outcome)) in enumerate(zip(all_axes, places, strict=True)):
        if not each.rows:
            axes.set_axis_off()
            continue
        if is_outcome:
            _draw_outcomes(axes, each)
        else:
            _draw_scores(axes, each, with_numbers=cell > WITH_NUMBERS)
        axes.set_yticks(range(len(each.rows)), each.rows)
        axes.set_xticks(range(len(each.columns)), each.columns, rotation=90 if cell < text_width(each.columns) else 0)
        last = is_bottom(place, len(places), n_columns)
        axes.tick_params(length=0, labelleft=is_left(place, n_columns), labelbottom=last)
        axes.spines[:].set_visible(False)
        if last:
            axes.set_xlabel(x)
        if is_left(place, n_columns):
            axes.set_ylabel(y)
    handles = [Patch(facecolor=color, label=name) for name, color in OUTCOMES.items()]
    handles.append(Patch(facecolor=SCORES(0.0), label="score 0"))
    handles.append(Patch(facecolor=SCORES(1.0), label="score 1"))
    figure.legend(handles=handles, loc="lower center", ncols=5, bbox_to_anchor=(0.5, 0))
    return figure


def _full(row: list[Map], n_columns: int) -> list[Map]:
    """The row with empty panels behind it."""
    return row + [Map("", (), (), np.empty(0), np.empty(0))] * (n_columns - len(row))


def _draw_outcomes(axes: Axes, shown: Map) -> None:
    for i in range(len(shown.rows)):
        for j in range(len(shown.columns)):
            left = j - 0.47
            for share, color in zip(shown.shares[i, j], OUTCOMES.values(), strict=True):
                if share > 0:
                    axes.add_patch(Rectangle((left, i - 0.45), 0.94 * share, 0.9, facecolor=color, linewidth=0))
                    left += 0.94 * share
    axes.set_xlim(-0.5, len(shown.columns) - 0.5)
    axes.set_ylim(len(shown.rows) - 0.5, -0.5)


def _draw_scores(axes: Axes, shown: Map, with_numbers: bool) -> None:
    axes.imshow(shown.scores, cmap=SCORES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    for (i, j), value in np.ndenumerate(shown.scores):
        if with_numbers and not np.isnan(value):
            color = INK if value > 0.55 else "white"
            axes.text(j, i, f"{value:.2f}", ha="center", va="center", fontsize=NOTE_SIZE - 1, color=color)


def _alt(shown: Map, x: str, y: str) -> str:
    if np.isnan(shown.scores).all():
        return f"{shown.title}: no run has a score."
    i, j = np.unravel_index(np.nanargmax(shown.scores), shown.scores.shape)
    best = f"best score {shown.scores[i, j]:.2f} at {y} {shown.rows[i]} and {x} {shown.columns[j]}"
    gone = [f"{y} {shown.rows[i]} and {x} {shown.columns[j]}" for i, j in np.argwhere(shown.shares[:, :, 2] > 0.5)]
    where = f": {listed(gone, at_most=6)}" if gone else ""
    return f"{shown.title}: {best}; more than half of the runs diverged in {counted(len(gone), 'cell')}{where}."
