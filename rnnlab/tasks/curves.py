"""Next-value prediction on a curve: `window` values in, the next one out; and the closed-loop forecast.

Source: heartcored98/Standalone-DeepLearning, Lec7/Lab9 (sin t + sin 2t over linspace(0, 100, 2400), windows of 10).
The lab trains on all windows and holds nothing back.  Its training set stays as it was: validation and test are the
same curve sampled at other times, eval half a step after each training point, test a quarter of a step after it.  None
of these values was trained on, but predicting them is interpolation.  The hard test is the closed loop, which reads
only its own answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab import portable
from rnnlab.options import ConfigError, number
from rnnlab.streams import Stream, generator
from rnnlab.tasks.base import Data, Finding, Predictor, Split, Task, register

START, STOP, N_POINTS = "the first t", "the last t", "how many t there are, evenly spaced"  # of the training series


@dataclass(frozen=True)
class Curve(Task):
    """Windows of a curve y(t), sampled n_points times from `start` to `stop`."""

    start: float = number(0.0, about=START)
    stop: float = number(100.0, about=STOP)
    n_points: int = number(2400, at_least=2, about=N_POINTS)
    window: int = number(10, at_least=1, about="values read before the next is predicted")
    noise: float = number(0.0, at_least=0, about="standard deviation of the noise that is added to all splits")
    forecast_steps: int | None = number(None, at_least=0, about="length of the closed loop; null: one per window")

    loss = "mse"
    predictions_kind = "series"
    score = "mse_closed_loop"
    higher_is_better = False
    input_size = 1
    output_size = 1

    @property
    def seq_len(self) -> int:
        return self.window

    @property
    def n_train(self) -> int:
        return self.n_points - self.window

    @staticmethod
    def curve(t: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def check(self) -> None:
        if self.window >= self.n_points:
            raise ConfigError(
                f"task.window: {self.window}; must be below task.n_points ({self.n_points}), "
                "the window is longer than its series"
            )
        if self.stop <= self.start:
            raise ConfigError(f"task.stop: {self.stop!r}; must be above task.start ({self.start!r})")
        if self.forecast_steps is not None and self.forecast_steps > self.n_train:
            raise ConfigError(
                f"task.forecast_steps: {self.forecast_steps}; must be at most {self.n_train}, the number of windows"
            )

    @property
    def times(self) -> np.ndarray:
        return np.linspace(self.start, self.stop, self.n_points)

    def data(self, seed: int) -> Data:
        return _sampled(self, seed if self.noise else 0)

    def sample(self, seed: int) -> Data:
        """The three splits, made anew."""
        noise = generator(seed, Stream.TASK)
        step = (self.stop - self.start) / (self.n_points - 1)
        return Data(*(self._split(self.times + shift * step, noise) for shift in (0.0, 0.5, 0.25)))

    def _split(self, times: np.ndarray, noise: np.random.Generator) -> Split:
        series = self.curve(times)
        if self.noise:
            series = series + noise.normal(scale=self.noise, size=len(series))
        windows = np.lib.stride_tricks.sliding_window_view(series.astype(np.float32), self.window + 1)
        return Split(inputs=windows[:, :-1, None], targets=windows[:, -1:])

    def naive(self, data: Data) -> dict[str, float]:
        """Persistence says the window's last value again."""
        persistence = np.square(data.eval.targets - data.eval.inputs[:, -1], dtype=np.float64).mean()
        return super().naive(data) | {"persistence_loss": float(persistence)}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """One-step and closed-loop forecasts of the training series, as the lab draws them."""
        steps = self.n_train if self.forecast_steps is None else self.forecast_steps
        one_step = network.outputs([lane.train.inputs for lane in data])[:, :, 0]
        closed_loop = np.full_like(one_step, math.nan)
        closed_loop[:, :steps] = network.closed_loop([lane.train.inputs[0] for lane in data], steps)[:, :, 0]
        return [
            self._finding(lane.train.targets[:, 0], next_values, continued, steps)
            for lane, next_values, continued in zip(data, one_step, closed_loop, strict=True)
        ]

    def _finding(self, truth: np.ndarray, one_step: np.ndarray, closed_loop: np.ndarray, steps: int) -> Finding:
        with np.errstate(over="ignore", invalid="ignore"):  # the forecast of a diverged run may be infinite
            errors = np.square(closed_loop[:steps].astype(np.float64) - truth[:steps])
            metrics = {"mse_closed_loop": float(errors.mean())} if steps else {}
        times = self.times[self.window :]
        columns = {"t": times, "truth": truth, "one_step": one_step, "closed_loop": closed_loop}
        return Finding(metrics, columns)


@lru_cache(maxsize=8)
def _sampled(curve: Curve, seed: int) -> Data:
    return curve.sample(seed)


@register("sines")
@dataclass(frozen=True)
class Sines(Curve):
    """y(t) = sin t + sin 2t, windows in, next value out: the lab's series"""

    @staticmethod
    def curve(t: np.ndarray) -> np.ndarray:
        return portable.sin(t) + portable.sin(2 * t)


@register("sinc")
@dataclass(frozen=True)
class Sinc(Curve):
    """y(t) = sin(t) / t, y(0) = 1, windows in, next value out: the function that the post names, spaced as the lab's"""

    start: float = number(-25.0, about=START)
    stop: float = number(25.0, about=STOP)
    n_points: int = number(1200, at_least=2, about=N_POINTS)

    @staticmethod
    def curve(t: np.ndarray) -> np.ndarray:
        at_zero = t == 0
        return np.where(at_zero, 1.0, portable.sin(t) / np.where(at_zero, 1.0, t))
