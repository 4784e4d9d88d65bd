"""The effect of each swept key by itself: the mean score at each of its values, over all other settings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rnnlab.report.figures.canvas import (
    LABEL_SIZE,
    Margins,
    balanced,
    is_left,
    legend_below,
    panels,
    styled,
    text_width,
)
from rnnlab.report.figures.palette import HUES, LINES, MARKERS
from rnnlab.report.figures.plate import Plate
from rnnlab.report.figures.registry import Styles, figure_of_study
from rnnlab.report.judging.conditions import TASK, Condition
from rnnlab.report.judging.labels import by_value, short, written
from rnnlab.report.judging.quantities import score
from rnnlab.report.judging.shape import shape_of
from rnnlab.report.judging.view import View
from rnnlab.report.reading.study import Study
from rnnlab.report.words.wording import listed, near_one
from rnnlab.statistics.summaries import median

MOST_KEYS, MOST_TASKS = 9, 6


@dataclass(frozen=True)
class EffectPanel:
    """of_task: by task and value of the key, the middle half of the seeds, each its mean score over other settings."""

    key: str
    values: tuple[str, ...]
    numeric: bool  # then a line joins them
    of_task: Mapping[str, Mapping[str, np.ndarray]]


@figure_of_study("overview", place=2)
def plates(study: Study, view: View, style_of: Styles) -> Iterator[Plate]:
    if shape_of(view.design, view.tuned) != "effects":
        return
    axes = view.design.axes
    ranked = [one.key for importance in view.importances[:1] for one in importance.keys]
    keys = sorted(
        (key for key in axes if key != TASK), key=lambda key: ranked.index(key) if key in ranked else len(axes)
    )
    shown = [_panel(view, key, short(key, axes)) for key in keys[:MOST_KEYS]]
    caption = (
        "Score at each value of a key. A mark is the median over seeds, a bar the middle half of the seeds; the number "
        "of a seed is its mean score over all settings of the other keys; a diverged run scores 0. All panels share an "
        "axis. The keys that matter most come first. An effect that depends on another key cannot be seen here."
    )
    if len(view.tasks) > MOST_TASKS:
        caption += f" The first {MOST_TASKS} of {len(view.tasks)} tasks are drawn."
    if len(keys) > len(shown):
        caption += f" The first {len(shown)} of {len(keys)} keys are drawn."
    alt = "Score by each key. " + " ".join(map(_alt, shown))
    yield Plate("effects", "overview", "The effect of each key", caption, alt, draw_effects(shown))


def _panel(view: View, key: str, name: str) -> EffectPanel:
    of_task: dict[str, dict[str, np.ndarray]] = {}
    values = {written(c.values.get(key)): c.values.get(key) for c in view.design.conditions}
    for task in view.design.tasks[:MOST_TASKS]:
        here = view.design.of_task(task)
        own = {value: _by_seed([c for c in here if written(c.values.get(key)) == value]) for value in values}
        of_task[task] = {value: scores for value, scores in own.items() if scores.size}
    in_order = tuple(sorted(values, key=lambda text: by_value(values[text])))
    return EffectPanel(name, in_order, bool(view.design.numbers_of(key)), of_task)


def _by_seed(conditions: Sequence[Condition]) -> np.ndarray:
    """By seed the mean score over the conditions."""
    scores: dict[object, list[float]] = {}
    for condition in conditions:
        for run in condition.completed:
            scores.setdefault(run.seed, []).append(score(run))
    means = np.array([np.mean(own) for own in scores.values()])
    return means[~np.isnan(means)]


@styled
def draw_effects(shown: Sequence[EffectPanel]) -> Figure:
    tasks = list(dict.fromkeys(task for panel in shown for task in panel.of_task))
    looks = {task: (HUES[n % 8], LINES[n % 4], MARKERS[n % 12]) for n, task in enumerate(tasks)}
    n_columns = balanced(len(shown), at_most=4)
    turned = [text_width(panel.values) > 8.6 / n_columns / len(panel.values) for panel in shown]
    longest = max(
        [text_width(panel.values) for panel, is_turned in zip(shown, turned, strict=True) if is_turned], default=0
    )
    below = max(longest, 0.2)
    margins = Margins(
        left=0.62, right=0.15, top=0.3, bottom=below + 0.12 + 0.35 * (len(tasks) > 1), across=0.2, down=below + 0.45
    )
    figure, all_axes = panels([panel.key for panel in shown], n_columns, 2.3, margins, shared="y")
    for place, (axes, panel) in enumerate(zip(all_axes, shown, strict=True)):
        for n, (task, of_value) in enumerate(panel.of_task.items()):
            color, line, marker = looks[task]
            shift = (n - (len(tasks) - 1) / 2) * min(0.12, 0.5 / len(tasks))
            x = [panel.values.index(value) + shift for value in of_value]
            quartiles = np.array([np.percentile(scores, [25, 75]) for scores in of_value.values()]).reshape(-1, 2)
            axes.vlines(x, quartiles[:, 0], quartiles[:, 1], color=color, linewidth=3, alpha=0.4)
            middle = [median(scores) for scores in of_value.values()]
            line_of = line if panel.numeric else "none"
            axes.plot(x, middle, color=color, linestyle=line_of, linewidth=1, marker=marker, markersize=5)
        axes.set_xticks(
            range(len(panel.values)), panel.values, rotation=90 if turned[place] else 0, fontsize=LABEL_SIZE
        )
        axes.set_xlim(-0.5, len(panel.values) - 0.5)
        axes.tick_params(axis="x", length=0)
        axes.tick_params(labelleft=is_left(place, n_columns))
        axes.grid(axis="y")
        if is_left(place, n_columns):
            axes.set_ylabel("score (0 naive or diverged, 1 perfect)")
    joined = any(panel.numeric for panel in shown)
    if len(tasks) > 1:
        lines: dict[str, Any] = {task: line if joined else "none" for task, (_, line, _) in looks.items()}
        handles = [
            Line2D([], [], color=color, linestyle=lines[task], marker=marker, markersize=5, label=task)
            for task, (color, _, marker) in looks.items()
        ]
        legend_below(figure, handles)
    return figure


def _alt(panel: EffectPanel) -> str:
    parts = [
        f"{task}: " + listed([f"{value} {near_one(median(scores))}" for value, scores in own.items()], at_most=12)
        for task, own in panel.of_task.items()
    ]
    return f"{panel.key}, {'; '.join(parts)}."
