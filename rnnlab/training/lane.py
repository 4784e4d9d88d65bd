"""Lane: one run of a pack, with everything that is its own beside the weights."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from rnnlab.config.architecture import architecture_of
from rnnlab.config.run import RunConfig
from rnnlab.nets.divergence import REASONS, judge
from rnnlab.records.metrics import PARAMETERS
from rnnlab.records.run import CURVE_COLUMNS, RunResult
from rnnlab.records.weights import Weights
from rnnlab.streams import Stream, generator
from rnnlab.tasks import Data, Finding, Task
from rnnlab.training.batches import BatchOrder, FreshBatches, StreamOrder
from rnnlab.training.outcome import outcome

MOST_GRADIENTS = 40  # a record keeps the gradients through time of so many steps, evenly spaced, with the last one


@lru_cache(maxsize=8)  # by the identity of the data, which lanes can share
def _baselines(task: Task, data: Data) -> dict[str, float]:
    return task.baselines(data)


@dataclass(eq=False)
class Lane:
    """One run of a pack: its data, generators and results.  Its weights are in the pack."""

    run: RunConfig
    data: Data
    baselines: dict[str, float]  # the metrics of answers that need no training
    order: BatchOrder | StreamOrder | FreshBatches
    dropout: np.random.Generator
    noise: np.random.Generator
    rows: list[dict[str, float]] = field(default_factory=list)  # of curves.csv
    gradients: list[dict[str, Any]] = field(default_factory=list)  # n, step, grad_norm (layers, T) as nested lists
    measured: dict[str, float] = field(default_factory=dict)  # the diagnostics, for the next row
    batch_loss: float = math.nan
    grad_norm: float = math.nan
    n_clipped: int = 0  # updates since the last row whose gradient was clipped
    last_row: int = 0  # the step of the last row
    dynamics: dict[str, float] = field(default_factory=dict)  # by dynamics.py: at first of the initial weights only
    steps_done: int = 0
    divergence_reason: str | None = None
    stopped: bool = False  # the validation loss is below training.stop_at_loss

    @classmethod
    def start(cls, run: RunConfig) -> Lane:
        """A run before its first step."""
        data = run.task.data(run.seed)
        return cls(
            run,
            data,
            _baselines(run.task, data),
            _order(run, len(data.train)),
            dropout=generator(run.seed, Stream.DROPOUT),
            noise=generator(run.seed, Stream.GRADIENT_NOISE),
        )

    def directions(self) -> np.random.Generator:
        """A new generator for the initial directions of dynamics.py, the same each time."""
        return generator(self.run.seed, Stream.DIRECTIONS)

    @property
    def live(self) -> bool:
        """Whether the run is still trained."""
        return self.divergence_reason is None and not self.stopped

    @property
    def loss_limit(self) -> float:
        factor = self.run.divergence.loss_factor
        return math.inf if factor is None else factor * self.baselines["naive_loss"]

    def watch(self, n_taken: int, reason: int, loss: float, grad_norm: float, n_clipped: int) -> None:
        """Record updates: how many were taken, of how many the gradient was clipped, and why the lane has diverged, a
        number of nets/divergence.py.

        loss, grad_norm: of the last update, at the weights before it."""
        self.batch_loss, self.grad_norm = loss, grad_norm
        self.divergence_reason = REASONS[reason] if reason else None
        self.steps_done += n_taken
        self.n_clipped += n_clipped

    def measure(self, measured: dict[str, float], step: int, through_time: np.ndarray | None) -> None:
        """Record what was measured at a step.  through_time: the norms of dL/dh[t], (layers, T)."""
        self.measured = measured
        if through_time is not None:
            self._keep_gradient({"step": step, "grad_norm": through_time.tolist()})

    def _keep_gradient(self, entry: dict[str, Any]) -> None:
        """Add an entry.  As the number of entries grows, only every second, fourth, ... is kept, and the last one: the
        total number is not known before the run ends."""
        n = self.gradients[-1]["n"] + 1 if self.gradients else 0
        stride = 1 << (n // (2 * MOST_GRADIENTS)).bit_length()
        self.gradients = [kept for kept in self.gradients if kept["n"] % stride == 0] + [entry | {"n": n}]

    def add_row(self, train_loss: float, eval_loss: float) -> None:
        """Add a row of curves.csv for the current step; it replaces an earlier row of the same step."""
        updates = self.steps_done - self.last_row
        clip_rate = self.n_clipped / updates if updates else math.nan
        earlier = self.rows.pop() if self.rows and self.rows[-1]["step"] == self.steps_done else {}
        values = (self.steps_done, train_loss, eval_loss, self.batch_loss, self.grad_norm, clip_rate)
        row = dict(zip(CURVE_COLUMNS, values, strict=True))
        if earlier:
            row["clip_rate"] = earlier["clip_rate"]
        self.rows.append(earlier | row | self.measured)
        self.measured = {}  # a lane may diverge at a step at which nothing is measured
        if self.live:  # it may be the last update that made the loss too large
            reason = judge(train_loss, 0.0, 0.0, self.loss_limit)
            self.divergence_reason = REASONS[reason] if reason else None
        stop_at_loss = self.run.training.stop_at_loss
        if self.live and stop_at_loss is not None and eval_loss < stop_at_loss:
            self.stopped = True
        self.n_clipped, self.last_row = 0, self.steps_done

    def result(self, finding: Finding, test_loss: float, weights: Weights | None = None) -> RunResult:
        """The result of a run that is not trained any further.  Its last row has the final losses of the other splits.

        weights: those that are there at the end, if they are kept.  test_loss: with them, on the whole of data.test."""
        last, diverged = self.rows[-1], self.divergence_reason is not None
        losses = {"train_loss": last["train_loss"], "eval_loss": last["eval_loss"], "test_loss": test_loss}
        return RunResult(
            status="completed",
            steps_done=self.steps_done,
            diverged_at_step=self.steps_done if diverged else None,
            divergence_reason=self.divergence_reason,
            outcome=outcome(diverged, test_loss, self.baselines["naive_test_loss"], self.run.divergence.margin),
            metrics={
                **losses,
                PARAMETERS: architecture_of(self.run.task, self.run.cell, self.run.readout).n_parameters,
                **self.baselines,
                **self.run.task.metrics_of_losses(**losses),
                **finding.metrics,
                **self.dynamics,
            },
            curves=self._curves(),
            predictions=finding.predictions,
            gradients=self._gradients(),
            weights=weights,
        )

    def _curves(self) -> dict[str, np.ndarray]:
        """The rows as columns.  NaN stands for what a row does not have."""
        names = dict.fromkeys((*CURVE_COLUMNS, *(name for row in self.rows for name in row)))
        return {
            name: np.array([row.get(name, math.nan) for row in self.rows], np.int64 if name == "step" else np.float64)
            for name in names
        }

    def _gradients(self) -> dict[str, np.ndarray]:
        """The columns of gradients.csv: step, layer, t, grad_norm."""
        if not self.gradients:
            return {}
        n = len(self.gradients)
        kept = [self.gradients[k] for k in np.unique(np.linspace(0, n - 1, min(n, MOST_GRADIENTS)).round().astype(int))]
        norms = np.array([entry["grad_norm"] for entry in kept], dtype=np.float32)  # (steps, layers, T)
        _, layer, t = np.indices(norms.shape).reshape(3, -1)
        step = np.repeat([entry["step"] for entry in kept], norms[0].size)
        return {"step": step, "layer": layer, "t": t, "grad_norm": norms.ravel()}

    # The fields that a checkpoint keeps: everything that cannot be made again from the config.
    _PROGRESS = (
        *("rows", "gradients", "measured", "batch_loss", "grad_norm", "n_clipped", "last_row", "steps_done"),
        *("dynamics", "divergence_reason", "stopped"),
    )

    def progress(self) -> dict[str, Any]:
        """The state of the lane as plain data, for `resume`."""
        drawn = {name: getattr(self, name).bit_generator.state for name in ("dropout", "noise")}
        return {name: getattr(self, name) for name in self._PROGRESS} | {"order": self.order.state(), "drawn": drawn}

    def resume(self, progress: dict[str, Any]) -> None:
        """Set the state of a new lane of the same run to what `progress` returned."""
        for name in self._PROGRESS:
            setattr(self, name, progress[name])
        self.order.resume(progress["order"])
        for name, state in progress["drawn"].items():
            getattr(self, name).bit_generator.state = state


def _order(run: RunConfig, n_train: int) -> BatchOrder | StreamOrder | FreshBatches:
    """The batches of a run, in the order that its config asks for."""
    batches, batch_size = generator(run.seed, Stream.BATCHES), run.training.batch_size
    if run.training.fresh:
        return FreshBatches(run.task, batch_size or n_train, batches)
    if run.task.carries_state:
        return StreamOrder(n_train, batch_size)
    return BatchOrder(n_train, batch_size, batches)
