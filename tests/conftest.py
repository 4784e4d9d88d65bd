"""Builders that several test modules use, and a slow network written another way to compare with.

The reference network is a loop over time with plain differentiable torch operations, one run at a time, in the formulas
of the papers: it shares no line with the lab's own passes.
"""

from __future__ import annotations

import math
import sys
from types import SimpleNamespace

import pytest
import torch
from hydra.core.global_hydra import GlobalHydra
from hydra.version import VersionBase

from rnnlab import app
from rnnlab.activations import make_activation
from rnnlab.config import RunConfig, from_node

FEW = {"n_train": 40, "n_eval": 12, "n_test": 12}
SMALL = {
    "task": {
        "sines": {"n_points": 44, "stop": 8.0, "window": 6, "forecast_steps": 5},
        "sinc": {"n_points": 44, "window": 6, "forecast_steps": 5},
        "digits": {},
        "rows": {"n_train_images": 40},
        "images": {"n_train_images": 40},
        "pixels": {"n_train_images": 40},
        "series": {"window": 5},
        "hihello": {},
        "charseq": {},
        "ambiguous_hello": {},
        "ship": {"window": 5},
        "text": {"n_tokens": 700, "window": 5, "vocabulary_size": 20},
        "adding": {"length": 6} | FEW,
        "multiplication": {"length": 6} | FEW,
        "copy": {"delay": 2, "n_symbols": 2, "n_kinds": 3} | FEW,
        "temporal_order": {"length": 10} | FEW,
        "parity": {"length": 4} | FEW,
    },
    "cell": {"rnn": {"hidden_size": 6}, "memoryless": {"hidden_size": 6}},
    "optimizer": {"adam": {"learning_rate": 0.01}, "sgd": {"learning_rate": 0.01}, "rmsprop": {"learning_rate": 0.01}},
    "training": {"steps": 4, "eval_every": 2},
}


def build_config(task="sines", cell="rnn", optimizer="adam", seed=0, **values) -> RunConfig:
    """A run small enough for a test.  Values are named section__option."""
    chosen = {"task": task, "cell": cell, "optimizer": optimizer}
    node = {group: {"name": name} | SMALL[group][name] for group, name in chosen.items()}
    node |= {"training": dict(SMALL["training"]), "seed": seed}
    for key, value in values.items():
        section, option = key.split("__")
        node.setdefault(section, {})[option] = value
    return from_node(node)


@pytest.fixture(scope="session")
def run_config():
    """run_config("digits", optimizer="sgd", cell__activation="relu") -> RunConfig"""
    return build_config


@pytest.fixture(autouse=True)
def hydra_as_it_was():
    """A command that is run in this process settles for good by which version's rules Hydra goes."""
    before = VersionBase.instance().getbase()
    yield
    VersionBase.instance().version_base = before


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


def phi(name, a, negative_slope=0.01, alpha=1.0):
    """Every activation in the words of its paper, differentiable, for moderate a."""
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
        return _Applied.apply(a, make_activation(name, negative_slope=negative_slope, alpha=alpha))
    return formulas[name]()


class _Applied(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, activation):
        ctx.save_for_backward(activation.slope(a))
        return activation.phi(a)

    @staticmethod
    def backward(ctx, g):
        return g * ctx.saved_tensors[0], None


def unroll(weights, x, activation, *, memoryless=False, answers="last", **parameters):
    """One lane: x (T, B, I) and weights by full name, (fan_in, fan_out) each -> readout (B, O), or (T, B, O)."""
    n_layers = 1 + max(int(name[5]) for name in weights if name.startswith("layer"))
    below = list(x.unbind(0))
    for n in range(n_layers):
        states = []
        for x_t in below:
            a = x_t @ weights[f"layer{n}.weight_ih"]
            if f"layer{n}.bias" in weights:
                a = a + weights[f"layer{n}.bias"]
            if states and not memoryless:
                a = a + states[-1] @ weights[f"layer{n}.weight_hh"]
            states.append(phi(activation, a, **parameters))
        below = states
    answering = below[-1] if answers == "last" else torch.stack(below)
    z = answering @ weights["readout.weight"]
    return z + weights["readout.bias"] if "readout.bias" in weights else z


def lane_weights(network, lane):
    """A lane's parameters by full name, (fan_in, fan_out), as leaves of a new graph."""
    return {name: network.get_weight(lane, name).requires_grad_() for name in network.weights}


@pytest.fixture(scope="session")
def reference():
    """reference.phi, reference.unroll, reference.lane_weights: the network written another way."""
    return SimpleNamespace(phi=phi, unroll=unroll, lane_weights=lane_weights)
