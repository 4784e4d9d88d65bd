"""Adding and multiplication: two marked numbers of a long sequence, and their sum or product at its end.

A step reads a number and a mark.  In each half of the sequence one mark is 1; all others are 0:
Arjovsky, Shah, Bengio, ICML (2016), section 5.2, after Hochreiter, Schmidhuber, Neural computation 9 (1997),
experiments 4 and 5.  An answer is right where its error is below 0.04 (Hochreiter, Schmidhuber; Talathi, Vartak, arXiv
1511.03771 (2015)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab.options import number
from rnnlab.tasks.base import Data, Finding, Predictor, Split, register
from rnnlab.tasks.generated import Generated, success

RIGHT = 0.04
N_SHOWN = 200  # test sequences in predictions.csv


@dataclass(frozen=True)
class Marked(Generated):
    """Numbers are U(0, 1)."""

    length: int = number(50, at_least=2, about="steps of a sequence")

    loss = "mse"
    predictions_kind = "series"
    score = "mse"
    higher_is_better = False
    input_size = 2
    output_size = 1

    @property
    def seq_len(self) -> int:
        return self.length

    @staticmethod
    def answer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        raise NotImplementedError

    def fresh_batch(self, generator: np.random.Generator, n: int) -> Split:
        inputs = np.zeros((n, self.length, 2), np.float32)
        inputs[:, :, 0] = generator.random((n, self.length), np.float32)
        half, each = self.length // 2, np.arange(n)
        places = (generator.integers(half, size=n), generator.integers(half, self.length, size=n))
        for place in places:
            inputs[each, place, 1] = 1
        return Split(inputs, self.answer(*(inputs[each, place, :1] for place in places)))

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """One finding per lane, on the test set; the sequences in predictions.csv are sorted by the right answer."""
        answers = network.outputs([lane.test.inputs for lane in data])[:, :, 0]
        return [self._finding(lane.test.targets[:, 0], said) for lane, said in zip(data, answers, strict=True)]

    def _finding(self, truth: np.ndarray, said: np.ndarray) -> Finding:
        with np.errstate(over="ignore", invalid="ignore"):  # a diverged run may say infinity
            errors = said.astype(np.float64) - truth
            right = np.abs(errors) < RIGHT
            metrics = {
                "mse": float(np.square(errors).mean()),
                "success_rate": float(right.mean()),
                "success": success(right),
            }
        shown = np.argsort(truth[:N_SHOWN], kind="stable")
        columns = {"t": np.arange(len(shown)), "truth": truth[shown], "one_step": said[shown]}
        return Finding(metrics, columns | {"closed_loop": np.full(len(shown), np.nan, np.float32)})


@register("adding")
@dataclass(frozen=True)
class Adding(Marked):
    """Two marked numbers of a long sequence, and their sum at its end.

    The best answer without memory is 1, with a mean squared error of 2/12 = 1/6."""

    @staticmethod
    def answer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a + b

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        return {"naive": 1 / 6}


@register("multiplication")
@dataclass(frozen=True)
class Multiplication(Marked):
    """Two marked numbers of a long sequence, and their product at its end.

    The best answer without memory is 1/4, with a mean squared error of 1/9 - 1/16 = 7/144."""

    @staticmethod
    def answer(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return a * b

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        return {"naive": 7 / 144}
