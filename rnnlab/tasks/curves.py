"""Next-value prediction on a curve: `window` values in, the next one out; and the closed-loop forecast.

Source: heartcored98/Standalone-DeepLearning, Lec7/Lab9 (sin t + sin 2t over linspace(0, 100, 2400), windows of 10).
The lab trains on all windows and holds nothing back.

    split=held_out      the first range of t is for training, the next for validation, the last for the test.  As in
                        series.py, the first windows of a range reach back into the range before.
    split=interleaved   the lab's training set.  Validation and test are the same curve sampled at other times, eval
                        half a step after each training point, test a quarter of a step after it.  None of these values
                        was trained on, but predicting them is interpolation.

The hard test is the closed loop, which reads only its own answers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab import portable
from rnnlab.options import ConfigError, When, choice, number
from rnnlab.streams import Stream, generator
from rnnlab.tasks.base import Data, Finding, Predictor, Split, Task, register
from rnnlab.tasks.parts import check_shares, cuts

START, STOP, N_POINTS = "the first t", "the last t", "how many t there are, evenly spaced"
RANGES = ("training", "validation", "test")
HELD_OUT = (When(("task.split",), lambda split: split == "held_out"),)


@dataclass(frozen=True)
class Curve(Task):
    """Windows of a curve y(t), sampled n_points times from `start` to `stop`."""

    start: float = number(0.0, about=START)
    stop: float = number(100.0, about=STOP)
    n_points: int = number(2400, at_least=2, about=N_POINTS)
    window: int = number(10, at_least=1, about="values read before the next is predicted")
    noise: float = number(0.0, at_least=0, about="standard deviation of the noise that is added to all splits")
    split: str = choice(
        "held_out",
        ("held_out", "interleaved"),
        about="held_out: the last ranges of t are for validation and test; interleaved: all of t is for training, and "
        "the other splits lie between its points",
    )
    valid_fraction: float = number(
        0.15, above=0, below=1, acts=HELD_OUT, about="share of the points for validation, before the test range"
    )
    test_fraction: float = number(0.15, above=0, below=1, acts=HELD_OUT, about="share of the points for the test")
    forecast_steps: int | None = number(
        None, at_least=0, about="length of the closed loop; null: to the end of what it forecasts"
    )

    loss = "mse"
    predictions_kind = "series"
    score = "mse_closed_loop"
    scored_against = "persistence"
    higher_is_better = False
    input_size = 1
    output_size = 1

    @property
    def seq_len(self) -> int:
        return self.window

    @property
    def n_train(self) -> int:
        return self._ranges["training"][1] - self.window

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
        if self._holds_out:
            check_shares(self.valid_fraction, self.test_fraction)
            self._check_ranges()
        if self.forecast_steps is not None and self.forecast_steps > self._n_examined:
            raise ConfigError(
                f"task.forecast_steps: {self.forecast_steps}; must be at most {self._n_examined}, the number of windows"
                f" of the {'test' if self._holds_out else 'training'} split"
            )

    def _check_ranges(self) -> None:
        for name, (begin, end) in self._ranges.items():
            if begin >= end:
                raise ConfigError(
                    f"task.n_points: {self.n_points}; with task.window {self.window}, task.valid_fraction "
                    f"{self.valid_fraction!r} and task.test_fraction {self.test_fraction!r} the {name} range has no "
                    "target"
                )

    @property
    def _holds_out(self) -> bool:
        return self.split == "held_out"

    @property
    def _ranges(self) -> dict[str, tuple[int, int]]:
        """By split, the numbers of its first target and of the one after its last, among the points of its series."""
        if not self._holds_out:
            return dict.fromkeys(RANGES, (self.window, self.n_points))
        valid, test = cuts(self.n_points, self.valid_fraction, self.test_fraction)
        ranges = ((self.window, valid), (max(self.window, valid), test), (max(self.window, test), self.n_points))
        return dict(zip(RANGES, ranges, strict=True))

    @property
    def _examined(self) -> tuple[int, int]:
        """The range of the targets that are forecast: the test range; interleaved the training series, as the lab."""
        return self._ranges["test" if self._holds_out else "training"]

    @property
    def _n_examined(self) -> int:
        begin, end = self._examined
        return end - begin

    @property
    def times(self) -> np.ndarray:
        return np.linspace(self.start, self.stop, self.n_points)

    def data(self, seed: int) -> Data:
        return _sampled(self, seed if self.noise else 0)

    def sample(self, seed: int) -> Data:
        """The three splits, made anew."""
        noise = generator(seed, Stream.TASK)
        if self._holds_out:
            series = [self._series(self.times, noise)] * 3
        else:
            step = (self.stop - self.start) / (self.n_points - 1)
            series = [self._series(self.times + shift * step, noise) for shift in (0.0, 0.5, 0.25)]
        return Data(*map(self._windows, series, self._ranges.values()))

    def _series(self, times: np.ndarray, noise: np.random.Generator) -> np.ndarray:
        series = self.curve(times)
        if self.noise:
            series = series + noise.normal(scale=self.noise, size=len(series))
        return series.astype(np.float32)

    def _windows(self, series: np.ndarray, targets: tuple[int, int]) -> Split:
        """The targets of a range, each with the window before it, which can begin in the range before."""
        begin, end = targets
        windows = np.lib.stride_tricks.sliding_window_view(series[begin - self.window : end], self.window + 1)
        return Split(inputs=windows[:, :-1, None], targets=windows[:, -1:])

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """Persistence says the window's last value again."""
        persistence = np.square(split.targets - split.inputs[:, -1], dtype=np.float64).mean()
        return super().baseline_losses(data, split) | {"persistence": float(persistence)}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """One-step and closed-loop forecasts of the test range, the closed loop from its first window.  Where splits
        are interleaved, those of the training series, as the lab draws them."""
        examined = [lane.test if self._holds_out else lane.train for lane in data]
        steps = self._n_examined if self.forecast_steps is None else self.forecast_steps
        one_step = network.outputs([split.inputs for split in examined])[:, :, 0]
        closed_loop = np.full_like(one_step, math.nan)
        closed_loop[:, :steps] = network.closed_loop([split.inputs[0] for split in examined], steps)[:, :, 0]
        return [
            self._finding(split.targets[:, 0], next_values, continued, steps)
            for split, next_values, continued in zip(examined, one_step, closed_loop, strict=True)
        ]

    def _finding(self, truth: np.ndarray, one_step: np.ndarray, closed_loop: np.ndarray, steps: int) -> Finding:
        with np.errstate(over="ignore", invalid="ignore"):  # the forecast of a diverged run may be infinite
            errors = np.square(closed_loop[:steps].astype(np.float64) - truth[:steps])
            metrics = {"mse_closed_loop": float(errors.mean())} if steps else {}
        times = self.times[slice(*self._examined)]
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
