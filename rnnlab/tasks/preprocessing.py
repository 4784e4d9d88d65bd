"""From data as people have them to the inputs of a network, and from its outputs to answers.

A preprocessing is plain data: it is kept beside the weights of a run (rnnlab/records/weights.py), so that a network can
be used where the files of its task are not.

    encode(data)      one sequence, or several with a leading axis N -> (T, I) or (N, T, I) float32, or tokens (T,) or
                      (N, T) int64.  Raises ValueError, in one line, for data that the network cannot read
    decode(outputs)   what the readout says, (..., O) -> answers
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np

EOS = "<eos>"  # the end of a line, where a text is read by words
UNK = "<unk>"  # a token that is not in the vocabulary
PERMUTATION_SEED = 0  # the permutation of pixels is part of the task: the same for every run


class Preprocessing:
    """Base of all.  A subclass is a frozen dataclass with fields of plain data."""

    kind: ClassVar[str]

    @property
    def width(self) -> int:
        """How many numbers a step has, or how many tokens there are."""
        raise NotImplementedError

    def encode(self, data: Any) -> np.ndarray:
        raise NotImplementedError

    def decode(self, outputs: np.ndarray) -> Any:
        """The class or token with the largest output; the first one where all are NaN."""
        return outputs.argmax(axis=-1)

    def as_dict(self) -> dict[str, Any]:
        """Plain data, which `preprocessing_of` reads back."""
        return {"kind": self.kind, **asdict(self)}  # type: ignore[call-overload]  # every subclass is a dataclass


@dataclass(frozen=True)
class Numbers(Preprocessing):
    """Sequences of numbers.  A column's value v is read as (v - offset) / unit.

    seq_len, input_size: T and I.  Where I is 1, the data may leave out its axis.  offsets, units: one for each column;
    none: the values are read as they are.  target: offset and unit of the answers, where they are numbers; None: each
    answer is a class.  names: of the columns, in the order in which they are read, where they have names."""

    kind = "numbers"
    seq_len: int
    input_size: int
    offsets: tuple[float, ...] = ()
    units: tuple[float, ...] = ()
    target: tuple[float, float] | None = None
    names: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.input_size

    def encode(self, data: Any) -> np.ndarray:
        values = _as_numbers(data)
        shape = (self.seq_len, self.input_size)
        if self.input_size == 1 and values.shape[-2:] != shape:
            values = values[..., None]
        if values.shape[-2:] != shape or values.ndim > 3:
            left_out = f", or ({self.seq_len},)" if self.input_size == 1 else ""
            raise ValueError(f"data: shape {np.shape(data)}; a sequence has {shape}{left_out}, several one axis more")
        if self.offsets:
            values = (values - np.array(self.offsets)) / np.array(self.units)
        return values.astype(np.float32)

    def decode(self, outputs: np.ndarray) -> np.ndarray:
        """Numbers in the unit of the target, float64, without the axis O where O is 1; or classes."""
        if self.target is None:
            return super().decode(outputs)
        offset, unit = self.target
        values = offset + unit * outputs.astype(np.float64)
        return values[..., 0] if values.shape[-1] == 1 else values


@dataclass(frozen=True)
class Pixels(Preprocessing):
    """Images of one shape, such as (rows, columns), with pixels from 0 to `brightest`; answers are classes.

    steps: T and I of the sequence that an image becomes, pixel after pixel.  permuted: its steps stand in one fixed
    random order.  classes: their names; none: the answers are their numbers."""

    kind = "pixels"
    shape: tuple[int, ...]
    brightest: float
    steps: tuple[int, int]
    permuted: bool = False
    classes: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        return self.steps[1]

    def encode(self, data: Any) -> np.ndarray:
        images = _as_numbers(data)
        n_axes = len(self.shape)
        if images.shape[-n_axes:] != self.shape or images.ndim > n_axes + 1:
            raise ValueError(f"data: shape {images.shape}; an image has {self.shape}, several one axis more")
        if images.size and not (images.min() >= 0 and images.max() <= self.brightest):
            raise ValueError(
                f"data: pixels from {images.min():g} to {images.max():g}; must be from 0 to {self.brightest:g}"
            )
        return self.sequences(images / self.brightest)

    def sequences(self, images: np.ndarray) -> np.ndarray:
        """One image or several, pixels from 0 to 1 -> (T, I) or (N, T, I) float32"""
        found = images.astype(np.float32).reshape(*images.shape[: -len(self.shape)], *self.steps)
        if self.permuted:
            order = np.random.default_rng(PERMUTATION_SEED).permutation(self.steps[0])
            found = np.ascontiguousarray(found[..., order, :])
        return found

    def decode(self, outputs: np.ndarray) -> Any:
        answers = super().decode(outputs)
        return np.array(self.classes)[answers] if self.classes else answers


@dataclass(frozen=True)
class Tokens(Preprocessing):
    """Tokens as whole numbers from 0 to below n, in sequences of any length; answers are classes or tokens."""

    kind = "tokens"
    n: int

    @property
    def width(self) -> int:
        return self.n

    def encode(self, data: Any) -> np.ndarray:
        tokens = np.asarray(data)
        if tokens.dtype.kind not in "iu" or tokens.ndim not in (1, 2):
            raise ValueError(f"data: {tokens.dtype} {tokens.shape}; must be whole numbers, (T,) or (N, T)")
        if tokens.size and not (tokens.min() >= 0 and tokens.max() < self.n):
            raise ValueError(f"data: tokens from {tokens.min()} to {tokens.max()}; must be from 0 to {self.n - 1}")
        return tokens.astype(np.int64)


@dataclass(frozen=True)
class Vocabulary(Preprocessing):
    """A text as a str; the answer says for every character, or for every word, which one comes next.

    tokens: a token's number is its place; what is not there is <unk>.  unit: "characters", and the answer is a str; or
    "words", where the end of a line is the word <eos>, and the answer is a list."""

    kind = "vocabulary"
    tokens: tuple[str, ...]
    unit: str = "characters"

    @property
    def width(self) -> int:
        return len(self.tokens)

    def encode(self, data: Any) -> np.ndarray:
        tokens = tokenized(data, self.unit) if isinstance(data, str) else []
        if self.unit == "words" and tokens and not data.endswith("\n"):
            tokens.pop()  # the line has not ended yet
        if not tokens:
            raise ValueError(f"data: {data!r}; must be a str with some {self.unit}")
        places = {token: n for n, token in enumerate(self.tokens)}
        unknown = places.get(UNK)
        found = [places.get(token, unknown) for token in tokens]
        if None in found:
            raise ValueError(f"data: {tokens[found.index(None)]!r} is not in the vocabulary, which has no {UNK}")
        return np.array(found, dtype=np.int64)

    def decode(self, outputs: np.ndarray) -> str | list[str]:
        said = [self.tokens[n] for n in outputs.argmax(axis=-1)]
        return said if self.unit == "words" else "".join(said)


KINDS: Mapping[str, type[Preprocessing]] = {cls.kind: cls for cls in (Numbers, Pixels, Tokens, Vocabulary)}


def preprocessing_of(data: Mapping[str, Any]) -> Preprocessing:
    """What `as_dict` gave, also after a detour through JSON.  Raises ValueError for anything else."""
    entries = {key: tuple(value) if isinstance(value, list) else value for key, value in data.items() if key != "kind"}
    try:
        return KINDS[data["kind"]](**entries)
    except (KeyError, TypeError):
        raise ValueError(f"no preprocessing: {str(dict(data))[:80]}") from None


def tokenized(text: str, unit: str) -> list[str]:
    """A text as its characters, or as its words with <eos> at the end of each line."""
    if unit == "characters":
        return list(text)
    lines = text.removesuffix("\n").split("\n") if text.strip() else []
    return [word for line in lines for word in (*line.split(), EOS)]


def _as_numbers(data: Any) -> np.ndarray:
    """Raises ValueError for what is no array of finite numbers."""
    try:
        values = np.asarray(data, dtype=np.float64)
    except (TypeError, ValueError):
        raise ValueError(f"data: {type(data).__name__}; must be an array of numbers") from None
    if values.ndim == 0 or not np.isfinite(values).all():
        raise ValueError("data: must be an array of finite numbers")
    return values
