"""Long-memory tasks in symbols: copy what was read long ago, the order of two rare symbols, parity.  Read as tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from rnnlab import portable
from rnnlab.options import number
from rnnlab.tasks.base import Data, Finding, Predictor, Split, register
from rnnlab.tasks.classes import Classification
from rnnlab.tasks.generated import Generated, success

N_SHOWN = 200  # steps of copy in predictions.csv: at least one sequence, and no part of one


@register("copy")
@dataclass(frozen=True)
class Copy(Generated):
    """Symbols to remember, a long nothing, then the symbols again.

    n_symbols of n_kinds are read, then nothing for `length` steps, the last of which says go; then the symbols are the
    right answers, in their order.  Until then the right answer is blank: T = length + 2 n_symbols answers in all.

    Arjovsky, Shah, Bengio, ICML (2016), section 5.1.  Without memory one still knows when to say blank, and has a loss
    of n_symbols log(n_kinds) / T: the paper's 10 log 8 / (length + 20).  accuracy is over the symbols; a sequence is
    right when all of them are."""

    length: int = number(50, at_least=1, about="steps between the last symbol read and the first said")
    n_symbols: int = number(10, at_least=1, about="symbols to remember")
    n_kinds: int = number(8, at_least=2, about="different symbols")

    loss = "cross_entropy"
    answers = "every"
    tokens = True
    predictions_kind = "text"
    score = "accuracy"
    higher_is_better = True

    @property
    def seq_len(self) -> int:
        return self.length + 2 * self.n_symbols

    @property
    def input_size(self) -> int:
        return self.n_kinds + 2  # blank and go

    @property
    def output_size(self) -> int:
        return self.n_kinds + 1

    def fresh_batch(self, generator: np.random.Generator, n: int) -> Split:
        blank, go = self.n_kinds, self.n_kinds + 1
        symbols = generator.integers(self.n_kinds, size=(n, self.n_symbols))
        inputs, targets = (np.full((n, self.seq_len), blank) for _ in range(2))
        inputs[:, : self.n_symbols] = targets[:, -self.n_symbols :] = symbols
        inputs[:, self.n_symbols + self.length - 1] = go
        return Split(inputs, targets)

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        return {"naive": self.n_symbols * float(portable.log(self.n_kinds)) / self.seq_len}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        said = network.outputs([lane.test.inputs for lane in data]).argmax(axis=3)
        return [self._finding(lane.test.targets, answers) for lane, answers in zip(data, said, strict=True)]

    def _finding(self, truth: np.ndarray, said: np.ndarray) -> Finding:
        right = (said == truth)[:, -self.n_symbols :]
        whole = right.all(axis=1)
        metrics = {
            "accuracy": float(right.mean()),
            "success_rate": float(whole.mean()),
            "success": success(whole),
        }
        names = np.array([*map(str, range(self.n_kinds)), "_"])
        n = max(N_SHOWN // self.seq_len, 1)
        sample, position = np.indices(truth[:n].shape).reshape(2, -1)
        shown = {"truth": names[truth[:n].ravel()], "predicted": names[said[:n].ravel()]}
        return Finding(metrics, {"sample": sample, "position": position} | shown)


@dataclass(frozen=True)
class Judged(Classification, Generated):
    """A class for the whole sequence, all equally likely; right when it is the right one."""

    tokens = True

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        return {"naive": float(portable.log(self.output_size))}

    def baselines(self, data: Data) -> dict[str, float]:
        return super().baselines(data) | {"naive_accuracy": 1 / self.output_size}

    def _finding(self, data: Data, on_eval: np.ndarray, on_test: np.ndarray) -> Finding:
        finding = super()._finding(data, on_eval, on_test)
        right = finding.predictions["predicted"] == finding.predictions["label"]
        return Finding({**finding.metrics, "success": success(right)}, finding.predictions)


@register("temporal_order")
@dataclass(frozen=True)
class TemporalOrder(Judged):
    """Two rare symbols among distractors: in which order did they come?

    The first symbol is A or B and stands in [L/10, 2L/10), the second is A or B and stands in [5L/10, 6L/10);
    everywhere else is one of four distractors.  Which of AA, AB, BA, BB?  Pascanu, Mikolov, Bengio, ICML (2013),
    section 4.1, after Hochreiter, Schmidhuber (1997), experiment 6a."""

    length: int = number(50, at_least=10, about="steps of a sequence")

    input_size = 6  # A, B, and four distractors
    output_size = 4

    @property
    def seq_len(self) -> int:
        return self.length

    def fresh_batch(self, generator: np.random.Generator, n: int) -> Split:
        inputs = generator.integers(2, 6, size=(n, self.length))
        symbols = generator.integers(2, size=(n, 2))
        tenths = [tenth * self.length // 10 for tenth in range(7)]
        for k, begin in enumerate((1, 5)):
            places = generator.integers(tenths[begin], tenths[begin + 1], size=n)
            inputs[np.arange(n), places] = symbols[:, k]
        return Split(inputs, 2 * symbols[:, 0] + symbols[:, 1])


@register("parity")
@dataclass(frozen=True)
class Parity(Judged):
    """Random bits: is the number of ones odd?

    Every bit counts, and counts alike; Minsky, Papert, Perceptrons (1969), showed how hard that is without recurrence.
    There are only 2^length sequences, so the splits have some in common when length is small."""

    length: int = number(10, at_least=1, about="steps of a sequence")

    input_size = 2
    output_size = 2

    @property
    def seq_len(self) -> int:
        return self.length

    def fresh_batch(self, generator: np.random.Generator, n: int) -> Split:
        bits = generator.integers(2, size=(n, self.length))
        return Split(bits, bits.sum(axis=1) % 2)
