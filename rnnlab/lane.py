"""One run on its way through a pack: what it draws from, and what has been written down."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from rnnlab.batches import BatchOrder
from rnnlab.config import RunConfig
from rnnlab.divergence import judge, outcome
from rnnlab.records import CURVE_COLUMNS, RunResult
from rnnlab.tasks import Data, Finding, Task

BATCH_STREAM = 3  # a branch of the seed's tree of generators; 1 is the task's, 2 the initialisation's


@lru_cache(maxsize=8)  # by the identity of the data, which lanes may share
def _naive(task: Task, data: Data) -> dict[str, float]:
    return task.naive(data)


@dataclass(eq=False)
class Lane:
    run: RunConfig
    data: Data
    naive: dict[str, float]
    order: BatchOrder
    rows: list[tuple[float, ...]] = field(default_factory=list)  # of curves.csv
    batch_loss: float = math.nan
    grad_norm: float = math.nan
    n_clipped: int = 0  # since the last row
    last_row: int = 0
    steps_done: int = 0
    divergence_reason: str | None = None

    @classmethod
    def start(cls, run: RunConfig) -> Lane:
        data = run.task.data(run.seed)
        generator = np.random.default_rng(np.random.SeedSequence(run.seed, spawn_key=(BATCH_STREAM,)))
        order = BatchOrder(len(data.train), run.training.batch_size, generator)
        return cls(run, data, _naive(run.task, data), order)

    @property
    def live(self) -> bool:
        return self.divergence_reason is None

    @property
    def clip_norm(self) -> float:
        clip = self.run.optimizer.clip_norm
        return math.inf if clip is None else clip

    @property
    def loss_limit(self) -> float:
        factor = self.run.divergence.loss_factor
        return math.inf if factor is None else factor * self.naive["naive_loss"]

    def watch(self, loss: float, grad_norm: float, largest_update: float) -> None:
        """Take note of a step: loss and gradient norm at the weights before it.  A lane that diverges here stays where
        it is: the step is not taken."""
        self.batch_loss, self.grad_norm = loss, grad_norm
        self.divergence_reason = judge(loss, grad_norm, largest_update, self.loss_limit)
        if self.live:
            self.steps_done += 1
            self.n_clipped += grad_norm > self.clip_norm

    def add_row(self, train_loss: float, eval_loss: float) -> None:
        """A row of curves.csv at the step reached, in place of an earlier one at the same step."""
        updates = self.steps_done - self.last_row
        clip_rate = self.n_clipped / updates if updates else math.nan
        if self.rows and self.rows[-1][0] == self.steps_done:
            *_, clip_rate = self.rows.pop()
        self.rows.append((self.steps_done, train_loss, eval_loss, self.batch_loss, self.grad_norm, clip_rate))
        if self.live:  # the last update may have been the ruinous one
            self.divergence_reason = judge(train_loss, 0.0, 0.0, self.loss_limit)
        self.n_clipped, self.last_row = 0, self.steps_done

    def result(self, finding: Finding) -> RunResult:
        """The run as it ended, its last row being the end."""
        *_, (_, train_loss, eval_loss, *_) = self.rows
        diverged = not self.live
        return RunResult(
            status="completed",
            steps_done=self.steps_done,
            diverged_at_step=self.steps_done if diverged else None,
            divergence_reason=self.divergence_reason,
            outcome=outcome(diverged, eval_loss, self.naive["naive_loss"], self.run.divergence.margin),
            metrics={"train_loss": train_loss, "eval_loss": eval_loss, **self.naive, **finding.metrics},
            curves={
                name: np.array(column, dtype=np.int64 if name == "step" else np.float64)
                for name, column in zip(CURVE_COLUMNS, zip(*self.rows, strict=True), strict=True)
            },
            predictions=finding.predictions,
        )

    # What a checkpoint holds of a lane: everything that is not made again from the config.
    _PROGRESS = ("rows", "batch_loss", "grad_norm", "n_clipped", "last_row", "steps_done", "divergence_reason")

    def progress(self) -> dict[str, Any]:
        """Plain data for `resume`."""
        return {name: getattr(self, name) for name in self._PROGRESS} | {"order": self.order.state()}

    def resume(self, progress: dict[str, Any]) -> None:
        for name in self._PROGRESS:
            setattr(self, name, progress[name])
        self.rows = [tuple(row) for row in self.rows]
        self.order.resume(progress["order"])
