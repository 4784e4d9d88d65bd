"""Records as pandas tables, of a study and of one run: what `rnnlab.load`, `sweep` and `run` return has them."""

from __future__ import annotations

import html
from collections.abc import Callable, Mapping
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from rnnlab.options import counted
from rnnlab.records.files import RecordError
from rnnlab.records.run import CODE, read_record
from rnnlab.report.judging.conditions import Design, design_of
from rnnlab.report.judging.pairs import pairs_of
from rnnlab.report.judging.verdicts import judge
from rnnlab.report.page.tables import pair_rows, verdict_rows
from rnnlab.report.reading.study import Problem, Study


class Result:
    """The record of one run, read from its folder.

    config        the options that act, nested: config["cell"]["activation"]; `rnnlab.run(config)` is the same run
    code          what computed it: the number of rnnlab's numerics, and the digests of the plugins that it used
    outcome       learned, not_learned or diverged; None: the run has failed
    metrics       eval_loss, test_loss, naive_loss and so on, by name
    curves        one row per evaluation
    predictions   one row per answer; the columns belong to the task
    gradients     one row per training step, layer and time step, where the run recorded it
    """

    def __init__(self, folder: Path):
        record = read_record(folder)
        result = record.result
        self.folder, self.run_id = folder, record.run_id
        self.config: dict[str, Any] = dict(record.config)
        self.code: dict[str, Any] = self.config.pop(CODE, {"numerics": 1})
        self.status, self.outcome, self.steps_done = result.status, result.outcome, result.steps_done
        self.diverged, self.diverged_at_step = result.diverged, result.diverged_at_step
        self.divergence_reason = result.divergence_reason
        self.metrics = dict(result.metrics)
        self.curves, self.predictions = pd.DataFrame(result.curves), pd.DataFrame(result.predictions)
        self.gradients = pd.DataFrame(result.gradients)

    def __repr__(self) -> str:
        ending = f"{self.outcome or self.status}; eval_loss {self.metrics.get('eval_loss', np.nan):.4g}"
        return f"<{self.folder.name}: {ending}>"


class Page(PathLike[str]):
    """The page of a report: its path, and in a notebook the page itself."""

    def __init__(self, path: Path):
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return str(self.path)

    def _repr_html_(self) -> str:
        """What a notebook shows.  Links within the page go by the base; without it they would lead out of the page."""
        page = self.path.read_text(encoding="utf-8").replace("<head>", '<head><base href="about:srcdoc">', 1)
        style = "width: 100%; height: 80vh; border: 1px solid #ccc"
        return f'<iframe srcdoc="{html.escape(page)}" style="{style}"></iframe>'


class Results:
    """The runs of a study folder; docs/python.md lists the columns.

    runs          one row per run: config keys with dots, how it ended, its metrics
    curves        one row per run and evaluation
    predictions   one row per run and answer; the columns belong to the task
    gradients     one row per run, training step, layer and time step, where runs recorded it
    verdicts      one row per comparison of a claim: what was concluded, with its numbers
    pairs         one row per task and pair of what is compared: do they differ, and by how much
    problems      what failed, is missing or cannot be read, by name
    report()      the page; in a notebook it is shown

    A table is made when it is first asked for.  The first column of those of runs is run_id.
    """

    def __init__(self, study: Study):
        self._study = study

    def __repr__(self) -> str:
        return f"<{counted(len(self._study.members), 'run')} of {self._study.folder}>"

    @property
    def folder(self) -> Path:
        return self._study.folder

    def report(self) -> Page:
        """Write the report, unless the one that is there is up to date.  Raises OSError when it cannot be written."""
        from rnnlab.report.page.write import write_report

        return Page(write_report(self.folder))

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
        return design_of(self._study.members, self._study.following)

    def _tables(self, read: Callable[[str], Mapping[str, np.ndarray]]) -> dict[str, Mapping[str, np.ndarray]]:
        tables = {}
        for run in self._study.members:
            try:
                tables[run.run_id] = read(run.run_id)
            except RecordError:  # a failed run has none, or the file was removed
                continue
        return tables


def _stacked(tables: Mapping[str, Mapping[str, np.ndarray]], *whole: str) -> pd.DataFrame:
    """One table of all, with run_id as its first column.  whole: the columns of whole numbers."""
    frames = [pd.DataFrame({"run_id": run_id, **table}) for run_id, table in tables.items() if table]
    if not frames:
        return pd.DataFrame(columns=["run_id", *whole])
    return pd.concat(frames, ignore_index=True).astype({name: "int64" for name in whole if name in frames[0]})
