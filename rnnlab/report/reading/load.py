"""A study's records as pandas tables: what `rnnlab.load` returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rnnlab.records.files import RecordError
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Problem, Study


class Results:
    """The runs of a study folder; docs/python.md lists the columns.

    runs          one row per run: config keys with dots, how it ended, its metrics
    curves        one row per run and evaluation
    predictions   one row per run and answer; the columns belong to the task
    gradients     one row per run, training step, layer and time step, where runs recorded it
    problems      what failed, is missing or cannot be read, by name

    A table is read when it is first asked for.  The first column of each is run_id.
    """

    def __init__(self, study: Study):
        self._study = study

    def __repr__(self) -> str:
        return f"<{len(self._study.members)} runs of {self._study.folder}>"

    @property
    def problems(self) -> tuple[Problem, ...]:
        return self._study.problems

    @cached_property
    def runs(self) -> pd.DataFrame:
        """NaN stands for a metric that a run does not have, and for one that is not a number."""
        return pd.DataFrame(list(self._study.rows()))

    @cached_property
    def curves(self) -> pd.DataFrame:
        return _stacked(self._study.curves, "step")

    @cached_property
    def predictions(self) -> pd.DataFrame:
        return _stacked(self._tables(self._study.predictions))

    @cached_property
    def gradients(self) -> pd.DataFrame:
        return _stacked(self._tables(self._study.gradients), "step", "layer", "t")

    def _tables(self, read: Callable[[str], Mapping[str, np.ndarray]]) -> dict[str, Mapping[str, np.ndarray]]:
        tables = {}
        for run in self._study.members:
            try:
                tables[run.run_id] = read(run.run_id)
            except RecordError:  # a failed run has none, or the file was removed
                continue
        return tables


def load(folder: str | Path) -> Results:
    """The records below a study folder, outputs/<study>.  Raises StudyError where no run can be read."""
    return Results(read_study(Path(folder)))


def _stacked(tables: Mapping[str, Mapping[str, np.ndarray]], *whole: str) -> pd.DataFrame:
    """One table of all, with run_id as its first column.  whole: the columns of whole numbers."""
    frames = [pd.DataFrame({"run_id": run_id, **table}) for run_id, table in tables.items() if table]
    if not frames:
        return pd.DataFrame(columns=["run_id", *whole])
    return pd.concat(frames, ignore_index=True).astype({name: "int64" for name in whole if name in frames[0]})
