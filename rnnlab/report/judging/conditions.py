"""What a sweep varied, found from its runs: axes, constants, and the conditions (runs that differ in the seed only).

A key is an axis when it varies and no other axis decides it.  A config holds the keys that act and no others, so that
a key can be absent from some runs: task.window from a task without windows, cell.dropout from a network of one layer.

    The keys are taken in an order: first those that all runs have, then those that some runs lack; within both the
    task, what can be compared (COMPARED), the learning rate, and then all others by name.  A key is no axis when
      1. one axis before it decides its value, in the runs that have the key, and
      2. the axes before it together decide whether and with which value it is there.

The first half keeps a key that two axes decide only by chance, the second keeps runs of different settings apart.
Example: cell.dropout and readout.dropout have the same value, and networks without layers have no cell.dropout.  Then
readout.dropout is the axis; cell.dropout follows from it and from cell.num_layers.

What is compared is the activation (of the cell, else of the readout).  All other axes become facets, except for the
parameters of the activation, which become part of its label: "leaky_relu(0.3)".  Where a study has one activation, a
network without layers, which has none, bears that label, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType
from typing import Any

from rnnlab.report.judging.labels import ABSENT, by_value, in_order, short, with_parameters, written
from rnnlab.report.reading.old_records import ALL_PARAMETERS
from rnnlab.report.reading.study import Run

TASK, ACTIVATION, CELL = "task.name", "cell.activation", "cell.name"
COMPARED = (ACTIVATION, "readout.activation", CELL, "optimizer.name")
RATE = "optimizer.learning_rate"
FIRST = (TASK, *COMPARED, RATE)

NOTHING: Mapping[str, str] = MappingProxyType({})

Row = dict[str, Any]  # a run's settings and its task, by key


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

    @cached_property
    def completed(self) -> tuple[Run, ...]:
        return tuple(run for run in self.runs if run.completed)


@dataclass(frozen=True)
class Keys:
    """What the keys of a sweep are.  deciders: by key that is no axis, the axis that decides its value."""

    axes: tuple[str, ...]
    constants: tuple[tuple[str, str], ...]
    deciders: Mapping[str, str]
    parameters: tuple[str, ...]  # keys that belong to the activation
    compared: str

    @property
    def facet_axes(self) -> tuple[str, ...]:
        """What varies beside the task and what is compared."""
        said = (TASK, self.compared, *(self.parameters if self.compared == ACTIVATION else ()))
        return tuple(key for key in self.axes if key not in said)


@dataclass(frozen=True)
class Design:
    keys: Keys
    conditions: tuple[Condition, ...]

    @property
    def axes(self) -> tuple[str, ...]:
        return self.keys.axes

    @property
    def facet_axes(self) -> tuple[str, ...]:
        return self.keys.facet_axes

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

    def numbers_of(self, axis: str) -> tuple[float, ...]:
        """The values of an axis from low to high; none when one of them is no number."""
        values = {condition.values.get(axis) for condition in self.conditions}
        numbers = [value for value in values if isinstance(value, (int, float)) and not isinstance(value, bool)]
        return tuple(sorted(numbers)) if len(numbers) == len(values) else ()

    def facet_without(self, condition: Condition, axis: str) -> str:
        """The condition's facet in words, one axis left out."""
        return _facet([key for key in self.facet_axes if key != axis], condition.values, self.axes)

    def of_task(self, task: str) -> tuple[Condition, ...]:
        return tuple(condition for condition in self.conditions if condition.task == task)


def design_of(runs: Sequence[Run], following: Mapping[str, str] = NOTHING) -> Design:
    """The design of a sweep, from whatever runs of it there are.  following: keys that are no axes, since all others
    together decide them, each with how, in words."""
    rows: list[Row] = [{TASK: run.task.name} | run.settings | {TASK: run.task.name} for run in runs]
    keys = keys_of(rows, following)
    groups: dict[tuple[str, ...], list[tuple[Row, Run]]] = {}
    for row, run in zip(rows, runs, strict=True):
        groups.setdefault(tuple(written(row.get(key)) for key in (TASK, *keys.axes)), []).append((row, run))
    label_of_all = _label_of_all(keys, rows)
    found = [_condition(keys, label_of_all, group) for group in groups.values()]
    labels = in_order({condition.label for condition in found})

    def place(condition: Condition) -> tuple[Any, ...]:
        facet = tuple(by_value(condition.values.get(key)) for key in keys.facet_axes)
        return condition.task, labels.index(condition.label), facet

    return Design(keys, tuple(sorted(found, key=place)))


def _label_of_all(keys: Keys, rows: Sequence[Row]) -> str:
    """The label of runs that lack what is compared: that of all others where they have only one."""
    values = {str(row[keys.compared]) for row in rows if keys.compared in row}
    return values.pop() if len(values) == 1 else ABSENT


def _condition(keys: Keys, label_of_all: str, group: Sequence[tuple[Row, Run]]) -> Condition:
    row = group[0][0]
    own = [key for key in keys.parameters if key in keys.axes and key in row] if keys.compared == ACTIVATION else []
    return Condition(
        task=row[TASK],
        label=with_parameters(str(row.get(keys.compared, label_of_all)), [row[key] for key in own]),
        facet=_facet(keys.facet_axes, row, keys.axes),
        settings=tuple((key, written(row.get(key))) for key in keys.axes if key != TASK),
        values={key: row.get(key) for key in keys.axes if key != TASK},
        runs=tuple(sorted((run for _, run in group), key=lambda run: by_value(run.seed))),
    )


def _facet(axes: Sequence[str], values: Mapping[str, Any], among: Sequence[str]) -> str:
    return ", ".join(f"{short(key, among)} {written(values.get(key))}" for key in axes)


def keys_of(rows: Sequence[Row], following: Mapping[str, str] = NOTHING) -> Keys:
    """Axes, constants and parameters, by the rules above.  following: see `design_of`."""
    keys = list(dict.fromkeys(key for row in rows for key in row))
    columns = {key: [written(row.get(key)) for row in rows] for key in keys}
    having = {key: [n for n, row in enumerate(rows) if key in row] for key in keys}

    def place(key: str) -> tuple[bool, int, str]:
        return len(having[key]) < len(rows), FIRST.index(key) if key in FIRST else len(FIRST), key

    axes: list[str] = []
    constants: dict[str, str] = {}
    deciders: dict[str, str] = {}
    for key in sorted(keys, key=place):
        if len(set(columns[key])) == 1:
            constants[key] = columns[key][0]
        elif key in following:
            least, *_, greatest = sorted({row[key] for row in rows if key in row}, key=by_value)
            constants[key] = f"{written(least)} to {written(greatest)}, {following[key]}"
        elif decider := _decider(axes, columns, columns[key], having[key]):
            deciders[key] = decider
            constants[key] = _by_decider(columns[decider], columns[key])
        else:
            axes.append(key)

    def shown_at(axis: str) -> tuple[int, str]:
        """An axis that repeats another key, as far as that is there, stands where that key would stand."""
        same = [key for key in deciders if all(columns[key][n] == columns[axis][n] for n in having[key])]
        return (FIRST.index(axis), axis) if axis in FIRST else (len(FIRST), min([axis, *same]))

    return Keys(
        axes=tuple(sorted(axes, key=shown_at)),
        constants=tuple((key, constants[key]) for key in keys if key in constants),
        deciders=deciders,
        parameters=_parameters(rows, keys),
        compared=next((key for key in COMPARED if key in axes), ACTIVATION),
    )


def _decider(
    axes: Sequence[str], columns: Mapping[str, Sequence[str]], column: Sequence[str], having: Sequence[int]
) -> str | None:
    """The axis that a key follows from, by the rule above; None where the key varies by itself.

    having: the runs that have the key."""
    everywhere = (axis for axis in axes if _decides([columns[axis]], column))
    where_it_is = (axis for axis in axes if _decides([columns[axis]], column, having))
    found = next(everywhere, None)
    if found is None and _decides([columns[axis] for axis in axes], column):
        found = next(where_it_is, None)
    return found


def _decides(deciders: Sequence[Sequence[str]], column: Sequence[str], rows: Sequence[int] | None = None) -> bool:
    """Whether the same values of the deciders always come with the same value of the column; rows: in these alone."""
    seen: dict[tuple[str, ...], str] = {}
    for n in range(len(column)) if rows is None else rows:
        value = column[n]
        if seen.setdefault(tuple([decider[n] for decider in deciders]), value) != value:
            return False
    return True


def _parameters(rows: Sequence[Row], keys: Sequence[str]) -> tuple[str, ...]:
    """Keys of the cell that are parameters of its activation: some runs have them, some do not, and the activation
    decides which; the kind of cell does not.

    Where all runs have a key, as in a sweep of a single activation, that cannot be seen.  Then it is a parameter if it
    is one of an activation that the lab came with."""
    activations, cells = ([written(row.get(key)) for row in rows] for key in (ACTIVATION, CELL))
    known = {f"cell.{name}" for name in ALL_PARAMETERS}
    found = []
    for key in keys:
        if not key.startswith("cell.") or key.startswith("cell.gate_") or key in COMPARED:
            continue
        there = [str(key in row) for row in rows]
        if len(set(there)) == 1:
            belongs = key in known
        else:
            belongs = _decides([activations], there) and not _decides([cells], there)
        found += [key] if belongs else []
    return tuple(found)


def _by_decider(decider: Sequence[str], column: Sequence[str]) -> str:
    """ "10 (sinc, sines), 8 (digits)": each value with the values of the axis that decides it."""
    owners: dict[str, dict[str, None]] = {}
    for axis, value in zip(decider, column, strict=True):
        owners.setdefault(value, {})[axis] = None
    return ", ".join(f"{value} ({', '.join(values)})" for value, values in owners.items() if value != ABSENT)
