"""A language model of any text, by characters or by words: at every token the next one, the state carried on.

The set-up of WegraLee/deep-learning-from-scratch-2, chapters 5 and 6: the text is one stream.  Where it is read by
words, the end of a line is the word <eos>.  A character or word that is not in the vocabulary is <unk>.  Perplexity is
exp(loss), with the loss in nats per token; bits per character are loss / log 2.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from rnnlab import portable
from rnnlab.options import ConfigError, When, choice, number, option, unless_null
from rnnlab.tasks.base import Data, Finding, Predictor, Split, register
from rnnlab.tasks.columns import in_examples
from rnnlab.tasks.files import FileTask, decoded
from rnnlab.tasks.parts import check_shares, cuts
from rnnlab.tasks.preprocessing import UNK, Vocabulary, tokenized
from rnnlab.tasks.sums import sums

N_SHOWN = 200  # tokens of the test text in predictions.csv
CUT_BY_POSITION = (When(("task.valid_path",), lambda path: path is None),)


@register("text")
@dataclass(frozen=True)
class Text(FileTask):
    """A language model: the next character or word of a text, with the state carried from window to window.

    The last parts of `path` are held out, or valid_path and test_path are read for them.  The vocabulary is that of the
    training part, most frequent token first; tokens of the other parts that are not in it are one more, <unk>."""

    path: str | None = option(None, about="a text file; null: every sum of two numbers below a hundred, in words")
    valid_path: str | None = option(None, about="a file for validation; null: a part near the end of path")
    test_path: str | None = option(None, about="a file for the test; null: the end of path")
    sha256: str | None = option(
        None, about="digest of the text, by which a run is known; null: whatever the files hold now"
    )
    encoding: str | None = option(
        None,
        acts=unless_null("task.encoding"),
        about="of the files: utf-8, utf-16, cp1252, latin-1 or another that Python knows; null: UTF-8, or what a "
        "byte-order mark says",
    )
    unit: str = choice(
        "characters", ("characters", "words"), about="what a token is; the end of a line is the word <eos>"
    )
    window: int = number(50, at_least=1, about="tokens read at once, through which the gradient goes back")
    reset: str | None = choice(
        None,
        ("window",),
        acts=unless_null("task.reset"),
        about="window: every window begins with a state of zero, and windows are drawn in any order; null: the state "
        "is carried on from window to window",
    )
    vocabulary_size: int | None = number(
        None, at_least=2, about="at most so many tokens, the others are <unk>; null: all of the training part"
    )
    valid_fraction: float = number(
        0.1, above=0, below=1, acts=CUT_BY_POSITION, about="share of path for validation, before the test part"
    )
    test_fraction: float = number(
        0.1, above=0, below=1, acts=CUT_BY_POSITION, about="share of path for the test, its end"
    )
    n_tokens: int | None = number(None, at_least=2, about="read only so many tokens of path; null: all")

    loss = "cross_entropy"
    answers = "every"
    tokens = True
    predictions_kind = "text"
    higher_is_better = False

    @property
    def carries_state(self) -> bool:
        return self.reset is None

    @property
    def score(self) -> str:
        return "bits_per_character" if self.unit == "characters" else "perplexity"

    @property
    def vocabulary(self) -> tuple[str, ...]:
        return corpus(self).vocabulary

    @property
    def input_size(self) -> int:
        return len(self.vocabulary)

    @property
    def output_size(self) -> int:
        return len(self.vocabulary)

    @property
    def seq_len(self) -> int:
        return self.window

    @property
    def n_train(self) -> int:
        return len(self.data(0).train)

    def check(self) -> None:
        if (self.valid_path is None) != (self.test_path is None) or (self.path is None and self.valid_path):
            raise ConfigError(
                f"task.valid_path: {self.valid_path!r}; task.path, valid_path and test_path name three files, or only "
                "task.path is given and cut by position"
            )
        if self.valid_path is None:
            check_shares(self.valid_fraction, self.test_fraction)
        self.data(0)

    @property
    def remarks(self) -> tuple[str, ...]:
        return corpus(self).remarks

    def data(self, seed: int) -> Data:
        return corpus(self).data

    def preprocessing(self) -> Vocabulary:
        return Vocabulary(self.vocabulary, self.unit)

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """Also `bigram`, the best answer that needs no memory: p(b | a) = (n(a, b) + p(b)) / (n(a) + 1), with a the
        present token and b the next."""
        return super().baseline_losses(data, split) | {"bigram": bigram_loss(data.train, split, self.output_size)}

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        """What was said of the beginning of the test text."""
        shown = [lane.test.inputs[: math.ceil(N_SHOWN / self.window)] for lane in data]
        said = network.outputs(shown).argmax(axis=3)
        return [self._finding(*lane) for lane in zip(data, said, strict=True)]

    def _finding(self, data: Data, said: np.ndarray) -> Finding:
        words = np.array(self.vocabulary)
        sample, position = np.indices(said.shape).reshape(2, -1)
        columns = {
            "sample": sample,
            "position": position,
            "truth": words[data.test.targets[: len(said)].ravel()],
            "predicted": words[said.ravel()],
        }
        return Finding({}, {name: column[:N_SHOWN] for name, column in columns.items()})

    def metrics_of_losses(self, train_loss: float, eval_loss: float, test_loss: float) -> dict[str, float]:
        """Perplexity and bits per character: of the test text without a prefix, of the others as train_ and eval_."""
        losses = {"train_": train_loss, "eval_": eval_loss, "": test_loss}
        return {name: value for prefix, loss in losses.items() for name, value in self._per_token(loss, prefix).items()}

    def _per_token(self, loss: float, prefix: str) -> dict[str, float]:
        metrics = {f"{prefix}perplexity": float(portable.exp(loss))}
        if self.unit == "characters":
            metrics[f"{prefix}bits_per_character"] = loss / portable.LOG_2
        return metrics


def bigram_loss(train: Split, split: Split, n_tokens: int) -> float:
    """The cross-entropy on a split, in nats, of the pairs of tokens that were counted on train."""
    frequencies = np.bincount(train.targets.ravel(), minlength=n_tokens) + 1.0
    frequencies /= frequencies.sum()
    before = np.bincount(train.inputs.ravel(), minlength=n_tokens)
    pairs = Counter((train.inputs * n_tokens + train.targets).ravel().tolist())
    a, b = split.inputs.ravel(), split.targets.ravel()
    together = np.array([pairs[pair] for pair in (a * n_tokens + b).tolist()])
    return float(-portable.log((together + frequencies[b]) / (before[a] + 1)).mean())


@dataclass(frozen=True, eq=False)
class Corpus:
    """remarks: what a person should know of the text."""

    vocabulary: tuple[str, ...]
    data: Data
    remarks: tuple[str, ...]


@lru_cache(maxsize=16)
def corpus(task: Text) -> Corpus:
    """The three parts of the text as tokens.  Raises ConfigError where a part is too short."""
    parts = _parts(task)
    vocabulary = _vocabulary(parts[0][1], task.vocabulary_size)
    remarks: tuple[str, ...] = ()
    unknown = Counter(token for _, part in parts[1:] for token in part)
    for token in vocabulary:
        del unknown[token]
    if unknown and task.vocabulary_size is None:
        remarks = (_about_unknown(task, unknown),)
        if UNK not in vocabulary:
            vocabulary = (*vocabulary, UNK)
    number_of = {token: n for n, token in enumerate(vocabulary)}
    splits = []
    for source, part in parts:
        if len(part) <= task.window:
            raise ConfigError(
                f"task.window: {task.window}; {source} has {len(part)} {task.unit}, and {task.window + 1} are needed"
            )
        numbers = np.array([number_of.get(token, number_of.get(UNK, -1)) for token in part], dtype=np.int64)
        n_windows = (len(part) - 1) // task.window
        inputs, targets = (numbers[k : k + n_windows * task.window].reshape(n_windows, -1) for k in (0, 1))
        splits.append(Split(inputs, targets))
    return Corpus(vocabulary, Data(*splits), remarks)


Part = tuple[str, list[str]]  # what to call it, and its tokens


def _parts(task: Text) -> list[Part]:
    files = task.content()
    texts = {name: decoded(name, getattr(task, name), content, task.encoding) for name, content in files.items()}
    tokens = {name: tokenized(text, task.unit) for name, text in (texts or {"path": sums()}).items()}
    for name, found in tokens.items():
        if not found:
            raise ConfigError(f"task.{name}: {getattr(task, name)!r}; the text is empty")
    train = tokens["path"][: task.n_tokens]
    if task.valid_path is not None:
        return [
            (f"the text {getattr(task, name)!r}", train if name == "path" else tokens[name])
            for name in ("path", "valid_path", "test_path")
        ]
    valid, test = cuts(len(train), task.valid_fraction, task.test_fraction)
    source = "the text" if task.path is None else f"{task.path!r}"
    return [
        (f"the training part of {source}", train[:valid]),
        (f"the validation part of {source}", train[valid:test]),
        (f"the test part of {source}", train[test:]),
    ]


def _vocabulary(tokens: list[str], size: int | None) -> tuple[str, ...]:
    """The most frequent token first; equally frequent ones in the order of the alphabet.  With a limit, <unk> comes
    last, unless the text itself has that word among the most frequent."""
    counts = Counter(tokens)
    found = sorted(counts, key=lambda token: (-counts[token], token))
    if size is None:
        return tuple(found)
    kept = found[:size] if UNK in found[:size] else [*found[: size - 1], UNK]
    return tuple(kept)


def _about_unknown(task: Text, unknown: Counter[str]) -> str:
    kinds = task.unit if len(unknown) > 1 else task.unit.removesuffix("s")
    return (
        f"{task.path}: {len(unknown)} {kinds} of the validation and test parts, {unknown.total()} in all, "
        f"{'are' if len(unknown) > 1 else 'is'} not in the training part and read as {UNK}: {in_examples(unknown)}"
    )
