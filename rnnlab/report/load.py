"""A study's records and verdicts as pandas tables: what `rnnlab.load` returns.  Nothing is drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from rnnlab.records.files import RecordError
from rnnlab.report.judging.conditions import Design, design_of
from rnnlab.report.judging.pairs import pairs_of
from rnnlab.report.judging.verdicts import judge
from rnnlab.report.page.tables import pair_rows, verdict_rows
from rnnlab.report.reading.read import read_study
from rnnlab.report.reading.study import Problem, Study


class Results:
    """The runs of a study folder; docs/python.md lists the columns.

    runs          one row per run: config keys with dots, how it ended, its metrics
    curves        one row per run and evaluation
    predictions   one row per run and answer; the columns belong to the task
    gradients     one row per run, training step, layer and time step, where runs recorded it
    verdicts      one row per comparison of a claim: what was concluded, with its numbers
    pairs         one row per task and pair of what is compared: do they differ, and by how much
    problems      what failed, is missing or cannot be read, by name

    A table is made when it is first asked for.  The first column of those of runs is run_id.
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

    @cached_property
    def verdicts(self) -> pd.DataFrame:
        """The same as tables/verdicts.csv of the report; without rows where the study has no claims."""
        return pd.DataFrame(verdict_rows(judge(self._study, self._design)))

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """The same as tables/pairs.csv of the report; without rows where one thing alone was run."""
        return pd.DataFrame(pair_rows(pairs_of(self._study, self._design)))

    @cached_property
    def _design(self) -> Design:
        return design_of(self._study.members)

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
