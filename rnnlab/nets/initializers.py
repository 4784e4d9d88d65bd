"""How weights begin.  An initializer draws a (fan_in, fan_out) matrix from a numpy generator, in float64.

A weight matrix W is applied as x W, from fan_in numbers to fan_out.  A cell with G gates has one matrix
(fan_in, G * fan_out), in which the gates stand side by side; `draw` fills it gate by gate.  A run multiplies its draw
by a scale, such as init.recurrent_scale: the gain of the papers, and the spectral radius of `sparse` and `np_rnn`.

To add one: a function under `@register("name")`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from rnnlab import portable
from rnnlab.registry import Registry

ROLES = ("embedding", "input", "recurrent", "readout", "bias")  # what a matrix is for

N_INCOMING = 15  # weights that are not zero per unit of a sparse matrix: Martens, Sutskever, ICML (2011), section 5


@dataclass(frozen=True)
class Fan:
    """What an initializer may know of a matrix.

    fan_out: of one gate.  hidden_size: the width of the layer that the matrix belongs to.  gates: their names in order,
    such as ("input", "forget"); ("",) where there are none.  seq_len: T of the task.
    """

    fan_in: int
    fan_out: int
    hidden_size: int
    gates: tuple[str, ...] = ("",)
    seq_len: int | None = None

    @property
    def shape(self) -> tuple[int, int]:
        return (self.fan_in, self.fan_out)


Draw = Callable[[np.random.Generator, Fan], np.ndarray]


@dataclass(frozen=True)
class Initializer:
    """roles: the kinds of matrix that it fits.  all_gates: it draws all gates of a matrix at once."""

    function: Draw
    roles: tuple[str, ...] = ROLES
    all_gates: bool = False

    def __call__(self, generator: np.random.Generator, fan: Fan) -> np.ndarray:
        return self.function(generator, fan)


INITIALIZERS: Registry[Initializer] = Registry("an initializer", "rnnlab.initializer")


def register(name: str, roles: tuple[str, ...] = ROLES, all_gates: bool = False) -> Callable[[Draw], Draw]:
    """Make a function reachable as init.<role>=<name>, for the roles that it fits."""
    INITIALIZERS.check_name(name)

    def enter(function: Draw) -> Draw:
        INITIALIZERS.add(name, Initializer(function, roles, all_gates))
        return function

    return enter


def initializers_of(role: str) -> tuple[str, ...]:
    """The names of the initializers that fit a role."""
    return tuple(name for name, initializer in INITIALIZERS.items() if role in initializer.roles)


def draw(kind: str, generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """A whole matrix, (fan_in, G * fan_out), its gates drawn one after the other from one generator."""
    initializer = INITIALIZERS[kind]
    if initializer.all_gates:
        return initializer(generator, fan)
    return np.concatenate([initializer(generator, replace(fan, gates=(gate,))) for gate in fan.gates], axis=1)


def _uniform(generator: np.random.Generator, fan: Fan, bound: float) -> np.ndarray:
    return generator.uniform(-bound, bound, fan.shape)


def _normal(generator: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """N(0, 1).  Numpy computes numbers far from 0 with a logarithm of the C library."""
    return _rounded(generator.normal(size=shape))


def _rounded(x: np.ndarray) -> np.ndarray:
    """float64 -> float64, with the precision of float32.

    Of numbers that LAPACK or the C library computed the last bits depend on the processor (docs/bits.md).  They are
    rounded away before other numbers are computed from them."""
    return x.astype(np.float32).astype(np.float64)


@register("uniform")
def uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(fan_in): torch.nn.Linear"""
    return _uniform(generator, fan, 1 / np.sqrt(fan.fan_in))


@register("uniform_hidden")
def uniform_hidden(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = 1 / sqrt(hidden_size): torch.nn.RNN, LSTM, GRU"""
    return _uniform(generator, fan, 1 / np.sqrt(fan.hidden_size))


@register("glorot_uniform")
def glorot_uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = sqrt(6 / (fan_in + fan_out)): Glorot, Bengio, AISTATS (2010), eq. 16"""
    return _uniform(generator, fan, np.sqrt(6 / (fan.fan_in + fan.fan_out)))


@register("glorot_normal")
def glorot_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 2 / (fan_in + fan_out)): Glorot, Bengio, AISTATS (2010), eq. 12.

    Keras has the variances of this and the next normals, too, but cuts the normal off at two standard deviations."""
    return np.sqrt(2 / (fan.fan_in + fan.fan_out)) * _normal(generator, fan.shape)


@register("he_uniform")
def he_uniform(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """U(-k, k), k = sqrt(6 / fan_in), the variance of he_normal"""
    return _uniform(generator, fan, np.sqrt(6 / fan.fan_in))


@register("he_normal")
def he_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 2 / fan_in): He, Zhang, Ren, Sun, ICCV (2015), eq. 10"""
    return np.sqrt(2 / fan.fan_in) * _normal(generator, fan.shape)


@register("lecun_normal")
def lecun_normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 1 / fan_in): LeCun, Bottou, Orr, Mueller, Efficient backprop (1998), eq. 16.

    With a scale g, the Gaussian of gain g: the spectral radius of a large square draw is near g (Sompolinsky, Crisanti,
    Sommers, Physical Review Letters 61 (1988); Saxe, McClelland, Ganguli, ICLR (2014), section 4)"""
    return np.sqrt(1 / fan.fan_in) * _normal(generator, fan.shape)


@register("orthogonal")
def orthogonal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Orthonormal rows or columns, whichever are fewer: Saxe, McClelland, Ganguli, ICLR (2014).

    Q of the QR decomposition of a normal matrix, with a positive diagonal of R: Q is then uniform over the orthogonal
    group (Mezzadri, Notices of the AMS 54 (2007))."""
    q = _orthonormal(_normal(generator, (min(fan.shape), max(fan.shape))))
    return q.T if fan.fan_in >= fan.fan_out else q


def _orthonormal(rows: np.ndarray) -> np.ndarray:
    """The rows (K, N), K <= N, made orthonormal one after the other: a row is normalised, then its direction is taken
    out of all rows below it (modified Gram-Schmidt; the diagonal of R is the lengths, so it is positive).

    Twice, because the errors of the first time grow with the condition number of the matrix; the second time begins
    with rows that are nearly orthonormal (Giraud, Langou, Rozloznik, Computers and mathematics with applications 50
    (2005))."""
    q = rows.copy()
    for _ in range(2):
        for k in range(len(q)):
            row = q[k]
            row /= np.sqrt((row * row).sum())
            below = q[k + 1 :]
            below -= (below * row).sum(axis=1, keepdims=True) * row
    return q


@register("identity")
def identity(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Ones on the diagonal, zeros elsewhere: Le, Jaitly, Hinton, arXiv 1504.00941 (2015)"""
    return np.eye(*fan.shape)


@register("np_rnn", roles=("recurrent",))
def np_rnn(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """(A + I) / largest eigenvalue of A + I, A = S^T S / N, S ~ N(0, 1), (N, N): positive definite, spectral radius 1.
    Talathi, Vartak, arXiv 1511.03771 (2015), section 3.1"""
    s = _normal(generator, _square(fan))
    a = portable.product(s.T, s) / fan.fan_in + np.eye(fan.fan_in)
    return a / _rounded(np.linalg.eigvalsh(a)[-1])


@register("np_rnn_input")
def np_rnn_input(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """alpha N(0, 1 / N), alpha = sqrt(2) exp(1.2 / (max(N, 6) - 2.4)), N = hidden_size: the input weights that go with
    np_rnn.  Talathi, Vartak (2015), section 3.1; alpha is of Sussillo, Abbott, arXiv 1412.6558 (2014)"""
    alpha = np.sqrt(2) * portable.exp(1.2 / (max(fan.hidden_size, 6) - 2.4))
    return alpha / np.sqrt(fan.hidden_size) * _normal(generator, fan.shape)


@register("sparse", roles=("recurrent",))
def sparse(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """15 weights N(0, 1) into every unit, the others zero; all are divided by the spectral radius, which is 1 then.

    With scale 0.95 it is the "smart" tanh of Pascanu, Mikolov, Bengio, ICML (2013), supplementary material."""
    n, _ = _square(fan)
    matrix = _normal(generator, (n, n))
    order = generator.random((n, n)).argsort(axis=0, kind="stable")
    ranks = order.argsort(axis=0, kind="stable")  # in each column, 0 to n-1 in random order
    matrix[ranks >= N_INCOMING] = 0
    return matrix / _rounded(np.abs(np.linalg.eigvals(matrix)).max())


@register("normal")
def normal(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """N(0, 1).  With a scale, that is the standard deviation."""
    return _normal(generator, fan.shape)


@register("zeros")
def zeros(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Zeros."""
    return np.zeros(fan.shape)


@register("chrono", roles=("bias",), all_gates=True)
def chrono(generator: np.random.Generator, fan: Fan) -> np.ndarray:
    """Biases with which units forget after 1 to T - 1 steps: b_forget = log u, b_input = -log u, u ~ U(1, T - 1), and T
    is the sequence's length.  Tallec, Ollivier, ICLR (2018), eq. 16.

    All gates at once, (fan_in, G * fan_out).  In a GRU one gate, "update", keeps and forgets: its bias is log u.  The
    biases of other gates, and of cells without gates, are zero."""
    if fan.seq_len is None:
        raise ValueError("chrono needs seq_len")
    log_u = portable.log(generator.uniform(1, max(fan.seq_len - 1, 1), fan.shape))
    of = {"forget": log_u, "update": log_u, "input": -log_u}
    return np.concatenate([of.get(gate, np.zeros(fan.shape)) for gate in fan.gates], axis=1)


def _square(fan: Fan) -> tuple[int, int]:
    if fan.fan_in != fan.fan_out:
        raise ValueError(f"a spectral radius belongs to a square matrix, not to one of {fan.fan_in} x {fan.fan_out}")
    return fan.shape
