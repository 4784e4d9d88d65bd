"""A study as data: its runs, their tables, and by name what could not be read.

study.members               the runs, each with its config, how it ended and its metrics
study.curves[run_id]        curves.csv by column
study.predictions(run_id)   predictions.csv by column, read when asked for; study.gradients(run_id) likewise
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np

from rnnlab.records import run as records
from rnnlab.records.run import CODE, TaskFacts
from rnnlab.records.study import StudyFile
from rnnlab.report.reading.cache import Curves
from rnnlab.report.reading.running import Running


@dataclass(frozen=True)
class Run:
    """One readable run, without its tables.  config is flat, {"cell.activation": "tanh", ...}, and holds what acts."""

    folder: str
    run_id: str
    task: TaskFacts
    config: Mapping[str, Any]
    status: records.Status
    outcome: records.Outcome | None
    diverged: bool
    diverged_at_step: int | None
    divergence_reason: str | None
    steps_done: int
    metrics: Mapping[str, float]
    error: str | None

    @property
    def seed(self) -> Any:
        return self.config.get("seed")

    @property
    def completed(self) -> bool:
        return self.status == "completed"

    @property
    def has_test_loss(self) -> bool:
        """Whether the run recorded its loss on the test split.  Records from before test losses did not."""
        return "test_loss" in self.metrics

    @property
    def code(self) -> dict[str, Any]:
        """What computed the run: the number of the numerics, and the digests of plugins."""
        return {key: value for key, value in self.config.items() if key.startswith(f"{CODE}.")}

    @property
    def settings(self) -> dict[str, Any]:
        """The config without the seed: runs with the same settings are one condition."""
        return {key: value for key, value in self.config.items() if key != "seed"}

    @cached_property
    def identity(self) -> str:
        """The options and the seed as text, the same for an old record and a new one of the same run, and whatever code
        computed it.  A key that was left null and one that is not there are the same."""
        stated = {k: value for k, value in self.config.items() if value is not None and not k.startswith(f"{CODE}.")}
        return json.dumps(stated, sort_keys=True, default=str)


@dataclass(frozen=True)
class Problem:
    """A run that is in no number of the report.  repeated: the same run as another one, so nothing is lost."""

    name: str
    kind: Literal["failed", "missing", "unreadable", "repeated"]
    reason: str
    detail: str = ""


@dataclass(frozen=True)
class Study:
    folder: Path
    file: StudyFile
    members: tuple[Run, ...]
    curves: Mapping[str, Curves]  # by run_id
    problems: tuple[Problem, ...]
    notes: tuple[str, ...] = ()
    provenance: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    running: Running | None = None  # what is going on while it is read

    def rows(self) -> Iterator[dict[str, Any]]:
        """The runs as flat dicts, each with the entries that its run has, and no others."""
        ended = ("status", "outcome", "diverged", "diverged_at_step", "divergence_reason", "steps_done")
        for run in self.members:
            row = {"run_id": run.run_id, "folder": run.folder} | dict(run.config)
            yield row | {name: getattr(run, name) for name in ended} | dict(run.metrics)

    def predictions(self, run_id: str) -> dict[str, np.ndarray]:
        """predictions.csv of one run.  Raises RecordError."""
        return records.read_predictions(self._folder_of(run_id), self._by_id[run_id].task.predictions)

    def gradients(self, run_id: str) -> dict[str, np.ndarray]:
        """gradients.csv of one run; empty where it has none.  Raises RecordError."""
        return records.read_gradients(self._folder_of(run_id)) if self.has_gradients(run_id) else {}

    def has_gradients(self, run_id: str) -> bool:
        return (self._folder_of(run_id) / records.GRADIENTS).exists()

    def _folder_of(self, run_id: str) -> Path:
        return self.folder / self._by_id[run_id].folder

    @property
    def following(self) -> dict[str, str]:
        """The keys of runs that follow from all others, each with how, in words."""
        n = self.file.matched_parameters
        return {} if n is None else {"cell.hidden_size": f"so that every network has about {n} parameters"}

    @cached_property
    def places(self) -> dict[str, int]:
        """Of each run_id its place in members."""
        return {run.run_id: n for n, run in enumerate(self.members)}

    @cached_property
    def _by_id(self) -> dict[str, Run]:
        return {run.run_id: run for run in self.members}
