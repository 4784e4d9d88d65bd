"""A short text, learned by heart: at every character the next one.  Read as tokens.

Source: hunkim/DeepLearningZeroToAll, 12-1 (hihello), 12-2 (" if you want you"), 12-4 (the ship sentence).  As in the
source, the network is asked for what it was trained on: train, eval and test are the same windows.  Nothing is held
back, so these tasks show what a network can store and spell, not what it has understood.

A network without memory answers from the present character alone.  The least loss it can have follows from the counts
n(a, b) of pairs of neighbours:   - 1/N sum over a, b of n(a, b) log(n(a, b) / n(a)).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import numpy as np

from rnnlab import portable
from rnnlab.options import ConfigError, number
from rnnlab.tasks.base import Data, Finding, Predictor, Split, Task, register
from rnnlab.tasks.preprocessing import Vocabulary

SHIP = (
    "if you want to build a ship, don't drum up people together to collect wood and don't assign them tasks and work, "
    "but rather teach them to long for the endless immensity of the sea."
)


@dataclass(frozen=True)
class Spelling(Task):
    """Windows of `text`, stride 1; the target of every character is the one after it.

    accuracy is over all characters of all windows.  The decoded text is the first window's answer, then the last
    character of every later window's answer, as the source prints it; `spelled` is 1 where it equals the text."""

    text: ClassVar[str]

    loss = "cross_entropy"
    answers = "every"
    tokens = True
    predictions_kind = "text"
    score = "accuracy"
    higher_is_better = True

    @property
    def seq_len(self) -> int:
        return len(self.text) - 1

    @property
    def characters(self) -> tuple[str, ...]:
        """In the order in which the text first has them: token 0 is its first character."""
        return tuple(dict.fromkeys(self.text))

    @property
    def input_size(self) -> int:
        return len(self.characters)

    @property
    def output_size(self) -> int:
        return len(self.characters)

    @property
    def n_train(self) -> int:
        return len(self.text) - self.seq_len

    def data(self, seed: int) -> Data:
        return _windows(self)

    def baseline_losses(self, data: Data, split: Split) -> dict[str, float]:
        """The losses of the characters' frequencies, and of what may follow each character.  Both are exact, since
        every split is what was trained on."""
        blind = Split(np.zeros_like(split.inputs), split.targets)
        read = {"naive": blind, "memoryless": split}
        return {answer: memoryless_loss(inputs, self.output_size) for answer, inputs in read.items()}

    def preprocessing(self) -> Vocabulary:
        return Vocabulary(self.characters)

    def examine(self, data: Sequence[Data], network: Predictor) -> list[Finding]:
        said = network.outputs([lane.test.inputs for lane in data]).argmax(axis=3)
        return [self._finding(lane.test.targets, answers) for lane, answers in zip(data, said, strict=True)]

    def _finding(self, truth: np.ndarray, said: np.ndarray) -> Finding:
        letters = np.array(self.characters)
        texts = [letters[np.append(windows[0], windows[1:, -1])] for windows in (truth, said)]
        metrics = {
            "accuracy": float((said == truth).mean()),
            "spelled": float(np.array_equal(*texts)),
        }
        n = len(texts[0])
        columns = {"sample": np.zeros(n, np.int64), "position": np.arange(n), "truth": texts[0], "predicted": texts[1]}
        return Finding(metrics, columns)


def memoryless_loss(split: Split, n_tokens: int) -> float:
    """The least mean cross-entropy, in nats, that answers from the present token alone can have."""
    counts = np.zeros((n_tokens, n_tokens))
    np.add.at(counts, (split.inputs.ravel(), split.targets.ravel()), 1)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    return float(-(counts * portable.log(np.where(counts > 0, shares, 1.0))).sum() / counts.sum())


@lru_cache(maxsize=16)
def _windows(task: Spelling) -> Data:
    token = {character: n for n, character in enumerate(task.characters)}
    tokens = np.array([token[character] for character in task.text], dtype=np.int64)
    windows = np.lib.stride_tricks.sliding_window_view(tokens, task.seq_len + 1)
    split = Split(np.ascontiguousarray(windows[:, :-1]), np.ascontiguousarray(windows[:, 1:]))
    return Data(split, split, split)


@register("hihello")
@dataclass(frozen=True)
class HiHello(Spelling):
    """hihell in, ihello out, learned by heart: after h comes i or e, after l comes l or o, so memory is needed twice"""

    text = "hihello"


@register("charseq")
@dataclass(frozen=True)
class CharSeq(Spelling):
    """The text " if you want you", the next character at every one: 15 steps, ten characters, learned by heart"""

    text = " if you want you"


@register("ambiguous_hello")
@dataclass(frozen=True)
class AmbiguousHello(Spelling):
    """hell in, ello out: l is followed by l and by o, so it cannot be learned without memory.

    Without memory one of the two is wrong, and the loss stays above (2 log 2) / 4 = 0.347."""

    text = "hello"


@register("ship")
@dataclass(frozen=True)
class Ship(Spelling):
    """A sentence of 180 characters, 25 of them different, in windows: the next character at every one, by heart"""

    window: int = number(10, at_least=1, about="characters read at once")
    text = SHIP

    @property
    def seq_len(self) -> int:
        return self.window

    def check(self) -> None:
        if self.window >= len(self.text):
            raise ConfigError(f"task.window: {self.window}; must be below {len(self.text)}, the length of the sentence")
