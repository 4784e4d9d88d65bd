"""How weights begin.  Each initializer draws a (fan_in, fan_out) matrix from a numpy generator, in float64.

Weights map from fan_in to fan_out by x W.  `hidden_size` is the width of the layer the matrix belongs to.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np


@dataclass(frozen=True)
class Fan:
    """What an initializer may know of a matrix."""

    fan_in: int
    fan_out: int
    hidden_size: int

    @property
    def shape(self) -> tuple[int, int]:
        return (self.fan_in, self.fan_out)


Initializer = Callable[[np.random.Generator, Fan], np.ndarray]


def uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(fan_in): torch.nn.Linear"""
    bound = 1 / np.sqrt(fan.fan_in)
    return generator.uniform(-bound, bound, fan.shape)


def uniform_hidden(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(hidden_size): torch.nn.RNN, LSTM, GRU"""
    bound = 1 / np.sqrt(fan.hidden_size)
    return generator.uniform(-bound, bound, fan.shape)


def glorot_uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = sqrt(6 / (fan_in + fan_out)): Glorot, Bengio, AISTATS (2010), eq. 16"""
    bound = np.sqrt(6 / (fan.fan_in + fan.fan_out))
    return generator.uniform(-bound, bound, fan.shape)


def orthogonal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer: Saxe, McClelland, Ganguli, ICLR (2014).

    QR of a normal matrix, with the signs of R's diagonal moved into Q so that Q is uniform over the orthogonal group
    (Mezzadri, Notices of the AMS 54 (2007))."""
    tall = generator.normal(size=(max(fan.shape), min(fan.shape)))
    q, r = np.linalg.qr(tall)
    q = q * np.where(np.diag(r) < 0, -1.0, 1.0)
    return q if fan.fan_in >= fan.fan_out else q.T


def identity(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Ones on the diagonal, zeros elsewhere: Le, Jaitly, Hinton, arXiv 1504.00941 (2015)"""
    return np.eye(*fan.shape)


def normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 1); the scale is the standard deviation"""
    return generator.normal(size=fan.shape)


def zeros(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    return np.zeros(fan.shape)


INITIALIZERS: Mapping[str, Initializer] = MappingProxyType(
    {f.__name__: f for f in (uniform, uniform_hidden, glorot_uniform, orthogonal, identity, normal, zeros)}
)
