"""Label against prediction for tasks with classes, all runs of a condition together; each row sums to 100 %."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rnnlab.options import counted
from rnnlab.records.files import RecordError
from rnnlab.report.figures.canvas import WIDTH, Margins, balanced, is_bottom, is_left, panels, styled
from rnnlab.report.figures.choice import evenly, shown_standings
from rnnlab.report.figures.palette import BLUE, INK
from rnnlab.report.figures.plate import Plate, file_stem
from rnnlab.report.figures.registry import Styles, figure_of_task
from rnnlab.report.judging.standings import Standing
from rnnlab.report.judging.view import TaskView
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, percent

ROOM = 8  # conditions, a panel each
MAX_RUNS = 40  # of a condition
MAX_CLASSES_WITH_NUMBERS = 12
LONG, LONGEST = 3, 18  # letters of a class's name: longer ones stand upright, and still longer ones are cut off
SHADES = LinearSegmentedColormap.from_list("shades", ["#ffffff", "#9ecae1", BLUE, "#08306b"])  # even steps in grey


@dataclass(frozen=True)
class ConfusionPanel:
    """counts: (classes, classes), how often a label (row) was predicted as (column), over n_runs runs."""

    title: str
    n_runs: int
    classes: tuple[str, ...]
    counts: np.ndarray


@figure_of_task("predictions", place=1)
def plates(study: Study, task: TaskView, style_of: Styles) -> Iterator[Plate]:
    if task.facts.predictions != "classes":
        return
    standings, cut = shown_standings(task.standings, ROOM)
    tables, lost = _tables(study, standings)
    tables, classes = _with_classes(tables)
    shown = []
    for standing in standings:
        pairs = tables[standing.name]
        if pairs:
            counts = np.sum([_counts(classes, *pair) for pair in pairs], axis=0)
            shown.append(ConfusionPanel(standing.name, len(pairs), tuple(map(_written, classes.tolist())), counts))
    if not shown:
        return
    caption = (
        "Rows are labels, columns are predictions, in percent of the row. All runs of a condition are put together, "
        f"also those that diverged.{cut}"
    )
    if any(len(standing.runs) > MAX_RUNS for standing in standings):
        caption += (
            f" Where a condition has more than {MAX_RUNS} runs, {MAX_RUNS} of them are counted, evenly spread by seed."
        )
    if lost:
        caption += f" The predictions of {listed(lost)} cannot be read."
    name = task.facts.name
    alt = f"Confusion matrices of {name}. " + " ".join(_alt(panel) for panel in shown)
    yield Plate(file_stem("confusion", name), "predictions", name, caption, alt, draw_confusions(shown))


def _tables(
    study: Study, standings: Sequence[Standing]
) -> tuple[dict[str, list[tuple[np.ndarray, np.ndarray]]], list[str]]:
    """label and predicted of every run, by standing; and the folders where they cannot be read."""
    tables: dict[str, list[tuple[np.ndarray, np.ndarray]]] = {standing.name: [] for standing in standings}
    lost = []
    for standing in standings:
        for run in evenly(standing.runs, MAX_RUNS):
            try:
                table = study.predictions(run.run_id)
                pair = np.asarray(table["label"]), np.asarray(table["predicted"])
                known = _is_known(pair[0]) & _is_known(pair[1])
            except (RecordError, KeyError, ValueError):
                lost.append(run.folder)
                continue
            tables[standing.name].append((pair[0][known], pair[1][known]))
    return tables, lost


def _is_known(column: np.ndarray) -> np.ndarray:
    return np.isfinite(column) if column.dtype.kind in "iuf" else column != ""


def _with_classes(
    tables: dict[str, list[tuple[np.ndarray, np.ndarray]]],
) -> tuple[dict[str, list[tuple[np.ndarray, np.ndarray]]], np.ndarray]:
    """The tables, and their classes in order: numbers, or names as soon as one is no number."""
    columns = [column for pairs in tables.values() for pair in pairs for column in pair]
    if any(column.dtype.kind not in "iuf" for column in columns):
        tables = {
            name: [(label.astype(str), predicted.astype(str)) for label, predicted in pairs]
            for name, pairs in tables.items()
        }
        columns = [column for pairs in tables.values() for pair in pairs for column in pair]
    return tables, np.unique(np.concatenate([*columns])) if columns else np.empty(0)


def _written(name: str | float) -> str:
    return name if isinstance(name, str) else f"{name:g}"


def _counts(classes: np.ndarray, label: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    n = len(classes)
    cells = np.searchsorted(classes, label) * n + np.searchsorted(classes, predicted)
    return np.bincount(cells, minlength=n * n).reshape(n, n)


@styled
def draw_confusions(shown: Sequence[ConfusionPanel]) -> Figure:
    n_columns = max(balanced(len(shown), at_most=4), 2)
    names = 0.062 * max(len(_short(name)) for panel in shown for name in panel.classes)  # inches, upright on the x axis
    around = max(0.5, 0.35 + names)
    margins = Margins(left=around, right=0.15, top=0.32, bottom=around, across=0.2, down=0.42)
    side = (WIDTH - margins.left - margins.right - (n_columns - 1) * margins.across) / n_columns
    width = margins.left + margins.right + side if len(shown) == 1 else WIDTH
    figure, all_axes = panels([_title(panel) for panel in shown], n_columns, side, margins, width=width)
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        _draw_matrix(axes, panel)
        axes.tick_params(labelleft=is_left(place, n_columns), labelbottom=is_bottom(place, len(shown), n_columns))
        if is_left(place, n_columns):
            axes.set_ylabel("label")
        if is_bottom(place, len(shown), n_columns):
            axes.set_xlabel("predicted")
    return figure


def _title(panel: ConfusionPanel) -> str:
    runs = counted(panel.n_runs, "run").replace(" ", "\u00a0")  # "5 runs" is not torn apart at the end of a line
    return f"{panel.title} ({runs})"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1]}…"


def _draw_matrix(axes: Axes, panel: ConfusionPanel) -> None:
    rates = panel.counts / np.maximum(panel.counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(rates, cmap=SHADES, vmin=0, vmax=1, aspect="auto", interpolation="nearest")
    names = [_short(name) for name in panel.classes]
    axes.set_xticks(range(len(names)), names, rotation=90 if max(map(len, names)) > LONG else 0)
    axes.set_yticks(range(len(names)), names)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(panel.classes) > MAX_CLASSES_WITH_NUMBERS:
        return
    for (row, column), rate in np.ndenumerate(rates):
        if rate >= 0.005:  # a cell that would say 0 stays empty
            color = "white" if rate > 0.45 else INK
            axes.text(column, row, f"{100 * rate:.0f}", ha="center", va="center", fontsize=6, color=color)


def _alt(panel: ConfusionPanel) -> str:
    right, total = int(np.trace(panel.counts)), int(panel.counts.sum())
    wrong = panel.counts - np.diag(np.diag(panel.counts))
    text = (
        f"{panel.title} ({counted(panel.n_runs, 'run')}): {percent(right / max(total, 1))} of {total:,} on the diagonal"
    )
    if wrong.any():
        row, column = np.unravel_index(np.argmax(wrong), wrong.shape)
        error = f"{panel.classes[row]} taken for {panel.classes[column]} ({wrong[row, column]} times)"
        text += f", the most frequent error: {error}"
    return text + "."
