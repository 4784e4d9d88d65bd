"""How weights begin.  Each initializer draws a (fan_in, fan_out) matrix from a numpy generator, in float64.

Weights map from fan_in to fan_out by x W.  `hidden_size` is the width of the layer the matrix belongs to.  A cell with
gates has one matrix (fan_in, G * fan_out) for all of them, side by side; `draw` fills it gate by gate.  What papers
call a gain, and the spectral radius of `sparse` and `np_rnn`, is the scale that a run multiplies its draw by.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

N_INCOMING = 15  # weights that are not zero per unit of a sparse matrix: Martens, Sutskever, ICML (2011), section 5


@dataclass(frozen=True)
class Fan:
    """What an initializer may know of a matrix; fan_out is one gate's.

    gates: their names in order, as "input", "forget"; of what has none, one without a name.  seq_len: T of the task."""

    fan_in: int
    fan_out: int
    hidden_size: int
    gates: tuple[str, ...] = ("",)
    seq_len: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return (self.fan_in, self.fan_out)


Initializer = Callable[[np.random.Generator, Fan], np.ndarray]


def _uniform(generator: np.random.Generator, fan: Fan, bound: float) -> np.ndarray:
    return generator.uniform(-bound, bound, fan.shape)


def uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(fan_in): torch.nn.Linear"""
    return _uniform(generator, fan, 1 / np.sqrt(fan.fan_in))


def uniform_hidden(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(hidden_size): torch.nn.RNN, LSTM, GRU"""
    return _uniform(generator, fan, 1 / np.sqrt(fan.hidden_size))


def glorot_uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = sqrt(6 / (fan_in + fan_out)): Glorot, Bengio, AISTATS (2010), eq. 16"""
    return _uniform(generator, fan, np.sqrt(6 / (fan.fan_in + fan.fan_out)))


def glorot_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 2 / (fan_in + fan_out)): Glorot, Bengio, AISTATS (2010), eq. 12.  Keras draws this variance, too, and those
    of the normals below, from a normal cut off at two standard deviations"""
    return np.sqrt(2 / (fan.fan_in + fan.fan_out)) * generator.normal(size=fan.shape)


def he_uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = sqrt(6 / fan_in), the variance of he_normal"""
    return _uniform(generator, fan, np.sqrt(6 / fan.fan_in))


def he_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 2 / fan_in): He, Zhang, Ren, Sun, ICCV (2015), eq. 10"""
    return np.sqrt(2 / fan.fan_in) * generator.normal(size=fan.shape)


def lecun_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 1 / fan_in): LeCun, Bottou, Orr, Mueller, Efficient backprop (1998), eq. 16.

    With a scale g, the Gaussian of gain g: the spectral radius of a large square draw is near g (Sompolinsky, Crisanti,
    Sommers, Physical Review Letters 61 (1988); Saxe, McClelland, Ganguli, ICLR (2014), section 4)"""
    return np.sqrt(1 / fan.fan_in) * generator.normal(size=fan.shape)


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


def np_rnn(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """(A + I) / largest eigenvalue of A + I, A = S^T S / N, S ~ N(0, 1), (N, N): positive definite, spectral radius 1.
    Talathi, Vartak, arXiv 1511.03771 (2015), section 3.1"""
    s = generator.normal(size=_square(fan))
    a = s.T @ s / fan.fan_in + np.eye(fan.fan_in)
    return a / np.linalg.eigvalsh(a)[-1]


def np_rnn_input(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """alpha N(0, 1 / N), alpha = sqrt(2) exp(1.2 / (max(N, 6) - 2.4)), N = hidden_size: the input weights beside
    np_rnn.  Talathi, Vartak (2015), section 3.1; alpha from Sussillo, Abbott, arXiv 1412.6558 (2014)"""
    alpha = np.sqrt(2) * np.exp(1.2 / (max(fan.hidden_size, 6) - 2.4))
    return alpha / np.sqrt(fan.hidden_size) * generator.normal(size=fan.shape)


def sparse(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """15 weights N(0, 1) into every unit, the others zero, all divided by the spectral radius, which so is 1.  With
    scale 0.95 the "smart" tanh of Pascanu, Mikolov, Bengio, ICML (2013), supplementary material"""
    n, _ = _square(fan)
    matrix = generator.normal(size=(n, n))
    ranks = generator.random((n, n)).argsort(axis=0).argsort(axis=0)  # of each column's places, in random order
    matrix[ranks >= N_INCOMING] = 0
    return matrix / np.abs(np.linalg.eigvals(matrix)).max()


def normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 1); the scale is the standard deviation"""
    return generator.normal(size=fan.shape)


def zeros(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    return np.zeros(fan.shape)


def chrono(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Biases by which units forget after 1 to T - 1 steps: b_forget = log u, b_input = -log u, u ~ U(1, T - 1), T the
    sequence's length.  Tallec, Ollivier, ICLR (2018), eq. 16.

    All gates at once, (fan_in, G * fan_out).  A GRU has one gate, "update", for both: what it keeps has log u.
    Biases of other gates, and of what has no gates, are zero."""
    if fan.seq_len is None:
        raise ValueError("chrono needs seq_len")
    log_u = np.log(generator.uniform(1, max(fan.seq_len - 1, 1), fan.shape))
    of = {"forget": log_u, "update": log_u, "input": -log_u}
    return np.concatenate([of.get(gate, np.zeros(fan.shape)) for gate in fan.gates], axis=1)


def _square(fan: Fan) -> tuple[int, int]:
    if fan.fan_in != fan.fan_out:
        raise ValueError(f"a spectral radius belongs to a square matrix, not to one of {fan.fan_in} x {fan.fan_out}")
    return fan.shape


ANY_SHAPE = (
    *(uniform, uniform_hidden, glorot_uniform, orthogonal, identity, normal, zeros),
    *(glorot_normal, he_uniform, he_normal, lecun_normal, np_rnn_input),
)
SQUARE, BIAS = (np_rnn, sparse), (chrono,)
INITIALIZERS: Mapping[str, Initializer] = MappingProxyType({f.__name__: f for f in (*ANY_SHAPE, *SQUARE, *BIAS)})


def initializers_of(role: str) -> tuple[str, ...]:
    """The names of those that fit a role: "input", "recurrent", "readout" or "bias"."""
    fitting = ANY_SHAPE + {"recurrent": SQUARE, "bias": BIAS}.get(role, ())
    return tuple(f.__name__ for f in fitting)


def draw(kind: str, generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """A whole matrix, (fan_in, G * fan_out): gate after gate from one generator."""
    if INITIALIZERS[kind] in BIAS:
        return INITIALIZERS[kind](generator, fan)
    gates = [INITIALIZERS[kind](generator, replace(fan, gates=(gate,))) for gate in fan.gates]
    return np.concatenate(gates, axis=1)
