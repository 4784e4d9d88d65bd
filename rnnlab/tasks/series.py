"""A time series in a table: `window` rows of some columns in, what comes after them of one column out.

Source: hunkim/DeepLearningZeroToAll, 12-5 (a share's daily prices, window 7, the next close).  As in the source, the
first targets of each part have windows that reach back into the part before.  Unlike in the source, scaling is fitted
on the training part alone: the source scales its test part by the test part's own extremes.

Without a file the series is that of airline.py.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from rnnlab.options import ConfigError, When, choice, number, option, unless_null
from rnnlab.tasks.airline import airline
from rnnlab.tasks.base import Data, Finding, Predictor, Split, register
from rnnlab.tasks.columns import MISSING_WAYS, NO_DATE, choose, interpolated, read_inputs
from rnnlab.tasks.files import FileTask
from rnnlab.tasks.parts import check_shares, cuts
from rnnlab.tasks.preprocessing import Numbers
from rnnlab.tasks.scaling import SCALINGS, scaled_values, scales
from rnnlab.tasks.tables import DECIMALS, SEPARATORS, Table, read_table
from rnnlab.tasks.windows import Rows, Windows, ahead_of, forecasts_by_row, windows_in

SEVERAL_STEPS = (When(("task.horizon",), lambda horizon: horizon > 1),)
WITHOUT_DATES = (When(("task.date",), lambda date: date in (None, NO_DATE)),)
GAPS_ALLOWED = (When(("task.missing",), lambda way: way != "error"),)


@register("series")
@dataclass(frozen=True)
class Series(FileTask):
    """A time series from a table: some rows in, what comes after them of one column out.

    Losses are of scaled values; rmse and mae are in the target's own unit.  `skill`, on the test part, is
    1 - MSE / MSE of persistence: above 0 is better than saying the last value again."""

    path: str | None = option(None, about="a CSV file; null: airline passengers per month, 1949 to 1960")
    sha256: str | None = option(None, about="digest of the file, by which a run is known; null: whatever it holds now")
    separator: str | None = choice(
        None, SEPARATORS, acts=unless_null("task.separator"), about="what separates the fields; null: recognised"
    )
    decimal: str | None = choice(
        None, DECIMALS, acts=unless_null("task.decimal"), about="of numbers, 2.5 or 2,5; null: recognised"
    )
    encoding: str | None = option(
        None,
        acts=unless_null("task.encoding"),
        about="utf-8, utf-16, cp1252 or another that Python knows; null: recognised, cp1252 where it is not UTF-8",
    )
    columns: list[str] | None = option(
        None, about="the columns to read, [Open,Close], by name or number from 0; null: all but the dates"
    )
    categories: list[str] | None = option(
        None,
        acts=unless_null("task.categories"),
        about="columns of words to read too, an input of 0 or 1 for each word",
    )
    target: str | None = option(
        None, about="the column to predict, one of columns; null: the last of them that is no category"
    )
    date: str | None = option(
        None,
        acts=unless_null("task.date"),
        about="the column with dates (or numbers) that is the x axis and orders the rows; null: the first that has "
        "dates; none: the rows are numbered",
    )
    date_format: str | None = option(
        None,
        acts=unless_null("task.date_format"),
        about="how dates are written, as Python's strptime has it, %d/%m/%Y; null: recognised",
    )
    missing: str = choice(
        "error",
        MISSING_WAYS,
        acts=GAPS_ALLOWED,
        about="gaps in the table. error: are refused; interpolate: are filled, and filled values are no targets; "
        "drop: no window has one",
    )
    window: int = number(7, at_least=1, about="rows read")
    horizon: int = number(1, at_least=1, about="how many rows after the window are predicted")
    forecast: str = choice(
        "every_step",
        ("every_step", "last_step"),
        acts=SEVERAL_STEPS,
        about="every_step: all rows of the horizon, at once, an output for each; last_step: only the last of them",
    )
    season: int | None = number(
        None,
        at_least=2,
        acts=unless_null("task.season"),
        about="rows of a season, 12 for months: the value one season ago is another baseline, `seasonal`; null: none",
    )
    scaling: str = choice("minmax", SCALINGS, about="of the columns, fitted on the training part")
    newest_first: bool = option(
        False, acts=WITHOUT_DATES, about="the file's rows go back in time; with dates this is seen from them"
    )
    valid_fraction: float = number(
        0.15, above=0, below=1, about="share of the rows for validation, before the test part"
    )
    test_fraction: float = number(0.15, above=0, below=1, about="share of the rows for the test, the newest")

    loss = "mse"
    predictions_kind = "series"
    score = "skill"
    scored_against = "persistence"
    higher_is_better = True

    def __post_init__(self) -> None:
        for name in ("columns", "categories"):
            if isinstance(names := getattr(self, name), list):  # what is frozen can be hashed
                object.__setattr__(self, name, tuple(names))

    @property
    def ahead(self) -> np.ndarray:
        """How many rows after the window each output is."""
        return ahead_of(self.horizon, self.forecast == "every_step")

    @property
    def input_size(self) -> int:
        return scaled(self).data.train.inputs.shape[2]

    @property
    def output_size(self) -> int:
        return len(self.ahead)

    @property
    def seq_len(self) -> int:
        return self.window

    @property
    def n_train(self) -> int:
        return len(self.data(0).train)

    def fingerprinted(self) -> Series:
        """Also with the column of dates that was recognised, so that it stands in the record."""
        found = super().fingerprinted()
        assert isinstance(found, Series)
        return replace(found, date=_date_column(found))

    def check(self) -> None:
        check_shares(self.valid_fraction, self.test_fraction)
        self.data(0)

    @property
    def remarks(self) -> tuple[str, ...]:
        return scaled(self).remarks

    def data(self, seed: int) -> Data:
        return scaled(self).data

    def preprocessing(self) -> Numbers:
        s = scaled(self)
        return Numbers(self.window, len(s.names), s.offsets, s.units, (s.offset, s.unit), s.names)

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """Persistence says the target's last value in the window again, for every step of the horizon.  With
        task.season also `seasonal`: the value one season before."""
        found = super().baseline_losses(data, split)
        return found | {name: float(np.square(errors).mean()) for name, errors in self._errors_without(split).items()}

    def baselines(self, data: Data) -> dict[str, float]:
        """Also <answer>_rmse and <answer>_mae, on data.test in the target's own unit."""
        found, unit = super().baselines(data), scaled(self).unit
        for answer, errors in self._errors_without(data.test).items():
            found[f"{answer}_rmse"] = math.sqrt(found[f"{answer}_test_loss"]) * unit
            found[f"{answer}_mae"] = float(np.abs(errors).mean()) * unit
        return found

    def _errors_without(self, split: Split) -> Mapping[str, np.ndarray]:
        """The errors (N, O) of answers that need no training, scaled, by the answer's name."""
        targets = split.targets.astype(np.float64)
        found = {"persistence": targets - split.inputs[:, -1:, scaled(self).target]}
        if self.season is not None:
            assert isinstance(split, Windows) and split.seasonal is not None
            found["seasonal"] = targets - split.seasonal
        return found

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """Forecasts of the test part.  Where the column that is predicted is the only one that is read, and the next
        row the only one that is predicted, also the closed loop from the first window of the test part."""
        said = network.outputs([lane.test.inputs for lane in data])
        closed_loop: list[np.ndarray | None] = [None] * len(data)
        if self.input_size == 1 and self.horizon == 1:
            windows = [lane.test.inputs[0] for lane in data]
            ends = scaled(self).test.ends
            continued = network.closed_loop(windows, int(ends[-1] - ends[0]) + 1)
            closed_loop = list(continued[:, ends - ends[0], 0])
        return [self._finding(*lane) for lane in zip(data, said, closed_loop, strict=True)]

    def _finding(self, data: Data, said: np.ndarray, closed_loop: np.ndarray | None) -> Finding:
        """said: (N, O).  closed_loop: (N,); None where there is none."""
        series = scaled(self)
        targets = data.test.targets
        rows, by_row = forecasts_by_row(series.test.ends, self.ahead, targets, said, closed_loop)
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged run may forecast infinity
            errors = said.astype(np.float64) - targets
            mse = float(np.square(errors).mean())
            of_persistence = float(np.square(self._errors_without(data.test)["persistence"]).mean())
            metrics = {
                "skill": 1 - mse / of_persistence if of_persistence else math.nan,
                "rmse": math.sqrt(mse) * series.unit,
                "mae": float(np.abs(errors).mean()) * series.unit,
            }
            if len(self.ahead) > 1:
                by_step = np.sqrt(np.square(errors).mean(axis=0)) * series.unit
                metrics |= {f"rmse_step{k}": float(rmse) for k, rmse in zip(self.ahead, by_step, strict=True)}
            columns = {name: series.offset + series.unit * values.astype(np.float64) for name, values in by_row.items()}
        return Finding(metrics, {"t": series.labels[rows], **columns})


@dataclass(frozen=True, eq=False)
class Scaled:
    """The table in windows.  target: which of the inputs is predicted; its scaled value v stands for
    offset + unit * v.  offsets, units, names: of every input.  test: data.test.  labels: of every row, on the x axis.
    remarks: what a person should know."""

    data: Data
    test: Windows
    target: int
    offset: float
    unit: float
    offsets: tuple[float, ...]
    units: tuple[float, ...]
    names: tuple[str, ...]
    labels: np.ndarray
    remarks: tuple[str, ...]


@lru_cache(maxsize=16)
def scaled(task: Series) -> Scaled:
    """The task's table, scaled and cut into windows.  Raises ConfigError where it does not fit the options."""
    table = _table(task)
    n = len(table.rows)
    valid, test = cuts(n, task.valid_fraction, task.test_fraction)
    chosen = choose(table, task.columns, task.categories, task.target, task.date, task.date_format)
    parts = {"training": (0, valid), "validation": (valid, test), "test": (test, n)}
    for name, (start, stop) in parts.items():
        if max(task.window - 1 + task.ahead[0], start) + task.ahead[-1] - task.ahead[0] >= stop:
            raise ConfigError(
                f"task.window: {task.window}; with task.horizon {task.horizon} the {name} part of {n} rows has no "
                "target"
            )
    inputs = read_inputs(table, chosen, task.missing, task.date_format, task.newest_first, n_train=valid)
    offsets, units = scales(inputs, task.scaling, valid, table.path)
    known = ~np.isnan(inputs.values)
    filled = interpolated(inputs) if task.missing == "interpolate" else inputs.values
    values = scaled_values(inputs, filled, offsets, units, table.path)
    rows, k = Rows(values, known.all(axis=1), known[:, inputs.target]), inputs.target
    cut = {name: windows_in(rows, k, task.window, task.ahead, part, task.season) for name, part in parts.items()}
    _check_windows(task, {name: windows for name, (windows, _) in cut.items()})
    remarks = (*chosen.remarks, *inputs.remarks)
    if n_gaps := int((~rows.known).sum()):
        n_left_out = sum(n for _, n in cut.values())
        n_all = n_left_out + sum(len(windows) for windows, _ in cut.values())
        remarks += (
            f"task.missing={task.missing}: {n_gaps} of {n} rows with gaps, {n_left_out} of {n_all} windows unused",
        )
    return Scaled(
        data=Data(*(windows for windows, _ in cut.values())),
        test=cut["test"][0],
        target=k,
        offset=float(offsets[k]),
        unit=float(units[k]),
        offsets=tuple(offsets.tolist()),
        units=tuple(units.tolist()),
        names=inputs.names,
        labels=inputs.axis.labels if inputs.axis else np.arange(n),
        remarks=(*_how_it_was_read(task, table), *remarks),
    )


def _check_windows(task: Series, parts: Mapping[str, Windows]) -> None:
    """Raise ConfigError for a part in which all windows have gaps, or where an earlier season is not known."""
    for name, windows in parts.items():
        if not len(windows):
            raise ConfigError(f"task.missing: {task.missing!r}; every window of the {name} part has a gap")
        if name != "training" and windows.seasonal is not None and np.isnan(windows.seasonal).any():
            raise ConfigError(
                f"task.season: {task.season}; the {name} part has values of which no earlier season is known"
            )


def _table(task: Series) -> Table:
    if task.path is None:
        return airline()
    content = task.content()["path"]
    return _read(task.path, content, task.separator, task.decimal, task.encoding)


_read = lru_cache(maxsize=2)(read_table)  # a large table takes seconds, and tasks of a sweep share it


def _how_it_was_read(task: Series, table: Table) -> tuple[str, ...]:
    """What was recognised of the file and is not usual, in words."""
    usual = {"separator": "comma", "decimal": "point", "encoding": "utf-8"}
    said = [
        f"task.{name}={getattr(table, name)}"
        for name, value in usual.items()
        if getattr(task, name) is None and getattr(table, name) != value
    ]
    return (f"{task.path} was read with {' '.join(said)}",) if said else ()


@lru_cache(maxsize=64)  # every run asks for it
def _date_column(task: Series) -> str | None:
    """task.date, or the name of the column of dates that is recognised (its number, if the name is not its alone)."""
    if task.date is not None:
        return task.date
    table = _table(task)
    place = choose(table, task.columns, task.categories, task.target, task.date, task.date_format).date
    if place is None:
        return None
    name = table.names[place]
    return name if table.names.count(name) == 1 else str(place)
