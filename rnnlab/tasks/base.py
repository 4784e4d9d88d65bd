"""What a task is: data from a seed, a loss, the answers that need no training, and what to say about a trained network.

Arrays are numpy, float32 for numbers and int64 for classes and tokens.  Axis letters: R run, N samples, T time,
I input, O output.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, TypeVar

import numpy as np

from rnnlab import portable
from rnnlab.records.run import TaskFacts
from rnnlab.registry import Registry
from rnnlab.tasks.preprocessing import Numbers, Preprocessing, Tokens

AnyTask = TypeVar("AnyTask", bound="type[Task]")
TASKS: Registry[type[Task]] = Registry("a task", "rnnlab.task")


def register(name: str) -> Callable[[AnyTask], AnyTask]:
    """Make a frozen dataclass reachable as task=<name>."""
    TASKS.check_name(name)

    def enter(cls: AnyTask) -> AnyTask:
        TASKS.add(name, cls)
        cls.name = name
        return cls

    return enter


@dataclass(frozen=True, eq=False)
class Split:
    """inputs: numbers (N, T, I) float32, or tokens (N, T) int64, from 0 to below the task's input_size; the first layer
    looks up a row for each token.
    targets: (N, O) float32 or (N,) classes where the last step is answered, (N, T, O) or (N, T) where every step is.

    Where a task carries its state (`Task.carries_state`), the samples are consecutive windows of one stream."""

    inputs: np.ndarray
    targets: np.ndarray

    def __len__(self) -> int:
        return len(self.inputs)


@dataclass(frozen=True, eq=False)
class Data:
    """train is learned from.  eval is the validation split: it is evaluated during training, and everything that is
    chosen is chosen by it.  test is evaluated once, at the end; scores come from it.

    A task whose data do not depend on the seed gives the same object every time: lanes then share it."""

    train: Split
    eval: Split
    test: Split


class Predictor(Protocol):
    """The trained networks of a pack, one per lane, as a task sees them."""

    def outputs(self, inputs: Sequence[np.ndarray]) -> np.ndarray:
        """One (N, T, I) array, or (N, T) of tokens, per lane -> what the readout says, (R, N, O) or (R, N, T, O)."""

    def closed_loop(self, windows: Sequence[np.ndarray], steps: int) -> np.ndarray:
        """One first window (T, I) per lane -> (R, steps, O).  Each answer is pushed into the window as its newest
        value, the oldest is dropped, and the state starts from zero for each window."""


@dataclass(frozen=True)
class Finding:
    """What a task says of one trained network: metrics by name, and the columns of predictions.csv."""

    metrics: Mapping[str, float]
    predictions: Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Task:
    """Base of all tasks.  The dataclass's fields are its options, task.<field>.

    loss: its name in nets/losses.py, "mse" or "cross_entropy".  answers: at the "last" step or at "every" step.
    tokens: inputs are tokens, not numbers.
    generates: sequences can be made without end, by `fresh_batch`.
    scored_against: the answer of `baseline_losses` whose test loss has a score of 0.
    """

    name: ClassVar[str]
    loss: ClassVar[str]
    answers: ClassVar[Literal["last", "every"]] = "last"
    tokens: ClassVar[bool] = False
    generates: ClassVar[bool] = False
    scored_against: ClassVar[str] = "naive"
    predictions_kind: ClassVar[Literal["series", "classes", "text"]]
    higher_is_better: ClassVar[bool]

    @property
    def carries_state(self) -> bool:
        """Whether the data are a stream that is cut into consecutive windows, and the state goes on from one window to
        the next.  B streams of N // B windows are read side by side; at the start of each pass the state is zero."""
        return False

    @property
    def score(self) -> str:
        """The metric by which a person judges a run."""
        raise NotImplementedError

    @property
    def input_size(self) -> int:
        """How many numbers a step reads, or how many tokens there are."""
        raise NotImplementedError

    @property
    def output_size(self) -> int:
        raise NotImplementedError

    @property
    def seq_len(self) -> int:
        raise NotImplementedError

    @property
    def n_train(self) -> int:
        """How many training samples there are, for any seed; known without making them."""
        raise NotImplementedError

    @property
    def with_longer_sequences(self) -> Task | None:
        """The same task with longer sequences, on which a trained network is tested once more; None: it is not."""
        return None

    def fingerprinted(self) -> Task:
        """The task with the digest of its files in `sha256`, so that a run is known by what they hold.

        Raises ConfigError for a file that cannot be read, or whose digest is not the one given."""
        return self

    def check(self) -> None:
        """Raise ConfigError where the options do not fit each other, or the files do not fit the options.  That each
        option by itself is in its range has been checked before."""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a person should know of the data that is no reason to refuse them, such as gaps; each a few words that
        begin with an option or a file.  They are said once, after `check`."""
        return ()

    def data(self, seed: int) -> Data:
        """The data of one run.  They follow from the options and the seed alone."""
        raise NotImplementedError

    def fresh_batch(self, generator: np.random.Generator, n: int) -> Split:
        """n new sequences of the training set's kind.  Only where the task `generates`."""
        raise NotImplementedError

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """The losses on one split of the data of answers that need no training, by the answer's name.

        `naive` is always there: the constant answer that is best on data.train.  A task may add other answers."""
        if self.loss == "mse":
            return {"naive": mean_predictor_loss(data.train, split)}
        return {"naive": class_frequency_loss(data.train, split, self.output_size)}

    def baselines(self, data: Data) -> dict[str, float]:
        """The metrics of answers that need no training: <answer>_loss on data.eval and <answer>_test_loss on data.test,
        of every answer of `baseline_losses`.  A task may add others, such as an accuracy."""
        on_eval, on_test = (self.baseline_losses(data, split) for split in (data.eval, data.test))
        return {f"{answer}_loss": loss for answer, loss in on_eval.items()} | {
            f"{answer}_test_loss": loss for answer, loss in on_test.items()
        }

    def preprocessing(self) -> Preprocessing:
        """How a person's data become inputs, and outputs become answers.  A task that scales its data, or reads images
        or text, says so here."""
        if self.tokens:
            return Tokens(self.input_size)
        target = (0.0, 1.0) if self.predictions_kind == "series" else None
        return Numbers(self.seq_len, self.input_size, target=target)

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """One Finding per lane."""
        raise NotImplementedError

    def metrics_of_losses(self, train_loss: float, eval_loss: float, test_loss: float) -> dict[str, float]:
        """Metrics that follow from the last losses alone, such as a perplexity."""
        return {}

    @property
    def facts(self) -> TaskFacts:
        return TaskFacts(
            self.name, self.loss, self.predictions_kind, self.score, self.higher_is_better, self.scored_against
        )


def mean_predictor_loss(train: Split, split: Split) -> float:
    """Mean squared error on a split of always answering the mean of the training targets."""
    mean = train.targets.mean(axis=tuple(range(train.targets.ndim - 1)), dtype=np.float64)
    return float(np.square(split.targets - mean).mean())


def class_frequency_loss(train: Split, split: Split, n_classes: int) -> float:
    """Cross-entropy in nats on a split of always answering the frequencies of the training classes (each counted once
    more, so that a class missing from training has a finite loss)."""
    counts = np.bincount(train.targets.ravel(), minlength=n_classes) + 1.0
    return float(-portable.log(counts / counts.sum())[split.targets].mean())
