"""What a sweep varied, found from its runs: axes, constants, and the conditions (runs that differ in the seed only).

A key is an axis when it varies by itself.  A key that another axis decides is not one: `task.window` is 10 for
sines and absent for digits, so it follows from `task.name` and is listed as a constant of each task.

What is compared is the activation (of the cell, else of the readout).  All other axes become facets.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rnnlab.report.figures.palette import in_order
from rnnlab.report.reading.read import PARAMETER_OF, Run

TASK, ACTIVATION = "task.name", "cell.activation"
COMPARED = (ACTIVATION, "readout.activation", "cell.name", "optimizer.name")
# A key can follow from an axis that stands before it here, never from a later one; all others come after, by name.
RATE = "optimizer.learning_rate"
FIRST = (TASK, *COMPARED, RATE)
ABSENT = "-"


@dataclass(frozen=True)
class Condition:
    """The runs of one cell of the sweep, in the order of their seeds."""

    task: str
    label: str  # what is compared, the same words in every figure: "tanh", "leaky_relu(0.3)"
    facet: str  # the other axes in words, "learning_rate 0.1, 2 layers"; empty when there are none
    settings: tuple[tuple[str, str], ...]  # axis and value, without the task
    values: Mapping[str, Any]  # the same as they stand in the config
    runs: tuple[Run, ...]

    @property
    def name(self) -> str:
        return f"{self.label} with {self.facet}" if self.facet else self.label

    @property
    def completed(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.completed)


@dataclass(frozen=True)
class Design:
    axes: tuple[str, ...]
    compared: str
    constants: tuple[tuple[str, str], ...]
    conditions: tuple[Condition, ...]

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(condition.task for condition in self.conditions))

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(in_order({condition.label for condition in self.conditions}))

    @property
    def facets(self) -> tuple[str, ...]:
        """The facets in the order of their values; a single empty one when nothing else varies."""
        return tuple(dict.fromkeys(condition.facet for condition in self.conditions))

    @property
    def rates(self) -> tuple[float, ...]:
        """The learning rates, from low to high, where the sweep has several."""
        return self.numbers_of(RATE) if RATE in self.axes else ()

    @property
    def facet_axes(self) -> tuple[str, ...]:
        """What varies beside the task and what is compared."""
        return facet_axes(self.axes, self.compared)

    def numbers_of(self, axis: str) -> tuple[float, ...]:
        """The values of an axis from low to high; none when one of them is no number."""
        values = {condition.values.get(axis) for condition in self.conditions}
        if not all(isinstance(value, (int, float)) and not isinstance(value, bool) for value in values):
            return ()
        return tuple(sorted(values))

    def facet_without(self, condition: Condition, axis: str) -> str:
        """The condition's facet in words, one axis left out."""
        rest = [key for key in self.facet_axes if key != axis]
        return ", ".join(f"{short(key, self.axes)} {written(condition.values.get(key))}" for key in rest)

    def of_task(self, task: str) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if condition.task == task)


def design_of(runs: Sequence[Run]) -> Design:
    """The design of a sweep, from whatever runs of it there are."""
    rows = [{TASK: run.task.name} | run.settings for run in runs]
    axes, constants = _split_keys(rows)
    compared = next((key for key in COMPARED if key in axes), ACTIVATION)
    groups: dict[tuple, list[tuple[dict[str, Any], Run]]] = {}
    for row, run in zip(rows, runs, strict=True):
        groups.setdefault(tuple(written(row.get(key)) for key in (TASK, *axes)), []).append((row, run))
    members = sorted((_condition(axes, compared, group) for group in groups.values()), key=lambda pair: pair[0])
    labels = in_order({condition.label for _, condition in members})
    ordered = sorted(members, key=lambda pair: (pair[1].task, labels.index(pair[1].label), pair[0]))
    return Design(axes, compared, constants, tuple(condition for _, condition in ordered))


def _condition(axes: Sequence[str], compared: str, group: list[tuple[dict, Run]]) -> tuple[tuple, Condition]:
    """A condition, and before it the key that sorts it by the values of its facet."""
    row = group[0][0]
    parameter = PARAMETER_OF.get(row.get(ACTIVATION)) if compared == ACTIVATION else None
    label = str(row.get(compared, ABSENT))
    if parameter in axes:
        label += f"({written(row[parameter])})"
    rest = facet_axes(axes, compared)
    condition = Condition(
        task=row[TASK],
        label=label,
        facet=", ".join(f"{short(key, axes)} {written(row.get(key))}" for key in rest),
        settings=tuple((key, written(row.get(key))) for key in axes if key != TASK),
        values={key: row.get(key) for key in axes if key != TASK},
        runs=tuple(sorted((run for _, run in group), key=lambda run: _sort_key(run.seed))),
    )
    return tuple(_sort_key(row.get(key)) for key in rest), condition


def facet_axes(axes: Sequence[str], compared: str) -> tuple[str, ...]:
    said = (TASK, compared, *(PARAMETER_OF.values() if compared == ACTIVATION else ()))
    return tuple(key for key in axes if key not in said)


def _split_keys(rows: Sequence[dict[str, Any]]) -> tuple[tuple[str, ...], tuple[tuple[str, str], ...]]:
    keys = dict.fromkeys(key for row in rows for key in row)
    columns = {key: [written(row.get(key)) for row in rows] for key in keys}
    order = sorted(keys, key=lambda key: (FIRST.index(key) if key in FIRST else len(FIRST), key))
    axes: list[str] = []
    constants = {}
    for key in order:
        distinct = list(dict.fromkeys(columns[key]))
        if len(distinct) == 1:
            constants[key] = distinct[0]
            continue
        ruler = next((axis for axis in axes if _decides(columns[axis], columns[key])), None)
        if ruler is None:
            axes.append(key)
        else:
            constants[key] = _by_ruler(columns[ruler], columns[key])
    return tuple(axes), tuple((key, constants[key]) for key in keys if key in constants)


def _decides(axis: Sequence[str], column: Sequence[str]) -> bool:
    return len(set(zip(axis, column, strict=True))) == len(set(axis))


def _by_ruler(axis: Sequence[str], column: Sequence[str]) -> str:
    """ "10 (sinc, sines), 8 (digits)": each value with the values of the axis that decides it."""
    owners: dict[str, dict[str, None]] = {}
    for ruler, value in zip(axis, column, strict=True):
        owners.setdefault(value, {})[ruler] = None
    return ", ".join(f"{value} ({', '.join(rulers)})" for value, rulers in owners.items() if value != ABSENT)


def written(value: Any) -> str:
    """A config value as one writes it on the command line; "-" for a key that a run does not have or left null."""
    if value is None:
        return ABSENT
    return json.dumps(value) if isinstance(value, bool) else str(value)


def short(key: str, among: Iterable[str]) -> str:
    """The shortest clear name of a key: "optimizer" for optimizer.name, "learning_rate" for optimizer.learning_rate."""
    head, _, tail = key.rpartition(".")
    if tail == "name" and head:
        return head
    clash = any(other != key and other.rpartition(".")[2] == tail for other in among)
    return key if clash or tail == "activation" else tail


def _sort_key(value: Any) -> tuple[int, float, str]:
    """Numbers by size, then text by alphabet, then what is not there."""
    if isinstance(value, (int, float)):
        return 0, float(value), ""
    return (2, 0.0, "") if value is None else (1, 0.0, str(value))
