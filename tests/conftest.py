"""Builders that several test modules use, and networks to compare with.

The reference is rnnlab/nets/reference.py with activations in the words of their papers, differentiable: it shares no
line with what computes packs, and is itself held against torch.nn and autograd in tests/nets.
"""

from __future__ import annotations

import math
import sys
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase

from rnnlab import app, plugins
from rnnlab.config.parse import from_node
from rnnlab.config.run import RunConfig
from rnnlab.nets.activations import make_activation
from rnnlab.nets.backends.choice import cannot_compile
from rnnlab.nets.cells.rnn import RnnCell
from rnnlab.nets.reference import forward
from rnnlab.records.digests import SUMS, to_sums
from rnnlab.records.run import RUN, TABLES
from rnnlab.records.tables import to_csv
from rnnlab.records.weights import WEIGHTS, to_bytes
from rnnlab.training.loop import train

FEW = {"n_train": 40, "n_eval": 12, "n_test": 12}
SMALL_TASKS = {  # the others are small enough as they are
    "sines": {"n_points": 44, "stop": 8.0, "window": 6, "forecast_steps": 5},
    "sinc": {"n_points": 44, "window": 6, "forecast_steps": 5},
    "rows": {"n_train_images": 40},
    "images": {"n_train_images": 40},
    "pixels": {"n_train_images": 40},
    "series": {"window": 5},
    "ship": {"window": 5},
    "text": {"n_tokens": 700, "window": 5, "vocabulary_size": 20},
    "adding": {"length": 6} | FEW,
    "multiplication": {"length": 6} | FEW,
    "copy": {"length": 2, "n_symbols": 2, "n_kinds": 3} | FEW,
    "temporal_order": {"length": 10} | FEW,
    "parity": {"length": 4} | FEW,
}


def pytest_configure():
    torch.set_num_threads(1)  # as packs are trained; a second thread waits longer than it helps at these sizes


def build_config(task="sines", cell="rnn", optimizer="adam", seed=0, **values) -> RunConfig:
    """A run small enough for a test.  Values are named section__option."""
    node = {
        "task": {"name": task} | SMALL_TASKS.get(task, {}),
        "cell": {"name": cell, "hidden_size": 6},
        "optimizer": {"name": optimizer, "learning_rate": 0.01},
        "training": {"steps": 4, "batch_size": None, "eval_every": 2},
        "seed": seed,
    }
    for key, value in values.items():
        section, option = key.split("__")
        node.setdefault(section, {})[option] = value
    return from_node(node)


@pytest.fixture(scope="session")
def run_config():
    """run_config("digits", optimizer="sgd", cell__activation="relu") -> RunConfig"""
    return build_config


def record_text(result) -> str:
    """Everything a record holds of a result: equal text is equal bits."""
    assert result.status == "completed"
    numbers = [result.steps_done, result.diverged_at_step, result.divergence_reason, result.outcome, result.metrics]
    tables = (result.curves, result.predictions, result.gradients)
    weights = to_bytes(result.weights).hex() if result.weights else ""
    return "".join(to_csv(table) for table in tables if table) + repr(numbers) + weights


@pytest.fixture(scope="session")
def text():
    return record_text


@pytest.fixture(scope="session")
def texts():
    """texts(runs): they are trained as a pack, and come back as what their records hold."""

    def texts(pack, **options):
        return [record_text(result) for result in train(pack, **options)]

    return texts


@pytest.fixture(scope="session")
def seal():
    """seal(folder): a record whose files a test has changed, as if it had been written like that."""

    def seal(folder):
        names = [name for name in (*TABLES.values(), WEIGHTS, RUN) if (folder / name).is_file()]
        (folder / SUMS).write_text(to_sums({name: (folder / name).read_bytes() for name in names}))

    return seal


@pytest.fixture(scope="session", autouse=True)
def _kernels():
    """Kernels are compiled before the first test: the command of a test would say that it compiles."""
    if find_spec("numba"):
        cannot_compile()


@pytest.fixture(autouse=True)
def hydra_as_it_was():
    """A command that is run in this process settles for good by which version's rules Hydra goes."""
    before = VersionBase.instance().getbase()
    yield
    VersionBase.instance().version_base = before


@pytest.fixture(autouse=True)
def no_plugins_stay():
    """A command that is run in this process leaves the files of its plugins registered until another one is run."""
    yield
    if any(plugin.text is not None for plugin in plugins.loaded()):
        plugins.use([], Path())


@pytest.fixture
def rnnlab(tmp_path, monkeypatch):
    """rnnlab("seed=1", ...) runs the command in this process, in an empty folder, and returns its exit code.

    A key that is given again takes the place of what was given before, so that a test can vary a list it shares."""

    def run(*arguments):
        GlobalHydra.instance().clear()
        last = {argument.partition("=")[0]: argument for argument in arguments}
        monkeypatch.setattr(sys, "argv", ["rnnlab", *last.values()])
        return app.run()

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("HYDRA_FULL_ERROR", raising=False)
    yield run
    GlobalHydra.instance().clear()


def phi(name, a, **parameters):
    """Every activation in the words of its paper, differentiable, for moderate a."""
    negative_slope, alpha = parameters.get("negative_slope", 0.01), parameters.get("alpha", 1.0)
    scale, selu_alpha = 1.0507009873554805, 1.6732632423543772
    formulas = {
        "tanh": lambda: (torch.exp(a) - torch.exp(-a)) / (torch.exp(a) + torch.exp(-a)),
        "sigmoid": lambda: 1 / (1 + torch.exp(-a)),
        "relu": lambda: torch.where(a > 0, a, 0 * a),
        "leaky_relu": lambda: torch.where(a > 0, a, negative_slope * a),
        "identity": lambda: 1 * a,
        "elu": lambda: torch.where(a > 0, a, alpha * (torch.exp(a) - 1)),
        "selu": lambda: scale * torch.where(a > 0, a, selu_alpha * (torch.exp(a) - 1)),
        "celu": lambda: torch.where(a > 0, a, alpha * (torch.exp(a / alpha) - 1)),
        "gelu": lambda: a * 0.5 * torch.erfc(-a / math.sqrt(2)),
        "silu": lambda: a / (1 + torch.exp(-a)),
        "mish": lambda: a * torch.tanh(torch.log1p(torch.exp(a))),
        "softplus": lambda: torch.logaddexp(a, 0 * a),
        "softsign": lambda: a / (1 + torch.where(a > 0, a, -a)),
        "hardtanh": lambda: torch.where(a.abs() < 1, a, torch.sign(a.detach())),
        "relu6": lambda: torch.where((a > 0) & (a < 6), a, 6 * (a.detach() >= 6).to(a.dtype)),
        "sine": lambda: torch.cos(a - math.pi / 2),
    }
    if name not in formulas:  # a newer one: by its own phi and slope, which gradcheck holds together
        return _Applied.apply(a, make_activation(name, **parameters))
    return formulas[name]()


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, activation):
        ctx.save_for_backward(activation.slope(a))
        return activation.phi(a)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None


class Written:
    """An activation, by name or as it is, in the words of its paper as a cell's phi: differentiable, and without a
    slope of its own."""

    def __init__(self, activation, **parameters):
        is_name = isinstance(activation, str)
        self.name = activation if is_name else activation.name
        self.parameters = parameters if is_name else vars(activation)

    def __call__(self, a):
        return phi(self.name, a, **self.parameters)


def passed_forward(weights, x, activation, *, cell=RnnCell, gate_activation="sigmoid", initial=None, **options):
    """One lane by nets/reference.py: x (T, B, I) or tokens (T, B), and weights by full name -> readout (B, O), or
    (T, B, O), and the states after each step, layer by layer, [n][t].  Differentiable."""
    parameters = {name: options.pop(name) for name in ("negative_slope", "alpha") if name in options}
    written = cell(Written(activation, **parameters), Written(gate_activation, **parameters))
    if x.ndim == 2:
        first = weights.get("embedding.weight", weights["layer0.weight_ih"])
        x = torch.nn.functional.one_hot(x, first.shape[0]).to(first.dtype)
    found = forward(written, weights, list(x), initial=initial, **options)
    return found.z, found.states


def unroll(weights, x, activation, **options):
    """What `passed_forward` reads out."""
    return passed_forward(weights, x, activation, **options)[0]


def lane_weights(architecture, row):
    """A row of parameters (P,) -> the parameters by full name, (fan_in, gates * fan_out), as leaves of a new graph."""
    row = torch.tensor(row, dtype=torch.float64)
    return {
        name: row[start : start + rows * columns].reshape(rows, columns).requires_grad_()
        for name, (start, (rows, columns)) in architecture.places().items()
    }


def random_weights(architecture, n_lanes, seed=0):
    """(R, P), so that states stay of order 1, also where gates have no bounds."""
    generator = np.random.default_rng(seed)
    fan_in = np.concatenate([np.full(rows * n, rows) for _, (rows, n) in architecture.places().values()])
    return 0.5 * generator.normal(size=(n_lanes, architecture.n_parameters)) / fan_in**0.5


@pytest.fixture(scope="session")
def reference():
    """The network written another way, and networks to compare it with."""
    functions = (phi, Written, passed_forward, unroll, lane_weights, random_weights)
    return SimpleNamespace(**{function.__name__: function for function in functions})
