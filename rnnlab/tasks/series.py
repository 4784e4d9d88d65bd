"""The next value of a time series in a table: `window` rows of some columns in, a later value of one column out.

Source: hunkim/DeepLearningZeroToAll, 12-5 (a share's daily prices, window 7, the next close).  As in the source, the
first targets of each part have windows that reach back into the part before.  Unlike in the source, scaling is fitted
on the training part alone: the source scales its test part by the test part's own extremes.

The series that needs no file: airline passengers per month, 1949 to 1960, in thousands; Box, Jenkins, Time series
analysis (1976), series G.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab.options import ConfigError, choice, number, option
from rnnlab.tasks.base import Data, Finding, Predictor, Split, register
from rnnlab.tasks.files import FileTask, decoded
from rnnlab.tasks.parts import check_shares, cuts
from rnnlab.tasks.tables import Table, read_table

AIRLINE = """
112 118 132 129 121 135 148 148 136 119 104 118  115 126 141 135 125 149 170 170 158 133 114 140
145 150 178 163 172 178 199 199 184 162 146 166  171 180 193 181 183 218 230 242 209 191 172 194
196 196 236 235 229 243 264 272 237 211 180 201  204 188 235 227 234 264 302 293 259 229 203 229
242 233 267 269 270 315 364 347 312 274 237 278  284 277 317 313 318 374 413 405 355 306 271 306
315 301 356 348 355 422 465 467 404 347 305 336  340 318 362 348 363 435 491 505 404 359 310 337
360 342 406 396 420 472 548 559 463 407 362 405  417 391 419 461 472 535 622 606 508 461 390 432
"""


@register("series")
@dataclass(frozen=True)
class Series(FileTask):
    """A time series from a table: some rows in, a later value of one column out.

    Losses are of scaled values; rmse is in the target's own unit.  `skill`, on the test part, is
    1 - MSE / MSE of persistence: above 0 is better than saying the last value again."""

    path: str | None = option(None, about="a CSV file; null: airline passengers per month, 1949 to 1960")
    sha256: str | None = option(None, about="digest of the file, by which a run is known; null: whatever it holds now")
    columns: list[str] | None = option(
        None, about="the columns to read, [Open,Close], by name or number from 0; null: all"
    )
    target: str | None = option(None, about="the column to predict, one of columns; null: the last of them")
    window: int = number(7, at_least=1, about="rows read")
    horizon: int = number(1, at_least=1, about="how many rows after the window the target is")
    scaling: str = choice("minmax", ("minmax", "standard", "none"), about="of the columns, fitted on the training part")
    newest_first: bool = option(False, about="the file's rows go back in time")
    valid_fraction: float = number(
        0.15, above=0, below=1, about="share of the rows for validation, before the test part"
    )
    test_fraction: float = number(0.15, above=0, below=1, about="share of the rows for the test, the newest")

    loss = "mse"
    predictions_kind = "series"
    score = "skill"
    scored_against = "persistence"
    higher_is_better = True
    output_size = 1

    def __post_init__(self) -> None:
        if isinstance(self.columns, list):  # what is frozen can be hashed
            object.__setattr__(self, "columns", tuple(self.columns))

    @property
    def input_size(self) -> int:
        return scaled(self).data.train.inputs.shape[2]

    @property
    def seq_len(self) -> int:
        return self.window

    @property
    def n_train(self) -> int:
        return len(self.data(0).train)

    def check(self) -> None:
        check_shares(self.valid_fraction, self.test_fraction)
        self.data(0)

    def data(self, seed: int) -> Data:
        return scaled(self).data

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """Persistence says the target's last value in the window again."""
        persistence = float(np.square(self._persistence_errors(split)).mean())
        return super().baseline_losses(data, split) | {"persistence": persistence}

    def baselines(self, data: Data) -> dict[str, float]:
        """Also `persistence_rmse`, on data.test in the target's own unit."""
        found = super().baselines(data)
        return found | {"persistence_rmse": math.sqrt(found["persistence_test_loss"]) * scaled(self).unit}

    def _persistence_errors(self, split: Split) -> np.ndarray:
        return split.targets[:, 0].astype(np.float64) - split.inputs[:, -1, scaled(self).target]

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """One-step forecasts of the test part.  Where the column that is predicted is the only one that is read, also
        the closed loop from the first window of the test part."""
        one_step = network.outputs([lane.test.inputs for lane in data])[:, :, 0]
        closed_loop = np.full_like(one_step, math.nan)
        if self.input_size == 1 and self.horizon == 1:
            windows = [lane.test.inputs[0] for lane in data]
            closed_loop = network.closed_loop(windows, one_step.shape[1])[:, :, 0]
        return [self._finding(*lane) for lane in zip(data, one_step, closed_loop, strict=True)]

    def _finding(self, data: Data, one_step: np.ndarray, closed_loop: np.ndarray) -> Finding:
        series = scaled(self)
        truth = data.test.targets[:, 0]
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged run may forecast infinity
            mse = float(np.square(one_step.astype(np.float64) - truth).mean())
            of_persistence = float(np.square(self._persistence_errors(data.test)).mean())
            skill = 1 - mse / of_persistence if of_persistence else math.nan
            columns = {
                name: series.offset + series.unit * values.astype(np.float64)
                for name, values in (("truth", truth), ("one_step", one_step), ("closed_loop", closed_loop))
            }
        t = np.arange(series.n_rows - len(truth), series.n_rows)
        return Finding({"skill": skill, "rmse": math.sqrt(mse) * series.unit}, {"t": t, **columns})


@dataclass(frozen=True, eq=False)
class Scaled:
    """The table in windows.  target: which of the inputs is predicted; its scaled value v stands for
    offset + unit * v."""

    data: Data
    target: int
    offset: float
    unit: float
    n_rows: int


@lru_cache(maxsize=16)
def scaled(task: Series) -> Scaled:
    """The task's table, scaled and cut into windows.  Raises ConfigError where it does not fit the options."""
    table = _table(task)
    columns = [table.place(name, "columns") for name in task.columns or map(str, range(len(table.names)))]
    target = table.place(task.target, "target") if task.target is not None else columns[-1]
    if target not in columns:
        raise ConfigError(f"task.target: {task.target!r}; must be one of task.columns")
    numbers = table.numbers(columns)[:: -1 if task.newest_first else 1]
    n = len(numbers)
    valid, test = cuts(n, task.valid_fraction, task.test_fraction)
    first = task.window + task.horizon - 1  # the row of the first target
    parts = {"training": (first, valid), "validation": (max(first, valid), test), "test": (max(first, test), n)}
    for name, (start, stop) in parts.items():
        if start >= stop:
            raise ConfigError(
                f"task.window: {task.window}; with task.horizon {task.horizon} the {name} part of {n} rows has no "
                "target"
            )
    offsets, units = _scales(task, table, columns, numbers[:valid])
    values = ((numbers - offsets) / units).astype(np.float32)
    windows = np.lib.stride_tricks.sliding_window_view(values, task.window, axis=0).transpose(0, 2, 1)
    k = columns.index(target)
    splits = (
        Split(np.ascontiguousarray(windows[start - first : stop - first]), values[start:stop, k : k + 1])
        for start, stop in parts.values()
    )
    return Scaled(Data(*splits), k, float(offsets[k]), float(units[k]), n)


def _table(task: Series) -> Table:
    if task.path is not None:
        return read_table(task.path, decoded("path", task.path, task.content()["path"]))
    months = AIRLINE.split()
    return Table("the airline series", ("passengers",), tuple((month,) for month in months), tuple(range(len(months))))


def _scales(task: Series, table: Table, columns: list[int], train: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Offset and unit of each column, with which the training part goes from 0 to 1, or has mean 0 and variance 1."""
    if task.scaling == "none":
        return np.zeros(len(columns)), np.ones(len(columns))
    if task.scaling == "minmax":
        offsets, units = train.min(axis=0), np.ptp(train, axis=0)
    else:
        offsets, units = train.mean(axis=0), train.std(axis=0)
    for column, unit in zip(columns, units, strict=True):
        if not unit:
            raise ConfigError(
                f"task.scaling: {task.scaling!r}; column {table.names[column]} does not change over the training part, "
                "leave it out (task.columns), or take none"
            )
    return offsets, units
